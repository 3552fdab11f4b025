"""What a conversion writes down about itself: `.lk-migrate/ledger/<id>.json`, the report with the whole ledger.

The id is the backup's, so that both are found together. It is read again by `ledger` and `todo`.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from lk_migrate.model import Fate, LedgerEntry, Place, Plan, UserError
from lk_migrate.project.paths import display, reason, state_folder
from lk_migrate.report.data import SCHEMA_VERSION, ledger, report, todo


@dataclass(frozen=True)
class Record:
    """A conversion that was written. `data` is the report, with `created` (ISO 8601, UTC) and `backup`."""

    id: str
    data: dict[str, Any]

    @property
    def ledger(self) -> tuple[LedgerEntry, ...]:
        """One entry per legacy statement."""
        return tuple(
            LedgerEntry(_place(e["place"]), Fate(e["fate"]), e["rule"], e["why"], _place(e["to"]) if e["to"] else None)
            for e in self.data["ledger"]
        )


def save(root: Path, plan: Plan, backup: str | None) -> Record:
    """Write the record of a conversion; UserError when the disk refuses (the conversion itself is done by then)."""
    now = datetime.now(timezone.utc)
    identity = backup or f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    data = report(plan) | {
        "created": now.isoformat(timespec="seconds"),
        "backup": backup,
        "ledger": ledger(plan),
        "todo": todo(plan),
    }
    try:
        folder = state_folder(root, create=True) / "ledger"
        folder.mkdir(exist_ok=True)
        draft = folder / f".{identity}.draft"
        draft.write_text(json.dumps(data, indent=1), encoding="utf-8")
        os.replace(draft, folder / f"{identity}.json")  # noqa: PTH105
    except OSError as error:
        raise UserError(f"the files are converted, but the ledger could not be written: {reason(error)}.") from error
    return Record(identity, data)


def load(root: Path, wanted: str | None = None) -> Record:
    """The newest record, or the one whose id begins with `wanted`. UserError when there is none or it is damaged."""
    folder = state_folder(root) / "ledger"
    names = sorted(p.stem for p in folder.glob("*.json") if not p.is_symlink()) if folder.is_dir() else []
    if not names:
        raise UserError(f"nothing was converted in {display(root)} yet; `lk-migrate convert` writes the ledger.")
    found = [n for n in names if n.startswith(wanted)] if wanted else names[-1:]
    if len(found) != 1:
        raise UserError(f"{len(found)} conversions match {wanted!r}; there are: {', '.join(names)}.")
    try:
        data = json.loads((folder / f"{found[0]}.json").read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA_VERSION:
            raise ValueError(f"its schema {data['schema']!r} is not known to this version")
        record = Record(found[0], data)
        _ = record.ledger, data["todo"], data["changes"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"the ledger {found[0]} is damaged: {error}.") from error
    return record


def _place(data: dict[str, Any]) -> Place:
    return Place(str(data["path"]), int(data["line"]), int(data["end_line"]))

"""What a conversion writes down about itself: `.lk-migrate/ledger/<id>.json`, the report with the whole ledger.

The id is the backup's, so that both are found together. It is read again by `ledger`, `todo` and `report`. Beside it,
`<id>.zip` has the changed files before and after as they may be shown, so that a report can be drawn later, whatever
became of the backup and the files since.
"""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from lk_migrate.ledger import Ledger, packed
from lk_migrate.model import (
    Action,
    AgentSummary,
    Edition,
    Fate,
    FileChange,
    Finding,
    LedgerEntry,
    MainSummary,
    Place,
    Plan,
    Skipped,
    UserError,
)
from lk_migrate.project.paths import display, reason, state_folder
from lk_migrate.report.data import SCHEMA_VERSION, ledger, report, todo


@dataclass(frozen=True)
class Record:
    """A conversion that was written. `data` is the report, with `created` (ISO 8601, UTC) and `backup`."""

    id: str
    data: dict[str, Any]

    @property
    def ledger(self) -> Ledger:
        """One entry per legacy statement."""
        return packed(
            LedgerEntry(_place(e["place"]), Fate(e["fate"]), e["rule"], e["why"], _place(e["to"]) if e["to"] else None)
            for e in self.data["ledger"]
        )


def save(root: Path, plan: Plan, backup: str | None) -> Record:
    """Write the record of a conversion; UserError when the disk refuses (the conversion itself is done by then)."""
    now = datetime.now(timezone.utc)
    identity = backup or f"{now:%Y%m%dT%H%M%SZ}-{os.urandom(3).hex()}"
    data = report(plan) | {
        "created": now.isoformat(timespec="seconds"),
        "backup": backup,
        "ledger": ledger(plan),
        "todo": todo(plan),
    }
    try:
        folder = state_folder(root, create=True) / "ledger"
        folder.mkdir(exist_ok=True)
        _save_files(folder / f"{identity}.zip", plan)
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


def load_plan(root: Path, record: Record) -> Plan:
    """The plan that was carried out, as it may be shown. UserError when its files are not there any more."""
    data, main = record.data, record.data["main"]
    try:
        return Plan(
            root=data["root"],
            changes=_load_files(state_folder(root) / "ledger" / f"{record.id}.zip", data["changes"]),
            findings=tuple(_finding(f) for f in data["findings"]),
            ledger=record.ledger,
            skipped=tuple(Skipped(s["path"], s["reason"]) for s in data["skipped"]),
            agents=tuple(AgentSummary(**(a | {"tools": tuple(a["tools"])})) for a in data["agents"]),
            main=MainSummary(**(main | {"support": tuple(main["support"])})) if main is not None else None,
            editions={path: tuple(Edition(e) for e in found) for path, found in data["editions"].items()},
        )
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        what = f"the files of conversion {record.id} cannot be shown: {error}"
        raise UserError(f"{what}; `convert --report FILE` writes a report as it converts.") from error


def _save_files(path: Path, plan: Plan) -> None:
    """By number: a zip's names are text, a file's need not be."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, change in enumerate(plan.changes):
            for side, data in (("before", change.before), ("after", change.after)):
                if data is not None:
                    archive.writestr(f"{number}/{side}", data)


def _load_files(path: Path, changes: list[dict[str, Any]]) -> tuple[FileChange, ...]:
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())

        def side(number: int, which: str) -> bytes | None:
            name = f"{number}/{which}"
            return archive.read(name) if name in names else None

        return tuple(
            FileChange(change["path"], side(number, "before"), side(number, "after"))
            for number, change in enumerate(changes)
        )


def _finding(data: dict[str, Any]) -> Finding:
    to = _place(data["to"]) if data["to"] else None
    return Finding(data["rule"], Action(data["action"]), _place(data["place"]), data["message"], data["column"], to)


def _place(data: dict[str, Any]) -> Place:
    return Place(str(data["path"]), int(data["line"]), int(data["end_line"]))

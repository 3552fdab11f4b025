"""What `verify` found, kept beside the conversion that it verified: `.lk-migrate/verify/<id>.json`.

The HTML report shows it. A later run of some of the stages replaces these stages; when the code was edited in between,
all older ones go, because they speak of other code.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

from lk_migrate.model import Place
from lk_migrate.project.config import load_settings
from lk_migrate.project.discover import convertible_files
from lk_migrate.project.paths import state_folder
from lk_migrate.report.record import Record

#: Raised when a field changes its meaning or goes.
_SCHEMA = 1


@dataclass(frozen=True)
class Step:
    """Something that happened `at` seconds. `left` and `width`: its bar in percent of the whole."""

    name: str
    at: float
    left: float
    width: float


@dataclass(frozen=True)
class Check:
    """A row of `verify --json`."""

    stage: str
    name: str
    status: str
    detail: str = ""
    place: Place | None = None
    seconds: float = 0.0
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Verified:
    """One verification. `created` is ISO 8601 in UTC; `outdated`: the code was edited since."""

    created: str
    checks: tuple[Check, ...]
    outdated: bool = False

    @property
    def failed(self) -> int:
        return sum(check.status == "failed" for check in self.checks)

    @property
    def stages(self) -> list[tuple[str, list[Check]]]:
        """The checks by stage, in the order in which they ran."""
        found: dict[str, list[Check]] = {}
        for check in self.checks:
            found.setdefault(check.stage, []).append(check)
        return list(found.items())


def save_verified(root: Path, record: Record, rows: Sequence[Mapping[str, Any]], order: Sequence[str]) -> None:
    """Keep the rows of a verification (as in `verify --json`); `order`: all stages that there are.

    Raises OSError when the disk refuses.
    """
    folder = state_folder(root, create=True) / "verify"
    folder.mkdir(exist_ok=True)
    digest = _digest(root)
    ran = {row["stage"] for row in rows}
    earlier = _load(folder / f"{record.id}.json")
    kept = [row for row in earlier["rows"] if row["stage"] not in ran] if earlier.get("code") == digest else []
    places = {stage: number for number, stage in enumerate(order)}
    data = {
        "schema": _SCHEMA,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "code": digest,
        "rows": sorted([*kept, *rows], key=lambda row: places.get(row["stage"], len(places))),
    }
    draft = folder / f".{record.id}.draft"
    draft.write_text(json.dumps(data, indent=1), encoding="utf-8")
    os.replace(draft, folder / f"{record.id}.json")  # noqa: PTH105


def load_verified(root: Path, record: Record) -> Verified | None:
    """The newest verification of a conversion, if there was one (that can be read)."""
    data = _load(state_folder(root) / "verify" / f"{record.id}.json")
    try:
        checks = verified(data["rows"]).checks
        return Verified(str(data["created"]), checks, outdated=data["code"] != _digest(root))
    except (KeyError, TypeError, ValueError):
        return None


def verified(rows: Iterable[Mapping[str, Any]], created: str = "") -> Verified:
    """Rows of `verify --json` as they are shown. Raises KeyError or TypeError for what are none."""
    return Verified(created, tuple(_check(row) for row in rows))


def _check(row: Mapping[str, Any]) -> Check:
    at = row.get("place")
    place = Place(str(at["path"]), int(at["line"]), int(at["end_line"])) if at else None
    steps = _timeline([(str(name), float(when)) for name, when in row.get("steps") or ()])
    seconds = float(row.get("seconds") or 0)
    return Check(row["stage"], row["name"], row["status"], row.get("detail") or "", place, seconds, steps)


def _timeline(steps: Sequence[tuple[str, float]]) -> tuple[Step, ...]:
    """Each step's bar reaches from the one before to when it happened."""
    whole = max((at for _, at in steps), default=0.0) or 1.0
    befores = [0.0, *(at for _, at in steps)]
    ranges = zip(steps, pairwise(befores), strict=True)
    return tuple(
        Step(name, at, round(100 * min(one, other) / whole, 2), round(100 * abs(other - one) / whole, 2))
        for (name, at), (one, other) in ranges
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) and data.get("schema") == _SCHEMA else {}


def _digest(root: Path) -> str:
    """Of the project's Python files and manifests as they are."""
    digest = hashlib.sha256()
    for path in sorted(convertible_files(root, load_settings(root)).files):
        try:
            data = (root / path).read_bytes()
        except OSError:
            data = b""
        digest.update(path.encode("utf-8", "surrogateescape") + b"\0" + hashlib.sha256(data).digest())
    return digest.hexdigest()

"""What verification found: one row for each thing that was looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from lk_migrate.model import Place


class Status(str, Enum):
    """SKIPPED was not tried, and the row says why; it is neither good nor bad news."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was verified.

    `detail` is a sentence for a person; `seconds` is what it took, 0 if instant. `steps` is a timeline: what
    happened, and after how many seconds.
    """

    stage: str
    name: str
    status: Status
    detail: str = ""
    place: Place | None = None
    seconds: float = 0.0
    steps: tuple[tuple[str, float], ...] = ()


def any_failed(rows: Iterable[Row]) -> bool:
    """Whether verification as a whole failed."""
    return any(row.status is Status.FAILED for row in rows)


def console_command(rows: Iterable[Row]) -> str:
    """How a person talks to what was verified (`python -m clinic.main console`); "" if its console was not started."""
    commands = (row.name for row in rows if row.stage == "console" and row.status is Status.OK)
    return next((name.removesuffix(" --text") for name in commands if name.startswith("python ")), "")

"""The shared words: small frozen values that flow between the stages.

Paths are always relative to the project root, as POSIX strings; lines are 1-based, ends inclusive.
Nothing here touches the disk or imports LibCST, so every stage (and `--help`) can afford it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum


class Edition(str, Enum):
    """What a file or project is written for."""

    HANDROLLED = "handrolled"
    V0 = "v0"
    V1 = "v1"
    CURRENT = "current"


class Safety(str, Enum):
    """SAFE keeps behaviour; REVIEW is right in the usual case and asks for a look."""

    SAFE = "safe"
    REVIEW = "review"


class Action(str, Enum):
    """What a rule did at a place."""

    REWRITTEN = "rewritten"
    REMOVED = "removed"
    MOVED = "moved"
    TODO = "todo"  # a marker stands in the code: a person must decide
    NOTE = "note"  # worth knowing; nothing is left to do


@dataclass(frozen=True, slots=True)
class Place:
    """A line range in a file."""

    path: str
    line: int
    end_line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule met a place in the legacy code. `to` is where the code stands afterwards, when known."""

    rule: str
    action: Action
    place: Place
    message: str
    column: int = 0
    to: Place | None = None


class Fate(str, Enum):
    """What became of a legacy statement."""

    KEPT = "kept"
    MOVED = "moved"
    REWRITTEN = "rewritten"
    REMOVED = "removed"
    MARKER = "marker"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One legacy statement (or comment block) and what became of it."""

    place: Place
    fate: Fate
    rule: str = ""
    why: str = ""
    to: Place | None = None


@dataclass(frozen=True, slots=True)
class FileChange:
    """`before is None`: the file is created; `after is None`: it is deleted. Bytes, never text."""

    path: str
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left exactly as it was, and why (one sentence for a person)."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class AgentSummary:
    """One assistant class for the summary. `gate` is its calls per utterance, None without a gate."""

    name: str
    path: str
    tools: tuple[str, ...]
    gate: int | None
    lines_before: int
    lines_after: int


@dataclass(frozen=True, slots=True)
class MainSummary:
    """The main file before and after; `support` are the modules that took what left it."""

    path: str
    lines_before: int
    lines_after: int
    support: tuple[str, ...] = ()

    @property
    def rest(self) -> str:
        """Where the rest is, in words: the first few modules."""
        more = f" and {len(self.support) - 4} more" if len(self.support) > 4 else ""
        return f"the rest is in {', '.join(self.support[:4])}{more}" if self.support else ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a conversion would do: a value that can be shown, checked, tested, applied later."""

    root: str
    changes: tuple[FileChange, ...] = ()
    findings: tuple[Finding, ...] = ()
    ledger: Sequence[LedgerEntry] = ()
    skipped: tuple[Skipped, ...] = ()
    agents: tuple[AgentSummary, ...] = ()
    main: MainSummary | None = None
    editions: dict[str, tuple[Edition, ...]] = field(default_factory=dict)
    #: Whether any of the files that were read mentions LiveKit.
    speaks_of_livekit: bool = True

    @property
    def why_nothing(self) -> str:
        """Why there is nothing to change, where there isn't."""
        if self.speaks_of_livekit:
            return "the project is current already."
        return "no file speaks of LiveKit, and no assistant class of the project's own was recognised."

    @property
    def todo(self) -> tuple[Finding, ...]:
        """What is left for a person."""
        return tuple(f for f in self.findings if f.action is Action.TODO)


class UserError(Exception):
    """The user's mistake: one clear sentence (what, where, what to do). Ends with exit code 2."""


class ExitCode:
    """The command-line contract."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    LEFTOVERS = 3
    INTERRUPTED = 130

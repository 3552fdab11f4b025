"""Version pins: raised to a goal in the way the person wrote them.

PEP 440 specifiers (`~=1.2`, `>=1.2,<2`) and Poetry's constraints (`^1.2`, `~1.2`, `1.2.3`, `*`) are one language
here: clauses of an operator and a version. Versions are changed where they stand; spaces and order remain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from lk_migrate.manifests.target import Goal

_CLAUSE = re.compile(r"(?P<op>===|==|~=|!=|<=|>=|<|>|\^|~|=|)(?P<space>\s*)(?P<version>\d[\w.!+*-]*|\*)\s*")
_SEPARATOR = re.compile(r"(?:,\s*|\s+|$)")

_EXACT = ("", "=", "==", "===")
_FLOORS = (*_EXACT, "~=", "^", "~", ">=", ">")
_Release = tuple[int, ...]


class UnknownPin(ValueError):
    """A pin in a language that we do not read (`||`, a legacy version, a variable)."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of a pin; `start` and `end` are where its version stands in the text."""

    op: str
    version: str
    start: int
    end: int

    @property
    def release(self) -> _Release:
        """The numbers of the version, without a closing `.*`. Raises UnknownPin."""
        try:
            return Version(self.version.removesuffix(".*")).release
        except InvalidVersion as error:
            raise UnknownPin(self.version) from error

    @property
    def wild(self) -> bool:
        """Whether it ends in `.*`."""
        return self.version.endswith(".*")


def clauses(text: str) -> tuple[Clause, ...]:
    """The parts of a pin; none for "" and `*`. Raises UnknownPin."""
    return tuple(_clauses(text))


def _clauses(text: str) -> Iterator[Clause]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _CLAUSE.match(text, at)
        if match is None:
            raise UnknownPin(text)
        if match["version"] != "*":
            clause = Clause(match["op"], match["version"], match.start("version"), match.end("version"))
            _ = clause.release
            yield clause
        separator = _SEPARATOR.match(text, match.end())
        if separator is None and not text[match.end() - 1].isspace():
            raise UnknownPin(text)
        at = separator.end() if separator else match.end()


def floor(text: str) -> _Release | None:
    """The oldest release that the pin lets in, as far as it says. Raises UnknownPin."""
    return max((c.release for c in clauses(text) if c.op in _FLOORS), default=None)


def ceiling(text: str) -> _Release | None:
    """The first release that is too new for the pin, None when none is. Raises UnknownPin."""
    return min((top for c in clauses(text) if (top := _top(c)) is not None), default=None)


def _top(clause: Clause) -> _Release | None:
    numbers, op = clause.release, clause.op
    if op == "<":
        return numbers
    if op == "<=" or (op in _EXACT and not clause.wild):
        return (*numbers, 0, 0, 0, 1)
    if op in _EXACT:
        return _next(numbers, len(numbers) - 1)
    if op == "~=":
        return _next(numbers, len(numbers) - 2)
    if op == "~":
        return _next(numbers, min(1, len(numbers) - 1))
    if op == "^":
        return _next(numbers, next((i for i, n in enumerate(numbers) if n), len(numbers) - 1))
    return None


def _next(numbers: _Release, place: int) -> _Release:
    """The first release after those that begin with `numbers[: place + 1]`."""
    place = max(place, 0)
    return (*numbers[:place], numbers[place] + 1)


def collides(text: str, needed: str) -> bool:
    """Whether no version satisfies both the pin and `needed` (PEP 440). Raises UnknownPin."""
    low, high = floor(needed) or (0,), ceiling(needed)
    ours_low, ours_high = floor(text) or (0,), ceiling(text)
    too_new = high is not None and _padded(ours_low) >= _padded(high)
    too_old = ours_high is not None and _padded(ours_high) <= _padded(low)
    return too_new or too_old


def is_below(text: str, goal: Goal) -> bool:
    """Whether the pin lets in what is older than the goal's line, or nothing else. Raises UnknownPin.

    No pin at all is not below: it takes the newest. Neither is one without a floor that lets the goal in.
    """
    line, tested = Version(goal.line).release, Version(goal.version).release
    low, high = floor(text), ceiling(text)
    if low is not None:
        return _padded(low) < _padded(line)
    return high is not None and _padded(high) <= _padded(tested)


def _padded(numbers: _Release) -> _Release:
    return (*numbers, *(0,) * (8 - len(numbers)))


def raised(text: str, goal: Goal) -> str:
    """The pin in the same style, on the goal's line. Raises UnknownPin.

    `~=1.2` → `~=1.8`, `==1.2.3` → `==1.8.9`, `>=1.2,<1.3` → `>=1.8,<1.9`, `^0.12` → `^1.8`.
    """
    parts = clauses(text)
    out = text
    for clause in reversed(parts):
        out = out[: clause.start] + _raised_version(clause, goal) + out[clause.end :]
    if not any(c.op in _FLOORS for c in parts):
        out = f">={goal.line}{', ' if ', ' in text else ','}{out.lstrip()}"
    return out


def _raised_version(clause: Clause, goal: Goal) -> str:
    line, tested = Version(goal.line).release, Version(goal.version).release
    count = len(clause.release)
    if clause.op in ("!=",):
        return clause.version
    if clause.op in ("<", "<="):
        return clause.version if _padded(clause.release) > _padded(tested) else _raised_ceiling(clause, tested)
    if clause.wild:
        return f"{'.'.join(map(str, tested[:2]))}.*"
    if clause.op in _EXACT or count > len(line):
        return goal.version
    return goal.line


def _raised_ceiling(clause: Clause, tested: _Release) -> str:
    numbers = clause.release
    if clause.op == "<=":
        return ".".join(map(str, tested))
    minor = any(numbers[1:])  # `<1.3` stays below the next minor release, `<1` and `<1.0` below the next major one
    ahead = (tested[0], tested[1] + 1) if minor else (tested[0] + 1,)
    return ".".join(map(str, (*ahead, *(0,) * (len(numbers) - len(ahead)))))

"""One ledger out of two: a file that rules rewrote first, and whose parts a generator then moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lk_migrate.model import Fate, LedgerEntry, Place


def compose(
    first: Iterable[LedgerEntry], second: Iterable[LedgerEntry], lines: Mapping[int, int]
) -> tuple[LedgerEntry, ...]:
    """`first` speaks of the legacy file, `second` of what the rules made of it; `lines`: line map between them.

    The answer speaks of the legacy file: where a rule kept or rewrote a statement, what the generator did to it
    afterwards is added; what a rule removed is final.
    """
    by_line: dict[int, LedgerEntry] = {}
    for entry in second:
        for number in range(entry.place.line, entry.place.end_line + 1):
            by_line.setdefault(number, entry)
    composed: list[LedgerEntry] = []
    for entry in first:
        later = _later(entry.place, by_line, lines)
        if entry.fate is Fate.REMOVED or later is None:
            composed.append(entry)
        elif entry.fate in (Fate.KEPT, Fate.MOVED):
            composed.append(replace(later, place=entry.place))
        else:
            composed.append(replace(entry, to=later.to or entry.to))
    return tuple(composed)


def _later(place: Place, by_line: Mapping[int, LedgerEntry], lines: Mapping[int, int]) -> LedgerEntry | None:
    """What happened to the statement afterwards; a rewritten one is found through the line above it."""
    for number in range(place.line, place.end_line + 1):
        if number in lines and lines[number] in by_line:
            return by_line[lines[number]]
    for number in range(place.line - 1, 0, -1):
        if number in lines:
            return by_line.get(lines[number] + 1) or by_line.get(lines[number])
    return None

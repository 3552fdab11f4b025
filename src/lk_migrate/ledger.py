"""The entries of a ledger by column: a plan may hold hundreds of thousands of them.

As objects, with their places, they are 180 bytes each, which was most of what a plan of many small files takes; here
they are 20, and travel between processes as fast (docs/performance.md). Whoever reads one gets a `LedgerEntry`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import eq
from typing import NamedTuple, overload

from lk_migrate.model import Fate, LedgerEntry, Place


class _Kind(NamedTuple):
    """What many entries have in common: all but their lines. `home`: the file in which they stand now, if in any."""

    path: str
    fate: Fate
    rule: str
    why: str
    home: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Ledger(Sequence[LedgerEntry]):
    """Entries that nobody changes any more, in their order.

    `kinds`: what they can be; `of`: which of these each is; `lines`: four numbers for each, first and last line in the
    legacy file and in its new home (0 without one).
    """

    kinds: Sequence[_Kind] = ()
    of: array[int] = field(default_factory=lambda: array("I"))
    lines: array[int] = field(default_factory=lambda: array("I"))

    def __len__(self) -> int:
        return len(self.of)

    @overload
    def __getitem__(self, index: int) -> LedgerEntry: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[LedgerEntry]: ...

    def __getitem__(self, index: int | slice) -> LedgerEntry | Sequence[LedgerEntry]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        return _entry(self.kinds[self.of[at]], *self.lines[4 * at : 4 * at + 4])

    def __iter__(self) -> Iterator[LedgerEntry]:
        numbers = iter(self.lines)
        for kind, *lines in zip(self.of, numbers, numbers, numbers, numbers, strict=True):
            yield _entry(self.kinds[kind], *lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ledger) and len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def with_reasons(self, change: Callable[[str], str]) -> Ledger:
        """The same with other words for why."""
        return replace(self, kinds=[kind._replace(why=change(kind.why)) for kind in self.kinds])


def packed(entries: Iterable[LedgerEntry]) -> Ledger:
    """The entries as they are to be held."""
    if isinstance(entries, Ledger):
        return entries
    numbers: dict[_Kind, int] = {}
    of, lines = array("I"), array("I")
    for entry in entries:
        place, to = entry.place, entry.to
        kind = _Kind(place.path, entry.fate, entry.rule, entry.why, to.path if to is not None else None)
        of.append(numbers.setdefault(kind, len(numbers)))
        lines.extend((place.line, place.end_line))
        lines.extend((to.line, to.end_line) if to is not None else (0, 0))
    return Ledger(list(numbers), of, lines)


def joined(ledgers: Iterable[Iterable[LedgerEntry]]) -> Ledger:
    """The entries of all of them."""
    kinds: list[_Kind] = []
    of, lines = array("I"), array("I")
    for each in map(packed, ledgers):
        of.extend(number + len(kinds) for number in each.of)
        kinds.extend(each.kinds)
        lines.extend(each.lines)
    return Ledger(kinds, of, lines)


def _entry(kind: _Kind, line: int, end_line: int, new_line: int, new_end_line: int) -> LedgerEntry:
    to = Place(kind.home, new_line, new_end_line) if kind.home is not None else None
    return LedgerEntry(Place(kind.path, line, end_line), kind.fate, kind.rule, kind.why, to)

"""The entries of a ledger by column: a plan may hold hundreds of thousands of them.

As objects, with their places, they are 180 bytes each, which was most of what a plan of many small files takes; here
they are 20, and travel between processes as fast (docs/performance.md). Whoever reads one gets a `LedgerEntry`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
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


@dataclass(frozen=True, slots=True)
class _Columns:
    """Some entries. `kinds`: what they can be; `of`: which of these each is; `lines`: four numbers for each, first and
    last line in the legacy file and in its new home (0 without one)."""

    kinds: list[_Kind] = field(default_factory=list)
    of: array[int] = field(default_factory=lambda: array("I"))
    lines: array[int] = field(default_factory=lambda: array("I"))

    def __iter__(self) -> Iterator[LedgerEntry]:
        numbers = iter(self.lines)
        for number, *lines in zip(self.of, numbers, numbers, numbers, numbers, strict=True):
            yield _entry(self.kinds[number], *lines)


@dataclass(frozen=True, slots=True, eq=False)
class Ledger(Sequence[LedgerEntry]):
    """Entries that nobody changes any more, in their order. What is joined (`parts`) is not copied."""

    parts: tuple[_Columns, ...] = ()

    def __len__(self) -> int:
        return sum(len(part.of) for part in self.parts)

    def __iter__(self) -> Iterator[LedgerEntry]:
        return chain.from_iterable(self.parts)

    @overload
    def __getitem__(self, index: int) -> LedgerEntry: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[LedgerEntry]: ...

    def __getitem__(self, index: int | slice) -> LedgerEntry | Sequence[LedgerEntry]:
        if isinstance(index, slice):
            return list(self)[index]
        return next(islice(self, range(len(self))[index], None))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ledger) and len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def with_reasons(self, change: Callable[[str], str]) -> Ledger:
        """The same with other words for why."""
        parts = (replace(p, kinds=[kind._replace(why=change(kind.why)) for kind in p.kinds]) for p in self.parts)
        return Ledger(tuple(parts))


def packed(entries: Iterable[LedgerEntry]) -> Ledger:
    """The entries as they are to be held."""
    return entries if isinstance(entries, Ledger) else Ledger((_columns(entries),))


def changed(
    entries: Iterable[LedgerEntry], change: Callable[[LedgerEntry], LedgerEntry], without: Collection[str]
) -> Ledger:
    """What `change` makes of the entries, but for those of files at the paths `without`."""

    def asked(entry: LedgerEntry) -> LedgerEntry:
        return entry if entry.place.path in without else change(entry)

    if not isinstance(entries, Ledger):
        return packed(map(asked, entries))
    stay = [all(kind.path in without for kind in part.kinds) for part in entries.parts]
    parts = zip(entries.parts, stay, strict=True)
    return Ledger(tuple(part if same else _columns(map(asked, part)) for part, same in parts))


def joined(ledgers: Iterable[Iterable[LedgerEntry]]) -> Ledger:
    """The entries of all of them."""
    return Ledger(tuple(part for ledger in map(packed, ledgers) for part in ledger.parts if part.of))


def _columns(entries: Iterable[LedgerEntry]) -> _Columns:
    numbers: dict[_Kind, int] = {}
    of, lines = array("I"), array("I")
    for entry in entries:
        place, to = entry.place, entry.to
        kind = _Kind(place.path, entry.fate, entry.rule, entry.why, to.path if to is not None else None)
        of.append(numbers.setdefault(kind, len(numbers)))
        lines.extend((place.line, place.end_line))
        lines.extend((to.line, to.end_line) if to is not None else (0, 0))
    return _Columns(list(numbers), of, lines)


def _entry(kind: _Kind, line: int, end_line: int, new_line: int, new_end_line: int) -> LedgerEntry:
    to = Place(kind.home, new_line, new_end_line) if kind.home is not None else None
    return LedgerEntry(Place(kind.path, line, end_line), kind.fate, kind.rule, kind.why, to)

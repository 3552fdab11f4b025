"""The ledger as answers: what became of each file, and where a line went or came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lk_migrate.model import Fate, LedgerEntry, Place


@dataclass(frozen=True)
class FileSums:
    """Lines of one legacy file by fate (statements and comments; blank lines do not count), and where they stand."""

    path: str
    lines: dict[Fate, int]
    homes: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.lines.values())

    def percent(self) -> dict[Fate, int]:
        """Whole percents that sum to 100 (largest remainders); what exists is never shown as 0."""
        exact = {fate: 100 * n / self.total for fate, n in self.lines.items() if n}
        shown = {fate: max(1, int(value)) for fate, value in exact.items()}
        while sum(shown.values()) < 100:
            fate = max(exact, key=lambda f: exact[f] - shown[f])
            shown[fate] += 1
        while sum(shown.values()) > 100:
            shown[max(shown, key=lambda f: shown[f])] -= 1
        return shown


def sums(ledger: Iterable[LedgerEntry]) -> list[FileSums]:
    """One per legacy file, by path."""
    lines: dict[str, Counter[Fate]] = {}
    homes: dict[str, Counter[str]] = {}
    for entry in ledger:
        length = entry.place.end_line - entry.place.line + 1
        lines.setdefault(entry.place.path, Counter())[entry.fate] += length
        if entry.to is not None:
            homes.setdefault(entry.place.path, Counter())[entry.to.path] += length
    return [
        FileSums(
            path, {f: lines[path][f] for f in Fate if lines[path][f]}, dict(homes.get(path, Counter()).most_common())
        )
        for path in sorted(lines)
    ]


def stretches(ledger: Sequence[LedgerEntry]) -> Iterator[LedgerEntry]:
    """Neighbouring entries of one fate, rule and reason that went to the same file, as one."""
    current: LedgerEntry | None = None
    for entry in sorted(ledger, key=lambda e: (e.place.path, e.place.line)):
        joined = _joined(current, entry) if current is not None else None
        if joined is None:
            if current is not None:
                yield current
            current = entry
        else:
            current = joined
    if current is not None:
        yield current


def _joined(one: LedgerEntry, other: LedgerEntry) -> LedgerEntry | None:
    if (one.place.path, one.fate, one.rule, one.why) != (other.place.path, other.fate, other.rule, other.why):
        return None
    if (one.to is None) != (other.to is None):
        return None
    to = one.to
    if to is not None and other.to is not None:
        # In the same order and near each other, or else it is another stretch.
        if to.path != other.to.path or not -1 <= other.to.line - to.end_line <= 12:
            return None
        to = Place(to.path, to.line, max(to.end_line, other.to.end_line))
    place = Place(one.place.path, one.place.line, other.place.end_line)
    return LedgerEntry(place, one.fate, one.rule, one.why, to)


def went(ledger: Iterable[LedgerEntry], path: str, line: int) -> list[LedgerEntry]:
    """What became of a line of the legacy file."""
    found = [e for e in ledger if e.place.path == path and e.place.line <= line <= e.place.end_line]
    return [_narrowed(e, line - e.place.line) for e in found]


def came(ledger: Iterable[LedgerEntry], path: str, line: int) -> list[LedgerEntry]:
    """What a line of a new file was; the tightest answers first."""
    found = [(e, e.to) for e in ledger if e.to is not None and e.to.path == path and e.to.line <= line <= e.to.end_line]
    found.sort(key=lambda pair: (pair[1].end_line - pair[1].line, pair[0].place.line))
    return [_narrowed(entry, line - to.line) for entry, to in found]


def _narrowed(entry: LedgerEntry, offset: int) -> LedgerEntry:
    """One line of a statement that stands as it was, line by line; a rewritten one is only known as a whole."""
    to = entry.to
    if to is None or entry.fate not in (Fate.KEPT, Fate.MOVED):
        return entry
    if to.end_line - to.line != entry.place.end_line - entry.place.line:
        return entry
    place = Place(entry.place.path, entry.place.line + offset, entry.place.line + offset)
    return LedgerEntry(place, entry.fate, entry.rule, entry.why, Place(to.path, to.line + offset, to.line + offset))

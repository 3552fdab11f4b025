"""Which line of which new file a legacy line has become, when a file's parts may have moved to several others.

Equal text is followed in runs (indentation aside), the heaviest first, so that a function keeps its lines together;
what stands between two runs is aligned in order. Everything is text: nothing is parsed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from lk_migrate.facts.source_lines import source_lines
from lk_migrate.model import Place
from lk_migrate.rewrite.alike import alike
from lk_migrate.rewrite.same_lines import same_lines

#: A run of equal lines shorter than this many characters says nothing by itself (`)`, `return`).
_TELLING = 24
#: How alike two lines must be for one to be the other, rewritten.
_ALIKE = 0.53
#: How alike they must be when they stand far from each other.
_SURELY = 0.77
#: How many lines around its neighbours a rewritten line is looked for.
_NEAR = 12

Spot = tuple[str, int]


@dataclass
class Trace:
    """`spots`: 0-based line of the legacy text → (path, 0-based line)."""

    old: list[str]
    new: dict[str, list[str]]
    spots: dict[int, Spot] = field(default_factory=dict)
    used: set[Spot] = field(default_factory=set)
    _found: dict[str, Spot | None] = field(default_factory=dict)

    def place(self, line: int, end_line: int) -> Place | None:
        """Where these lines (1-based, inclusive) stand now; None when nothing of them is recognisable."""
        wanted = [n for n in range(line - 1, end_line) if n < len(self.old) and self.old[n]]
        hits = [self.spots[n] for n in wanted if n in self.spots]
        if hits:
            home = self._home(hits)
            return _hull(home, [number for path, number in hits if path == home], len(wanted))
        return self._rewritten(line - 1, end_line - 1)

    def _home(self, hits: Sequence[Spot]) -> str:
        """The file in which most of them are. A frame (`# -----`) is above many headings, and found at any of them."""
        homes = {path for path, _ in hits}
        if len(homes) > 1:
            said = [path for path, number in hits if any(map(str.isalnum, self.new[path][number]))]
            homes = {Counter(said or (path for path, _ in hits)).most_common(1)[0][0]}
        return homes.pop()

    def take(self, number: int, spot: Spot) -> None:
        if number not in self.spots and spot not in self.used:
            self.spots[number] = spot
            self.used.add(spot)

    def neighbours(self, first: int, last: int) -> tuple[Spot | None, Spot | None]:
        """The spots of the nearest known lines before and after."""
        above = next((self.spots[n] for n in range(first - 1, -1, -1) if n in self.spots), None)
        below = next((self.spots[n] for n in range(last + 1, len(self.old)) if n in self.spots), None)
        return above, below

    def _rewritten(self, first: int, last: int) -> Place | None:
        """Near its neighbours, or, when it is hard to mistake, anywhere."""
        text = self.old[first] if first < len(self.old) else ""
        above, below = self.neighbours(first, last)
        window: list[Spot] = []
        if above:
            window += [(above[0], n) for n in range(above[1] + 1, above[1] + 1 + _NEAR)]
        if below:
            window += [(below[0], n) for n in range(max(0, below[1] - _NEAR), below[1])]
        found = self.most_alike(text, window, _ALIKE)
        if found is None and len(text) >= _TELLING:
            found = self._anywhere(text)
        return Place(found[0], found[1] + 1, found[1] + 1) if found else None

    def _anywhere(self, text: str) -> Spot | None:
        """Asked when all is traced, and often of the same line: by its entry in the ledger, and by findings."""
        if text not in self._found:
            everywhere = [(p, n) for p, lines in self.new.items() for n in range(len(lines))]
            self._found[text] = self.most_alike(text, everywhere, _SURELY)
        return self._found[text]

    def most_alike(self, text: str, window: Iterable[Spot], score: float) -> Spot | None:
        """The free line of the window that is most like `text` (the first of several), and more than `score`."""
        free = [spot for spot in window if spot not in self.used and spot[1] < len(self.new[spot[0]])]
        lines = [self.new[path][number] for path, number in free]
        index, _ = max(alike(text, lines, score), key=itemgetter(1), default=(None, 0.0))
        return free[index] if index is not None else None


def trace(before: str, after: Mapping[str, str]) -> Trace:
    """Follow the lines of `before` into the texts of `after` (path → text)."""
    old = [line.strip() for line in source_lines(before)]
    new = {path: [line.strip() for line in source_lines(text)] for path, text in after.items()}
    result = Trace(old, new)
    if len(new) == 1:
        ((path, lines),) = new.items()
        _align(result, 0, len(old), path, 0, len(lines))
    else:
        _follow_runs(result)
        _fill_between(result)
    _pair_alike(result)
    _fill_anywhere(result)
    return result


def _follow_runs(result: Trace) -> None:
    places: dict[str, list[Spot]] = defaultdict(list)
    for path, lines in result.new.items():
        for number, text in enumerate(lines):
            if text:
                places[text].append((path, number))
    often = Counter(result.old)
    runs = []
    for start, text in enumerate(result.old):
        for path, number in places.get(text, ()):
            lines = result.new[path]
            if start and number and result.old[start - 1] and result.old[start - 1] == lines[number - 1]:
                continue  # part of a run that began earlier
            length, weight = _run(result.old, start, lines, number)
            if weight >= _TELLING or (often[text] == 1 and len(places[text]) == 1):
                runs.append((weight, length, start, path, number))
    for _, length, start, path, number in sorted(runs, key=lambda r: (-r[0], r[2], r[3], r[4])):
        for offset in range(length):
            if result.old[start + offset]:
                result.take(start + offset, (path, number + offset))


def _run(old: Sequence[str], start: int, new: Sequence[str], number: int) -> tuple[int, int]:
    """How many lines from here on are equal, and how many characters stand on them."""
    length = weight = 0
    while start + length < len(old) and number + length < len(new) and old[start + length] == new[number + length]:
        weight += len(old[start + length])
        length += 1
    return length, weight


def _fill_between(result: Trace) -> None:
    for first, last in list(_gaps(result)):
        above, below = result.neighbours(first, last)
        if above and below and above[0] == below[0] and above[1] < below[1]:
            _align(result, first, last + 1, above[0], above[1] + 1, below[1])


def _pair_alike(result: Trace) -> None:
    """Rewritten lines between two known ones: each with the one there that is most like it, the surest first."""
    for first, last in list(_gaps(result)):
        above, below = result.neighbours(first, last)
        if not (above and below and above[0] == below[0] and above[1] < below[1]):
            continue
        path = above[0]
        pairs: list[tuple[float, int, int]] = []  # (how alike, negative; legacy line, new line)
        free = [n for n in range(above[1] + 1, below[1]) if (path, n) not in result.used and result.new[path][n]]
        for step, number in enumerate(n for n in range(first, last + 1) if result.old[n]):
            near = free[max(0, step - _NEAR) : step + 2 * _NEAR]
            lines = [result.new[path][spot] for spot in near]
            pairs += [(-score, number, near[index]) for index, score in alike(result.old[number], lines, _ALIKE)]
        for _, number, spot in sorted(pairs):
            if number not in result.spots and (path, spot) not in result.used:
                result.take(number, (path, spot))


def _gaps(result: Trace) -> Iterator[tuple[int, int]]:
    """Runs of legacy lines that are not found yet (0-based, inclusive)."""
    start = None
    for number in range(len(result.old) + 1):
        missing = number < len(result.old) and number not in result.spots
        if missing and start is None:
            start = number
        elif not missing and start is not None:
            yield start, number - 1
            start = None


def _fill_anywhere(result: Trace) -> None:
    """A line that several legacy lines have become one of (a call that now stands once), or a short one by itself."""
    places: dict[str, list[Spot]] = defaultdict(list)
    for path, lines in result.new.items():
        for number, text in enumerate(lines):
            if text:
                places[text].append((path, number))
    for number, text in enumerate(result.old):
        if text and number not in result.spots and len(places.get(text, ())) == 1:
            result.spots[number] = places[text][0]


def _align(result: Trace, first: int, end: int, path: str, low: int, high: int) -> None:
    """Match `old[first:end]` with the new file's lines `[low:high]`, in order."""
    for i, j in same_lines(result.old[first:end], result.new[path][low:high]):
        if result.old[first + i]:
            result.take(first + i, (path, low + j))


def _hull(path: str, hits: Iterable[int], lines: int) -> Place:
    """The range that holds the hits in a file; one that strayed far off does not stretch it."""
    numbers = sorted(hits)
    kept = [n for n in numbers if n - numbers[0] <= 3 * lines + 10]
    return Place(path, kept[0] + 1, kept[-1] + 1)

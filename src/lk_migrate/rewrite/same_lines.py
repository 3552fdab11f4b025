"""Equal lines of two texts, in order: difflib's answer, without its cost on long texts.

`SequenceMatcher` takes time that grows with the square of how often lines repeat. What is equal at both ends is
matched first; a long middle is parted at lines that stand once in both texts (as patience diff does).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

#: So many pairs of lines are left to difflib at once.
_SMALL = 250_000


def same_lines(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of 0-based indexes, increasing in both."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    yield from ((i, i) for i in range(head))
    for i, j in _middle(old[head : len(old) - tail], new[head : len(new) - tail]):
        yield head + i, head + j
    yield from ((len(old) - n, len(new) - n) for n in range(tail, 0, -1))


def _middle(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    anchors = _anchors(old, new) if len(old) * len(new) > _SMALL else []
    if not anchors:
        for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
            yield from ((block.a + n, block.b + n) for n in range(block.size))
        return
    at = (0, 0)
    for i, j in [*anchors, (len(old), len(new))]:
        for a, b in same_lines(old[at[0] : i], new[at[1] : j]):
            yield at[0] + a, at[1] + b
        if i < len(old):
            yield i, j
        at = (i + 1, j + 1)


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """The longest run, increasing in both, of lines that stand once in each text."""
    often, there = Counter(old), Counter(new)
    places = {line: j for j, line in enumerate(new) if there[line] == 1}
    pairs = [(i, places[line]) for i, line in enumerate(old) if often[line] == 1 and line in places]
    ends: list[int] = []  # of the best run of each length: its last place in `new`
    last: list[int] = []  # and the pair's index
    before: list[int] = []
    for number, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [j]
        last[length : length + 1] = [number]
    found, at = [], last[-1] if last else -1
    while at >= 0:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]

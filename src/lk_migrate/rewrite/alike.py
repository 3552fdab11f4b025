"""How alike two lines are: the share of their characters that stands in both in the same order (Indel similarity).

A few operations on long integers for each character (Hyyrö 2004, "Bit-parallel LCS-length computation revisited"). With
difflib it was a tenth of a conversion; a faster library took longer to import, and 3 MB, than a conversion compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def alike(text: str, lines: Sequence[str], least: float) -> Iterator[tuple[int, float]]:
    """The lines (their index) that are `least` like `text`, or more, and how much: from 0 to 1."""
    size = len(text)
    places: dict[str, int] = {}  # character → a bit for each of its places in `text`
    for number, character in enumerate(text):
        places[character] = places.get(character, 0) | 1 << number
    everywhere = (1 << size) - 1
    for index, line in enumerate(lines):
        both = size + len(line)
        if not both or _similarity(min(size, len(line)), both) < least:
            continue
        free = everywhere  # the places of `text` that no character of `line` has taken
        for here in filter(None, map(places.get, line)):
            hit = free & here
            free = (free + hit) | (free - hit)
        score = _similarity(size - (free & everywhere).bit_count(), both)
        if score >= least:
            yield index, score


def _similarity(common: int, both: int) -> float:
    """Of two lines of `both` characters together with `common` ones in common."""
    return 1.0 - (both - 2 * common) / both

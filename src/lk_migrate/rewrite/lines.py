"""Which line of a new text a line of the old one has become."""

from __future__ import annotations

from collections.abc import Mapping

from lk_migrate.facts.source_lines import source_lines
from lk_migrate.model import Place
from lk_migrate.rewrite.same_lines import same_lines


def line_map(before: str, after: str) -> dict[int, int]:
    """1-based line numbers of equal lines (indentation aside), before → after, in order."""
    old = [line.strip() for line in source_lines(before)]
    new = [line.strip() for line in source_lines(after)]
    return {i + 1: j + 1 for i, j in same_lines(old, new)}


def moved_place(place: Place, lines: Mapping[int, int], path: str) -> Place | None:
    """`place` carried over by a line map; None when none of its lines is left."""
    hits = [lines[n] for n in range(place.line, place.end_line + 1) if n in lines]
    return Place(path, min(hits), max(hits)) if hits else None

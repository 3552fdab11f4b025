"""The comments of a node, wherever LibCST keeps them."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst


def comments_of(node: cst.CSTNode) -> list[str]:
    """Every comment at and below `node` (`#` included), in source order."""
    found: list[str] = []
    stack: list[cst.CSTNode] = [node]
    while stack:
        current = stack.pop()
        if type(current) is cst.Comment:
            found.append(current.value)
        stack.extend(reversed(current.children))
    return found


def own_lines(statement: cst.SimpleStatementLine) -> Sequence[cst.EmptyLine]:
    """The comments right above a statement; what a blank line parts from it speaks of something else."""
    lines = list(statement.leading_lines)
    first = next((i + 1 for i in reversed(range(len(lines))) if lines[i].comment is None), 0)
    return lines[first:]

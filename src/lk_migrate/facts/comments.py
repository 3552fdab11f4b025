"""The comments of a node, wherever LibCST keeps them."""

from __future__ import annotations

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

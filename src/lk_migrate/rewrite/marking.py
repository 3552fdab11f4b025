"""Where a marker goes in what rules have made of the statement that it stands above."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libcst as cst

from lk_migrate.facts.walk import find

Marker = tuple[cst.CSTNode, cst.EmptyLine]
"""A comment line above a statement, and the node in that which it speaks of."""


def marked(original: cst.CSTNode | None, updated: Any, markers: Sequence[Marker]) -> Any:
    """`updated` with the markers of `original`, each above the statement in which what it speaks of stands now.

    `original`: None for a statement that a rule has put around what was there.
    """
    if isinstance(updated, cst.FlattenSentinel):
        nodes = list(updated.nodes)
        for i in range(len(nodes)):
            here = [marker for marker in markers if _at(original, nodes, marker[0]) == i]
            nodes[i] = marked(original, nodes[i], here) if here else nodes[i]
        return cst.FlattenSentinel(nodes)
    if not isinstance(original, cst.Module):
        updated, markers = _marked_below(original, updated, markers)
        orelse = getattr(updated, "orelse", None)
        is_new = getattr(original, "orelse", None) is None  # what stood in one has its own statement there
        if markers and isinstance(orelse, cst.Else) and is_new:
            below, markers = _marked_below(original, orelse, markers)
            updated = updated.with_changes(orelse=below)
    place = "header" if isinstance(updated, cst.Module) else "leading_lines"
    return updated.with_changes(**{place: [*getattr(updated, place), *(line for _, line in markers)]})


def _marked_below(original: cst.CSTNode | None, holder: Any, markers: Sequence[Marker]) -> tuple[Any, Sequence[Marker]]:
    """A compound statement or its `else` with the markers of what rules put into its block; the other markers."""
    block = getattr(holder, "body", None)
    for i, inner in enumerate(block.body if isinstance(block, cst.IndentedBlock) else ()):
        here = [marker for marker in markers if _is_put_below(marker[0], original, inner)]
        if here:
            body = list(holder.body.body)
            body[i] = marked(None, inner, here)
            holder = holder.with_changes(body=holder.body.with_changes(body=body))
            markers = [marker for marker in markers if marker not in here]
    return holder, markers


def _is_put_below(of: cst.CSTNode, original: Any, inner: cst.CSTNode) -> bool:
    """Whether a rule put it into a block: a line under an `if`, or what shared the line of its header."""
    if isinstance(original, cst.BaseCompoundStatement) and not any(n is of for n in find(original.body, type(of))):
        return False
    return any(n is of or n.deep_equals(of) for n in find(inner, type(of)))


def _at(original: cst.CSTNode | None, nodes: Sequence[cst.CSTNode], of: cst.CSTNode) -> int:
    """Which of the statements that took the original's place a marker stands at: what is left of the original, unless
    what it speaks of is only in one that was put around that.
    """
    first = next((i for i, node in enumerate(nodes) if _is_left_of(original, node)), 0)
    order = (first, *range(len(nodes)))
    return next((i for i in order if any(n is of or n.deep_equals(of) for n in find(nodes[i], type(of)))), first)


def _is_left_of(original: Any, node: Any) -> bool:
    """Whether `node` is what edits have made of `original`: the line that ends as it did, the class of its name."""
    if isinstance(original, (cst.ClassDef, cst.FunctionDef)):
        return type(node) is type(original) and node.name.value == original.name.value
    end = getattr(original, "trailing_whitespace", None)
    return end is not None and getattr(node, "trailing_whitespace", None) is end

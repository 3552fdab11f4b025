"""Closing the gaps that removed statements leave in a block, without losing a comment.

While a file is edited, a removed statement is a `SimpleStatementLine` with an empty body (a *gap*). LibCST's own
`RemoveFromParent()` would drop the comments above it together with the statement (Instagram/LibCST#390).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst

from lk_migrate.facts.walk import children, is_block


class Gap(cst.SimpleStatementLine):
    """A line without statements that LibCST's transformers do not drop, so that its comments reach `close_gaps`."""

    def _is_removable(self) -> bool:
        return False


def gap(leading_lines: Sequence[cst.EmptyLine] = ()) -> cst.SimpleStatementLine:
    """What stands in for a removed statement until its block is closed; the comments given stay."""
    return Gap(body=[], leading_lines=leading_lines)


def is_gap(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and not statement.body


def close_gaps(block: cst.Module | cst.IndentedBlock) -> cst.Module | cst.IndentedBlock:
    """`block` without its gaps; their comments and blank lines go to the next statement, or to the end of the block."""
    if not any(is_gap(s) for s in block.body):
        return block
    body: list[cst.BaseStatement] = []
    carried: list[cst.EmptyLine] = []
    opened = False
    for statement in block.body:
        if is_gap(statement):
            carried = _joined(carried, list(statement.leading_lines))  # type: ignore[attr-defined]
            opened = opened or not body
            continue
        if carried or (opened and not body):
            lines = _joined(carried, list(statement.leading_lines))  # type: ignore[attr-defined]
            if not body and not (isinstance(block, cst.Module) and block.header):
                lines = _without_opening_blanks(lines)
            statement = statement.with_changes(leading_lines=lines)
            carried = []
        body.append(statement)
    comments = [line for line in carried if line.comment is not None]
    footer = [*comments, *block.footer]
    return block.with_changes(body=body, footer=footer)


def _joined(carried: list[cst.EmptyLine], own: list[cst.EmptyLine]) -> list[cst.EmptyLine]:
    if not own:
        return carried
    if any(line.comment is not None for line in carried):
        if own[0].comment is None:
            # The blank lines around the removed statement are one gap now.
            carried = _without_opening_blanks(carried[::-1])[::-1]
        return [*carried, *own]
    return own


def _without_opening_blanks(lines: list[cst.EmptyLine]) -> list[cst.EmptyLine]:
    while lines and lines[0].comment is None:
        lines = lines[1:]
    return lines


def around(tree: cst.Module, is_wanted: Callable[[cst.CSTNode], bool]) -> set[cst.CSTNode]:
    """The statements that are wanted, and all that is around them; what they hold themselves is not looked at.

    A transformer that visits only these leaves every other statement the node that it was.
    """
    found: set[cst.CSTNode] = set()
    stack: list[tuple[cst.CSTNode, tuple[cst.CSTNode, ...]]] = [(tree, ())]
    while stack:
        node, above = stack.pop()
        if is_wanted(node):
            found.update(above, (node,))
        elif is_block(node):
            above = (*above, node)
            stack += [(child, above) for child in children(node)]
    return found


def dedented(block: cst.BaseSuite, leading: Sequence[cst.EmptyLine]) -> Any:
    """The statements of `block` for the block around it; no comment is lost."""
    if isinstance(block, cst.SimpleStatementSuite):
        line = cst.SimpleStatementLine(block.body, leading, block.trailing_whitespace)
        return line
    assert isinstance(block, cst.IndentedBlock)
    footer = [line for line in block.footer if line.comment is not None]
    statements: list[Any] = list(block.body)
    if not statements:
        return gap([*leading, *footer])
    first = statements[0]
    statements[0] = first.with_changes(leading_lines=[*leading, *first.leading_lines])
    if footer:
        statements.append(gap(footer))
    return cst.FlattenSentinel(statements)


def comments_of_else(orelse: cst.Else) -> list[cst.EmptyLine]:
    """Those above `else:`, and the one behind it."""
    above = [line for line in orelse.leading_lines if line.comment is not None]
    behind = orelse.body.header.comment if isinstance(orelse.body, cst.IndentedBlock) else None
    return [*above, *([cst.EmptyLine(comment=behind)] if behind is not None else [])]

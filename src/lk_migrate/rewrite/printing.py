"""The text of an edited tree: what no edit touched is sliced from the file, the rest is printed by LibCST.

LibCST prints token by token, in Python. A statement that is the same node as in the file, in a block of the same
indentation, has the same text: its lines are taken from the file as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import libcst as cst
from libcst._nodes.internal import CodegenState

from lk_migrate.facts.module import Module

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")


def printed(module: Module, tree: cst.Module) -> bytes:
    """`tree.bytes` for a tree that was made from the module's by edits."""
    if not module.comes_back or re.search(r"\r(?!\n)", module.code):
        return tree.bytes
    slices = _slices(module)
    body = _with_slices(tree.body, slices)
    return tree.with_changes(body=body).bytes if body is not None else tree.bytes


@dataclass(frozen=True)
class _Slice(cst.BaseStatement):
    """Stands for `node` where the tree is printed: `text` in a block with these `indents`."""

    node: cst.BaseStatement
    text: str
    indents: tuple[str, ...]

    def _visit_and_replace_children(self, visitor: Any) -> _Slice:
        return self

    def _codegen_impl(self, state: CodegenState) -> None:
        if tuple(state.indent_tokens) == self.indents:
            # Two tokens: at the end of a file without a final newline LibCST takes the last one away.
            end = len(self.text) - (2 if self.text.endswith("\r\n") else 1)
            state.add_token(self.text[:end])
            state.add_token(self.text[end:])
        else:
            self.node._codegen(state)


def _slices(module: Module) -> Mapping[int, _Slice]:
    """By the node's id: every statement that another follows in its block, for that one says where its lines end."""
    lines = _LINE.findall(module.code)
    indents: dict[cst.CSTNode | None, tuple[str, ...]] = {None: ()}
    found: dict[int, _Slice] = {}
    for block in (module.tree, *module.index.of(cst.IndentedBlock)):
        if isinstance(block, cst.IndentedBlock):
            own = block.indent if block.indent is not None else module.tree.default_indent
            indents[block] = (*indents[module.index.enclosing(block, cst.IndentedBlock)], own)
        inside = indents[block if isinstance(block, cst.IndentedBlock) else None]
        starts = [_first_line(module, statement) for statement in block.body]
        for (statement, first), (_, after) in pairwise(zip(block.body, starts, strict=True)):
            found[id(statement)] = _Slice(statement, "".join(lines[first - 1 : after - 1]), inside)
    return found


def _first_line(module: Module, statement: cst.BaseStatement | cst.BaseSmallStatement) -> int:
    """The line on which a statement's text begins, with the comments and blank lines above it."""
    above = len(getattr(statement, "leading_lines", ()))
    decorators: Sequence[cst.Decorator] = getattr(statement, "decorators", ())
    if decorators:
        return module.span(decorators[0]).line - len(decorators[0].leading_lines) - above
    return module.span(statement).line - above


def _with_slices(
    body: Sequence[cst.BaseStatement | cst.BaseSmallStatement], slices: Mapping[int, _Slice]
) -> list[cst.BaseStatement] | None:
    """The body with slices for its statements, and for those inside the others; None when there are none."""
    found: list[cst.BaseStatement] = []
    any_slice = False
    for item in body:
        statement = cast(cst.BaseStatement, item)
        known = slices.get(id(statement))
        block = getattr(statement, "body", None)
        if known is not None:
            found.append(known)
            any_slice = True
            continue
        inner = _with_slices(block.body, slices) if isinstance(block, cst.IndentedBlock) else None
        if inner is not None and isinstance(block, cst.IndentedBlock):
            statement = statement.with_changes(body=block.with_changes(body=inner))
            any_slice = True
        found.append(statement)
    return found if any_slice else None

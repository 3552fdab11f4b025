"""The text of an edited tree: what no edit touched is sliced from the file, the rest is printed by LibCST.

LibCST prints token by token, in Python. A statement that is the same node as in the file, in a block of the same
indentation, has the same text: its lines are taken from the file as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import libcst as cst
from libcst._nodes.internal import CodegenState

from lk_migrate.facts.module import Module
from lk_migrate.facts.positions import Lines


class NotGivenBack(Exception):
    """LibCST would print a statement otherwise than it stands in the file (odd continuation lines do that)."""


def printed(module: Module, tree: cst.Module, gone: Collection[cst.CSTNode] = ()) -> bytes:
    """`tree.bytes` for a tree that was made from the module's by edits. `gone`: the statements that these removed.

    Raises `NotGivenBack` when that changes a statement in other ways than the edits do.
    """
    slicer = _Slicer(module.positions.lines)
    code = slicer.printed(tree)
    slicer.taken.update(map(id, gone))
    if not all(map(module.positions.comes_back, slicer.left(module.tree))):
        raise NotGivenBack
    return code.encode(tree.encoding)


def text_of_statements(module: Module, body: Sequence[cst.BaseStatement]) -> str:
    """Top-level statements, which may be the module's own or edited ones, with the comments above them."""
    return _Slicer(module.positions.lines).printed(module.tree.with_changes(body=body, header=[], footer=[]))


@dataclass(frozen=True)
class _Slice(cst.BaseStatement):
    """Stands for `node` where the tree is printed: `lines` if these are indented like the block."""

    node: cst.BaseStatement
    lines: Lines

    def _visit_and_replace_children(self, visitor: Any) -> _Slice:
        return self

    def _codegen_impl(self, state: CodegenState) -> None:
        if tuple(state.indent_tokens) == self.lines.indents:
            # Two tokens: at the end of a file without a final newline LibCST takes the last one away.
            text = self.lines.text
            end = len(text) - (2 if text.endswith("\r\n") else 1)
            state.add_token(text[:end])
            state.add_token(text[end:])
        else:
            self.node._codegen(state)


class _Tokens(CodegenState):
    """What `Module.code` prints into, without asking for the place of each node: nobody wants to know it here."""

    def record_syntactic_position(  # type: ignore[override]
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None
    ) -> AbstractContextManager[None]:
        return _UNRECORDED


_UNRECORDED = nullcontext()


class _Slicer:
    """Puts slices in the places of statements whose `lines` are known, and remembers which."""

    def __init__(self, lines: Mapping[int, Lines]) -> None:
        self.lines = lines
        self.taken: set[int] = set()

    def printed(self, tree: cst.Module) -> str:
        body = self._body(tree.body)
        state = _Tokens(tree.default_indent, tree.default_newline)
        (tree.with_changes(body=body) if body is not None else tree)._codegen(state)
        return "".join(state.tokens)

    def left(self, tree: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The statements and clauses of a module or a block that LibCST prints, if they are printed at all."""
        for statement in cast(Any, tree).body:
            if id(statement) not in self.taken:
                yield from self._parts(statement)

    def _parts(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        yield node
        if type(node) is cst.SimpleStatementLine:
            return
        block = getattr(node, "body", None)
        if type(block) is cst.IndentedBlock:
            yield from self.left(block)
        for clause in (*getattr(node, "handlers", ()), *(getattr(node, name, None) for name in _CLAUSES)):
            if clause is not None:
                yield from self._parts(clause)

    def _body(self, body: Sequence[cst.CSTNode]) -> list[cst.BaseStatement] | None:
        """The body with slices for its statements, and for those inside the others; None when there are none."""
        found: list[cst.BaseStatement] = []
        any_slice = False
        for item in body:
            statement = cast(cst.BaseStatement, item)
            lines = self.lines.get(id(statement))
            if lines is not None:
                self.taken.add(id(statement))
                found.append(_Slice(statement, lines))
                any_slice = True
                continue
            inner = self._compound(statement)
            any_slice = any_slice or inner is not statement
            found.append(cast(cst.BaseStatement, inner))
        return found if any_slice else None

    def _compound(self, node: cst.CSTNode) -> cst.CSTNode:
        """A statement or clause, with slices in its blocks."""
        if type(node) is cst.SimpleStatementLine:
            return node
        changes: dict[str, object] = {}
        block = getattr(node, "body", None)
        inner = self._body(block.body) if type(block) is cst.IndentedBlock else None
        if inner is not None:
            changes["body"] = cast(cst.IndentedBlock, block).with_changes(body=inner)
        handlers = getattr(node, "handlers", ())
        sliced = [self._compound(handler) for handler in handlers]
        if any(new is not old for new, old in zip(sliced, handlers, strict=True)):
            changes["handlers"] = sliced
        for name in _CLAUSES:
            clause = getattr(node, name, None)
            new = self._compound(clause) if clause is not None else None
            if new is not clause:
                changes[name] = new
        return node.with_changes(**changes) if changes else node


_CLAUSES = ("orelse", "finalbody")

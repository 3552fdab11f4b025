"""Where nodes stand: lines and columns from one print of the tree, which also shows what LibCST makes of the file.

LibCST's PositionProvider wants a deep copy of the tree and costs more than twice a parse; printing with a
state that counts costs a fraction, and is only done for files that have something to say.
"""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst
from libcst._nodes.internal import CodegenState


@dataclass(frozen=True, slots=True)
class Span:
    """1-based lines, 0-based columns, `end` just after the last character."""

    line: int
    column: int
    end_line: int
    end_column: int


class _Recorder:
    """What `record_syntactic_position` hands out: cheaper than a generator, and entered for every node."""

    __slots__ = ("end_node", "node", "start", "start_node", "state")

    def __init__(
        self,
        state: _CountingState,
        node: cst.CSTNode,
        start_node: cst.CSTNode | None,
        end_node: cst.CSTNode | None,
    ) -> None:
        self.state = state
        self.node = node
        self.start_node = start_node
        self.end_node = end_node

    def __enter__(self) -> None:
        self.start = (self.state.line, self.state.column)

    def __exit__(self, *_: object) -> None:
        spans = self.state.spans
        start, end = self.start, (self.state.line, self.state.column)
        if self.start_node is not None and self.start_node in spans:
            start = spans[self.start_node][:2]
        if self.end_node is not None and self.end_node in spans:
            end = spans[self.end_node][2:]
        spans[self.node] = (*start, *end)


class _CountingState(CodegenState):
    """Prints, and remembers the syntactic position of each node that has one."""

    def __init__(self, default_indent: str, default_newline: str) -> None:
        super().__init__(default_indent, default_newline)
        self.line = 1
        self.column = 0
        self.spans: dict[cst.CSTNode, tuple[int, int, int, int]] = {}

    def add_indent_tokens(self) -> None:
        self.tokens.extend(self.indent_tokens)
        self.column += sum(map(len, self.indent_tokens))

    def add_token(self, value: str) -> None:
        self.tokens.append(value)
        if "\n" in value or "\r" in value:
            self.line += value.count("\n") + value.count("\r") - value.count("\r\n")
            self.column = len(value) - max(value.rfind("\n"), value.rfind("\r")) - 1
        else:
            self.column += len(value)

    def record_syntactic_position(  # type: ignore[override]
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> _Recorder:
        return _Recorder(self, node, start_node, end_node)


@dataclass(frozen=True)
class Printed:
    """`code`: what `tree.code` is; `spans`: (line, column, end line, end column) of every node that has a position."""

    code: str
    spans: dict[cst.CSTNode, tuple[int, int, int, int]]


def positions(tree: cst.Module) -> Printed:
    """Print a tree once, for its text and for its positions."""
    state = _CountingState(tree.default_indent, tree.default_newline)
    tree._codegen(state)
    return Printed("".join(state.tokens), state.spans)

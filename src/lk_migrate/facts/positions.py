"""Where nodes stand, and whether LibCST gives them back as they were.

LibCST's PositionProvider wants a deep copy of the tree and costs more than twice a parse; printing with a state that
counts costs a fraction of that. It is done for the statements that somebody asks about: where these stand is known
from Python's parser (statement_spans.py). Where that one cannot follow, the whole file is printed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import libcst as cst
from libcst._nodes.internal import CodegenState

from lk_migrate.facts.source_lines import source_lines
from lk_migrate.facts.statement_spans import OutOfStep, Place, StatementPlaces, statement_places
from lk_migrate.facts.walk import Index


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
        if self.start_node is not None and id(self.start_node) in spans:
            start = spans[id(self.start_node)][:2]
        if self.end_node is not None and id(self.end_node) in spans:
            end = spans[id(self.end_node)][2:]
        spans[id(self.node)] = (*start, *end)


class _CountingState(CodegenState):
    """Prints, and remembers the syntactic position of each node that has one, by the node's id."""

    def __init__(self, default_indent: str, default_newline: str, line: int = 1, column: int = 0) -> None:
        super().__init__(default_indent, default_newline)
        self.line = line
        self.column = column
        self.spans: dict[int, Place] = {}

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


@dataclass(frozen=True, slots=True)
class Lines:
    """The whole lines that a statement takes up, comments above it included, in blocks with these `indents`."""

    text: str
    indents: tuple[str, ...]


class _BodyReached(Exception):
    """Ends the print of a compound statement after its first line."""


class _HeaderState(_CountingState):
    """Stops where a block begins: its statements are printed one by one, if at all."""

    def before_codegen(self, node: cst.CSTNode) -> None:
        if type(node) is cst.IndentedBlock:
            raise _BodyReached


#: What is printed by itself.
_UNITS = (
    cst.SimpleStatementLine,
    cst.BaseSmallStatement,
    cst.BaseCompoundStatement,
    cst.Else,
    cst.ExceptHandler,
    cst.Finally,
)


class Positions:
    """Where the nodes of a tree stand in its `text`. `syntax`: reads the same file by `ast`, None if that cannot."""

    def __init__(self, tree: cst.Module, index: Index, text: str, syntax: Callable[[], ast.Module | None]) -> None:
        self.tree = tree
        self.index = index
        self.text = text
        self._syntax = syntax
        self._inside: dict[int, Place] = {}
        self._back: dict[int, bool] = {}

    @cached_property
    def statements(self) -> StatementPlaces | None:
        """None where LibCST and Python do not see the same statements: then the whole file is printed."""
        syntax = self._syntax()
        if syntax is None or re.search(r"\r(?!\n)", self.text):
            return None
        try:
            return statement_places(self.tree, syntax, source_lines(self.text))
        except (OutOfStep, RecursionError, UnicodeError, IndexError):
            return None

    @cached_property
    def _whole(self) -> tuple[str, dict[int, Place]]:
        state = _CountingState(self.tree.default_indent, self.tree.default_newline)
        self.tree._codegen(state)
        return "".join(state.tokens), state.spans

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset in `text` at which each line begins, and the end of the text."""
        return [0, *accumulate(map(len, _LINE.findall(self.text)))]

    @cached_property
    def lines(self) -> dict[int, Lines]:
        """Statement's id → its lines, where it is clear that they end: another one follows, or it is a simple one."""
        statements = self.statements
        if statements is None:
            return {}
        starts, text, found = self.line_starts, self.text, {}
        for block in (self.tree, *self.index.of(cst.IndentedBlock)):
            indents = tuple(self.indents(block.body[0])) if block.body else ()
            tops = [statements.tops[id(statement)] for statement in block.body]
            for statement, top, after in zip(block.body, tops, [*tops[1:], None], strict=False):
                if after is None:
                    after = statements.places[id(statement)][2] + 1
                    if type(statement) is not cst.SimpleStatementLine or not _ended(text, starts[after - 1]):
                        continue
                found[id(statement)] = Lines(text[starts[top - 1] : starts[after - 1]], indents)
        return found

    def indents(self, node: cst.CSTNode) -> list[str]:
        """The indentation of each block around `node`, outermost first."""
        blocks = [a for a in self.index.ancestors(node) if type(a) is cst.IndentedBlock]
        return [self.tree.default_indent if b.indent is None else b.indent for b in reversed(blocks)]

    def place(self, node: cst.CSTNode) -> Place | None:
        """Where `node` stands; None for what has no place of its own (an operator, the module, an annotation)."""
        statements = self.statements
        if statements is None:
            return self._whole[1].get(id(node))
        found = statements.places.get(id(node)) or self._inside.get(id(node))
        if found is None:
            unit = self._unit(node)
            if unit is not None and id(unit) not in self._back:
                self._print(unit, statements)
                found = self._inside.get(id(node))
        return found

    def comes_back(self, statement: cst.CSTNode) -> bool:
        """Whether LibCST prints a statement or clause (of a compound one, what precedes its block) as it stands."""
        statements = self.statements
        if statements is None:
            return self._whole[0] == self.text
        if id(statement) not in self._back:
            self._print(statement, statements)
        return self._back[id(statement)]

    def _unit(self, node: cst.CSTNode) -> cst.CSTNode | None:
        unit = self.index.enclosing(node, *_UNITS)
        line = self.index.parents.get(unit) if unit is not None else None
        return line if type(line) is cst.SimpleStatementLine else unit

    def _print(self, unit: cst.CSTNode, statements: StatementPlaces) -> None:
        top = statements.tops.get(id(unit))
        line, column = statements.places[id(unit)][:2] if top is None else (top, 0)
        state = _HeaderState(self.tree.default_indent, self.tree.default_newline, line, column)
        state.indent_tokens += self.indents(unit)
        parent = self.index.parents.get(unit)
        is_elif = type(parent) is cst.If and parent.orelse is unit and type(unit) is cst.If
        with suppress(_BodyReached):
            unit._codegen(state, **({"is_elif": True} if is_elif else {}))
        text, start = "".join(state.tokens), self.line_starts[line - 1] + column
        self._back[id(unit)] = self.text.startswith(text, start) or self.text[start:] == text.rstrip("\r\n")
        self._inside.update(state.spans)


def _ended(text: str, end: int) -> bool:
    """Whether the line that ends there is not continued, and has an end."""
    return text[end - 1] in "\r\n" and not text[max(0, end - 3) : end].rstrip("\r\n").endswith("\\")


_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")

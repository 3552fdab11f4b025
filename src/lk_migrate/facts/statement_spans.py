"""Where statements stand, from Python's own parser: a tenth of what it costs to print the tree and count.

`ast` knows where a statement begins and ends, LibCST what it is; walked side by side, they give each statement of the
file its place. What is inside a statement is found by printing that one (positions.py), when somebody asks.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import libcst as cst

from lk_migrate.facts.walk import concrete

#: (line, column, end line, end column), as in `positions.Span`.
Place = tuple[int, int, int, int]

_CLAUSED: dict[type[cst.CSTNode], tuple[type[ast.stmt], ...]] = {
    cst.FunctionDef: (ast.FunctionDef, ast.AsyncFunctionDef),
    cst.ClassDef: (ast.ClassDef,),
    cst.If: (ast.If,),
    cst.For: (ast.For, ast.AsyncFor),
    cst.While: (ast.While,),
    cst.With: (ast.With, ast.AsyncWith),
    cst.Try: (ast.Try,),
}


class OutOfStep(Exception):
    """The two parsers do not see the same statements, or one of a kind that this does not follow (`match`)."""


@dataclass(frozen=True)
class StatementPlaces:
    """By node id: `places` of every statement, small statement, block and clause; `tops`: the lines on which
    statements and clauses begin, with the comments and blank lines above them and their decorators."""

    places: dict[int, Place]
    tops: dict[int, int]


def statement_places(tree: cst.Module, syntax: ast.Module, lines: Sequence[str]) -> StatementPlaces:
    """Where the statements of `tree` stand. `syntax` is the same file, `lines` its lines without their ends.

    Raises `OutOfStep`.
    """
    pairs = _Pairs(lines)
    pairs.block(tree.body, syntax.body)
    return StatementPlaces(pairs.places, pairs.tops)


class _Pairs:
    """Walks both trees side by side."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.places: dict[int, Place] = {}
        self.tops: dict[int, int] = {}

    def column(self, line: int, offset: int) -> int:
        """In characters, of an `offset` in bytes of UTF-8."""
        text = self.lines[line - 1]
        return offset if text.isascii() else len(text.encode()[:offset].decode())

    def place(self, node: ast.stmt | ast.ExceptHandler) -> Place:
        last = cast(int, node.end_lineno)
        end = self.column(last, cast(int, node.end_col_offset))
        return node.lineno, self.column(node.lineno, node.col_offset), last, end

    def put(self, node: cst.CSTNode, syntax: ast.stmt | ast.ExceptHandler) -> None:
        """The place of a compound statement, a small one or a handler."""
        place = self.places[id(node)] = self.place(syntax)
        above = getattr(node, "leading_lines", None)
        if above is None:
            return
        line = place[0]
        decorators: Sequence[ast.expr] = getattr(syntax, "decorator_list", ())
        if decorators:
            line = decorators[0].lineno
            if not self.lines[line - 1].lstrip().startswith("@"):
                raise OutOfStep
            line -= len(cast(Any, node).decorators[0].leading_lines)
        self.tops[id(node)] = line - len(above)

    def block(self, body: Sequence[cst.CSTNode], syntax: Sequence[ast.stmt]) -> None:
        """The statements of one block, or the small ones of one line."""
        nodes = list(chain.from_iterable(_small(n) for n in body))
        if len(nodes) != len(syntax):
            raise OutOfStep
        for node, statement in zip(nodes, syntax, strict=True):
            self.put(node, statement)
            kinds = _CLAUSED.get(type(node))
            if kinds is not None:
                if not isinstance(statement, kinds):
                    raise OutOfStep
                self.compound(node, statement)
            elif type(node) not in concrete(cst.BaseSmallStatement):
                raise OutOfStep
        for line in body:
            if type(line) is cst.SimpleStatementLine:
                place = self.places[id(line)] = self.around(line.body)
                self.tops[id(line)] = place[0] - len(line.leading_lines)

    def around(self, nodes: Sequence[cst.CSTNode]) -> Place:
        """From the first to the last of these."""
        if not nodes:
            raise OutOfStep
        return (*self.places[id(nodes[0])][:2], *self.places[id(nodes[-1])][2:])

    def suite(self, suite: cst.BaseSuite, syntax: Sequence[ast.stmt]) -> None:
        self.block(suite.body, syntax)
        self.places[id(suite)] = self.around(suite.body)

    def compound(self, node: Any, statement: Any) -> None:
        """The blocks of a compound statement; a chain of `elif`s in a loop, however long."""
        while True:
            self.suite(node.body, statement.body)
            if type(node) is cst.Try:
                self.handlers(node.handlers, statement.handlers)
                self.clause(node.finalbody, statement.finalbody)
            after = getattr(node, "orelse", None)
            if type(after) is not cst.If:
                self.clause(after, getattr(statement, "orelse", ()))
                return
            if len(statement.orelse) != 1 or type(statement.orelse[0]) is not ast.If:
                raise OutOfStep
            node, statement = after, statement.orelse[0]
            self.put(node, statement)

    def handlers(self, handlers: Sequence[cst.ExceptHandler], syntax: Sequence[ast.ExceptHandler]) -> None:
        if len(handlers) != len(syntax):
            raise OutOfStep
        for handler, clause in zip(handlers, syntax, strict=True):
            self.put(handler, clause)
            self.suite(handler.body, clause.body)

    def clause(self, clause: cst.Else | cst.Finally | None, syntax: Sequence[ast.stmt]) -> None:
        """An `else` or a `finally`, of whose own words `ast` does not say where they stand."""
        if clause is None:
            if syntax:
                raise OutOfStep
            return
        self.suite(clause.body, syntax)
        first = id(clause.body.body[0])
        line = self.tops[first] - 1 if isinstance(clause.body, cst.IndentedBlock) else self.places[first][0]
        text = self.lines[line - 1]
        bare = text.lstrip()
        if not bare.startswith("else" if isinstance(clause, cst.Else) else "finally"):
            raise OutOfStep
        self.places[id(clause)] = (line, len(text) - len(bare), *self.places[id(clause.body)][2:])
        self.tops[id(clause)] = line - len(clause.leading_lines)


def _small(node: cst.CSTNode) -> Sequence[cst.CSTNode]:
    return node.body if type(node) is cst.SimpleStatementLine else (node,)

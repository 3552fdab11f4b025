"""A file as a tree of statements, from `ast` or, where this Python is too old for the file, from LibCST.

Only statements are walked: what an expression holds matters when two texts differ, and few do.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.walk import children

_BLOCKS = ("body", "handlers", "cases", "orelse", "finalbody")


@dataclass(frozen=True, eq=False)
class Statement:
    """A statement (or an `except`, a `case`). `text`: its source; `blocks`: the statements `inside`, block by block.

    Lines are 1-based; `line` is its first decorator's if it has one, `header_line` that of `def` or `class`.
    """

    line: int
    header_line: int
    end_line: int
    text: str | bytes
    node: ast.AST | cst.CSTNode
    inside: Callable[[], tuple[tuple[Statement, ...], ...]] = tuple

    @cached_property
    def blocks(self) -> tuple[tuple[Statement, ...], ...]:
        """Read when somebody asks: most statements are the same in two texts, and nobody looks into them."""
        return self.inside()

    def children(self) -> Iterator[Statement]:
        for block in self.blocks:
            yield from block

    @property
    def is_import(self) -> bool:
        return isinstance(self.node, (ast.Import, ast.ImportFrom, cst.Import, cst.ImportFrom))

    @property
    def is_text(self) -> bool:
        """Whether it is a string that stands by itself: a docstring, as a rule."""
        if isinstance(self.node, ast.Expr):
            return isinstance(self.node.value, ast.Constant) and isinstance(self.node.value.value, str)
        return isinstance(self.node, cst.Expr) and type(self.node.value) in (cst.SimpleString, cst.ConcatenatedString)

    def says_the_same_as(self, other: Statement) -> bool:
        """Whether both say the same, white space and comments left out; of a compound statement: its header."""
        if isinstance(self.node, ast.AST):
            return _alike(self.node, other.node, _BLOCKS)
        return self._words == other._words

    @cached_property
    def _words(self) -> str:
        return _cst_header(self.node) if isinstance(self.node, cst.CSTNode) else ""


def from_ast(tree: ast.Module, text: str) -> tuple[Statement, ...]:
    """The statements of a file that `ast` has read; `text` is the decoded source, without a BOM."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "surrogatepass").split(b"\n")
    return tuple(_from_ast(node, lines) for node in tree.body)


def _from_ast(node: ast.AST, lines: Sequence[bytes]) -> Statement:
    if isinstance(node, ast.match_case):
        line, column = node.pattern.lineno, node.pattern.col_offset
        end_line, end_column = node.body[-1].end_lineno or 0, node.body[-1].end_col_offset or 0
    else:
        assert isinstance(node, (ast.stmt, ast.excepthandler))
        line, column = node.lineno, node.col_offset
        end_line, end_column = node.end_lineno or line, node.end_col_offset or 0
    header_line = line
    decorators = getattr(node, "decorator_list", None)
    if decorators:
        line = decorators[0].lineno
    if line == end_line:
        text = lines[line - 1][column:end_column]
    else:
        text = b"\n".join([lines[line - 1][column:], *lines[line : end_line - 1], lines[end_line - 1][:end_column]])
    return Statement(line, header_line, end_line, text, node, partial(_ast_blocks, node, lines))


def _ast_blocks(node: ast.AST, lines: Sequence[bytes]) -> tuple[tuple[Statement, ...], ...]:
    found = (getattr(node, name, None) for name in _BLOCKS)
    return tuple(tuple(_from_ast(n, lines) for n in inside) for inside in found if isinstance(inside, list) and inside)


def _alike(one: object, other: object, without: Sequence[str] = ()) -> bool:
    """Whether two nodes, lists or values of `ast` are the same, but for the fields `without`. Places do not count."""
    if type(one) is not type(other):
        return False
    if isinstance(one, ast.AST):
        return all(_alike(getattr(one, n, None), getattr(other, n, None)) for n in one._fields if n not in without)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return repr(one) == repr(other)  # 0.0 is no -0.0, and nan is nan


def from_cst(module: Module) -> tuple[Statement, ...]:
    """The statements of a file that LibCST has read."""
    return _block_from_cst(module.tree.body, module)


def _block_from_cst(body: Iterable[cst.CSTNode], module: Module) -> tuple[Statement, ...]:
    """As for `ast`, each small statement of a line is one, and it is the same on the line of its `if`."""
    flat = chain.from_iterable(node.body if isinstance(node, cst.SimpleStatementLine) else (node,) for node in body)
    return tuple(_from_cst(node, module) for node in flat)


def _from_cst(node: cst.CSTNode, module: Module) -> Statement:
    blocks = []
    for name in _BLOCKS:
        inside = getattr(node, name, None)
        if isinstance(inside, cst.BaseSuite):
            blocks.append(_block_from_cst(inside.body, module))
        elif isinstance(inside, (cst.Else, cst.Finally)):
            blocks.append(_block_from_cst(inside.body.body, module))
        elif isinstance(inside, cst.CSTNode):  # `elif …:` is a statement in the `if`, as for `ast`
            blocks.append((_from_cst(inside, module),))
        elif name in ("handlers", "cases") and inside:
            blocks.append(tuple(_from_cst(n, module) for n in inside))
    span = module.span(node)
    bare = node.with_changes(leading_lines=()) if hasattr(node, "leading_lines") else node
    if isinstance(bare, cst.BaseSmallStatement):
        bare = bare.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
    return Statement(
        module.first_line(node), span.line, span.end_line, module.tree.code_for_node(bare), node, lambda: tuple(blocks)
    )


def _cst_header(node: cst.CSTNode) -> str:
    parts = [type(node).__name__]
    stack = [c for c in reversed(tuple(children(node))) if not isinstance(c, cst.BaseSuite)]
    while stack:
        current = stack.pop()
        if isinstance(current, (cst.Else, cst.Finally, cst.ExceptHandler, cst.ExceptStarHandler, cst.MatchCase)):
            continue
        if isinstance(current, cst.If) and isinstance(node, cst.If):
            continue
        below = tuple(children(current))
        value = getattr(current, "value", "")
        parts.append(f"{type(current).__name__}{value if isinstance(value, str) else ''}/{len(below)}")
        stack.extend(reversed(below))
    return " ".join(parts)

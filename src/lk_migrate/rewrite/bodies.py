"""Putting statements, docstrings and methods into bodies that exist, with the white space that they have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import libcst as cst

Definition = TypeVar("Definition", cst.FunctionDef, cst.ClassDef)


def statement(code: str) -> cst.SimpleStatementLine:
    """One simple statement from source."""
    return cst.ensure_type(cst.parse_statement(code), cst.SimpleStatementLine)


def block_of(definition: cst.FunctionDef | cst.ClassDef) -> cst.IndentedBlock:
    """The body as an indented block; `def f(): return 1` is unfolded."""
    body = definition.body
    if isinstance(body, cst.IndentedBlock):
        return body
    lines = [
        cst.SimpleStatementLine(body=[small.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)]) for small in body.body
    ]
    if lines and isinstance(body, cst.SimpleStatementSuite):
        lines[-1] = lines[-1].with_changes(trailing_whitespace=body.trailing_whitespace)
    return cst.IndentedBlock(body=lines)


def is_text(line: cst.CSTNode) -> bool:
    """Whether a statement is a bare string: a docstring when it comes first."""
    return (
        isinstance(line, cst.SimpleStatementLine)
        and len(line.body) == 1
        and isinstance(line.body[0], cst.Expr)
        and isinstance(line.body[0].value, (cst.SimpleString, cst.ConcatenatedString))
    )


def docstring_end(block: cst.IndentedBlock) -> int:
    """Where the statements after the docstring begin."""
    return 1 if block.body and is_text(block.body[0]) else 0


def insert(definition: Definition, at: int, statements: Sequence[cst.BaseStatement]) -> Definition:
    """`definition` with the statements put in at this index of its body."""
    block = block_of(definition)
    body = [*block.body[:at], *statements, *block.body[at:]]
    return definition.with_changes(body=block.with_changes(body=body))


def insert_first(definition: Definition, statements: Sequence[cst.BaseStatement]) -> Definition:
    """The statements right after the docstring. Comments that headed the old first statement stay with it."""
    return insert(definition, docstring_end(block_of(definition)), statements)


def with_docstring(function: cst.FunctionDef, text: str, indent: str) -> cst.FunctionDef:
    """`function` with `text` as its docstring; lines after the first are indented like the body."""
    lines = text.split("\n")
    if len(lines) > 1:
        pad = f"\n{indent}"
        body = pad.join(line if line else "" for line in lines).replace(f"\n{indent}\n", "\n\n")
        literal = f'"""{_escaped(body)}{pad}"""'
    else:
        literal = f'"""{_escaped(text)}"""'
    line = cst.SimpleStatementLine(body=[cst.Expr(cst.SimpleString(literal))])
    return insert(function, 0, [line])


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'{text[:-1]}\\"' if text.endswith('"') else text


def body_indent(file_tree: cst.Module, depth: int) -> str:
    """The white space before statements `depth` blocks deep."""
    return file_tree.default_indent * depth

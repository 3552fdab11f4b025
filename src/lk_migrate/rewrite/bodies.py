"""Putting statements, docstrings and methods into bodies that exist, with the white space that they have."""

from __future__ import annotations

import re
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
    small_statements = [small for small in body.body if isinstance(small, cst.BaseSmallStatement)]
    lines = [
        cst.SimpleStatementLine(body=[small.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)])
        for small in small_statements
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
    block: cst.IndentedBlock = block_of(definition)
    body = [*block.body[:at], *statements, *block.body[at:]]
    return definition.with_changes(body=block.with_changes(body=body))


def insert_first(definition: Definition, statements: Sequence[cst.BaseStatement]) -> Definition:
    """The statements after the docstring and `nonlocal`. Comments that headed the old first statement stay with it."""
    block = block_of(definition)
    at = docstring_end(block)
    while at < len(block.body) and _declares(block.body[at]):
        at += 1
    return insert(definition, at, statements)


def _declares(line: cst.CSTNode) -> bool:
    return isinstance(line, cst.SimpleStatementLine) and all(
        isinstance(small, (cst.Nonlocal, cst.Global)) for small in line.body
    )


def with_docstring(function: cst.FunctionDef, text: str, indent: str, newline: str) -> cst.FunctionDef:
    """`function` with `text` as its docstring, its further lines indented like the body; `newline` is the file's."""
    lines = _escaped(text).split("\n")
    literal = newline.join([lines[0], *(f"{indent}{line}" if line else "" for line in lines[1:])])
    closing = f"{newline}{indent}" if len(lines) > 1 else ""
    line = cst.SimpleStatementLine(body=[cst.Expr(cst.SimpleString(f'"""{literal}{closing}"""'))])
    return insert(function, 0, [line])


def wrapped_parameters(function: cst.FunctionDef, depth: int, indent: str, width: int) -> cst.FunctionDef:
    """`function` with one parameter a line when its header does not fit into `width`; `depth` blocks deep."""
    bare = function.with_changes(
        decorators=[], leading_lines=[], lines_after_decorators=[], body=cst.SimpleStatementSuite([])
    )
    header = cst.Module([]).code_for_node(bare).rstrip()
    if "\n" in header or len(header) + len(indent) * depth <= width:
        return function
    line = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace(indent))
    closing = cst.ParenthesizedWhitespace(indent=True)
    groups = {}
    last = next(
        (
            n
            for n in ("star_kwarg", "kwonly_params", "star_arg", "params", "posonly_params")
            if _given(function.params, n)
        ),
        "",
    )
    for name in ("posonly_params", "params", "kwonly_params"):
        listed = getattr(function.params, name)
        fitting = [_folded(p, indent, width - len(indent) * (depth + 1)) for p in listed]
        groups[name] = [p.with_changes(comma=cst.Comma(whitespace_after=line)) for p in fitting]
    if last in groups:
        groups[last][-1] = groups[last][-1].with_changes(comma=cst.Comma(whitespace_after=closing))
    params = function.params.with_changes(**groups)
    if isinstance(params.star_arg, cst.ParamStar):
        params = params.with_changes(star_arg=cst.ParamStar(comma=cst.Comma(whitespace_after=line)))
    if last not in groups:
        return function
    return function.with_changes(params=params, whitespace_before_params=line)


def _folded(param: cst.Param, indent: str, room: int) -> cst.Param:
    """`param` with one value of its `Literal[…]` a line, when it does not fit into `room`."""
    alone = cst.Parameters(params=[param.with_changes(comma=cst.MaybeSentinel.DEFAULT)])
    if len(cst.Module([]).code_for_node(alone)) < room:
        return param
    return param.visit(_FoldedLiteral(indent))  # type: ignore[return-value]


class _FoldedLiteral(cst.CSTTransformer):
    def __init__(self, indent: str) -> None:
        super().__init__()
        self.indent = indent

    def leave_Subscript(self, original_node: cst.Subscript, updated_node: cst.Subscript) -> cst.Subscript:
        if not (isinstance(updated_node.value, cst.Name) and updated_node.value.value == "Literal"):
            return updated_node
        inner = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace(self.indent * 2))
        outer = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace(self.indent))
        elements = [e.with_changes(comma=cst.Comma(whitespace_after=inner)) for e in updated_node.slice]
        elements[-1] = elements[-1].with_changes(comma=cst.Comma(whitespace_after=outer))
        return updated_node.with_changes(slice=elements, lbracket=cst.LeftSquareBracket(whitespace_after=inner))


def _given(params: cst.Parameters, name: str) -> bool:
    value = getattr(params, name)
    return isinstance(value, cst.Param) or (isinstance(value, (list, tuple)) and bool(value))


#: What has no place in a line of source; tabs have.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    text = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
    return f'{text[:-1]}\\"' if text.endswith('"') else text


def body_indent(file_tree: cst.Module, depth: int) -> str:
    """The white space before statements `depth` blocks deep."""
    return file_tree.default_indent * depth

"""Printing a keyword argument with nested options the way LiveKit's maintainers lay them out.

On one line if that fits into 100 columns and no comment is in the way; else one key per line, comments with
their keys. Values are the person's own, verbatim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import libcst as cst

from lk_migrate.rewrite.arguments import NO_COMMENTS, Comments, keyword, of_call, shifted, to_call
from lk_migrate.rewrite.file import File

WIDTH = 100


@dataclass(frozen=True)
class Entry:
    """`key` with a value, or with entries below it. `call`: the callee to spell nested entries with, "" for a dict.

    `column`: where the value's own continuation lines stood, so that they move with it.
    """

    key: str
    value: cst.BaseExpression | None = None
    entries: tuple[Entry, ...] = ()
    call: str = ""
    comments: Comments = NO_COMMENTS
    column: int = 0

    def commented(self) -> bool:
        return bool(self.comments) or any(e.commented() for e in self.entries)


def code(node: cst.CSTNode) -> str:
    """The text of a node, continuation lines indented relative to their statement."""
    return cst.Module([]).code_for_node(node)


def one_line(entry: Entry) -> str:
    """The value of `entry` on one line (if its own values are)."""
    if entry.value is not None:
        return code(entry.value)
    items = ", ".join(f"{_name(e, entry.call)}{one_line(e)}" for e in entry.entries)
    return f"{entry.call}({items})" if entry.call else "{" + items + "}"


def _name(entry: Entry, call: str) -> str:
    """What stands before a value: `key=`, `"key": `, `**` for a value that is spread, nothing for one by position."""
    if entry.key in ("**", ""):
        return entry.key
    return f"{entry.key}=" if call else f'"{entry.key}": '


def expression(entry: Entry, pad: str | None, indentation: int, prefix: int) -> cst.BaseExpression:
    """The value of `entry` as an expression.

    `pad`: white space before the argument on its line (None: it shares its line, so stay on it if at all possible);
    `indentation`: columns of the statement's block; `prefix`: what else stands on the line (`turn_handling=` and `,`).
    """
    text = _text(entry, pad or "", indentation, prefix, pad is not None)
    return cst.parse_expression(text)


def _text(entry: Entry, pad: str, indentation: int, prefix: int, may_break: bool) -> str:
    if entry.value is not None:
        return code(shifted(entry.value, len(pad) - entry.column)) if may_break else code(entry.value)
    line = one_line(entry)
    inside = any(e.commented() for e in entry.entries)
    fits = "\n" not in line and indentation + len(pad) + prefix + len(line) <= WIDTH
    if not inside and (fits or not may_break):
        return line
    inner = pad + "    "
    lines = []
    for item in entry.entries:
        name = _name(item, entry.call)
        lines += [inner + comment for comment in item.comments.above]
        body = _text(item, inner, indentation, len(name) + 1, True)
        behind = f"  {item.comments.behind}" if item.comments.behind else ""
        lines.append(f"{inner}{name}{body},{behind}")
    opening, closing = (f"{entry.call}(", ")") if entry.call else ("{", "}")
    return "\n".join([opening, *lines, pad + closing])


def entries_of(call: cst.Call, nested: Callable[[cst.Call], bool]) -> tuple[Entry, ...]:
    """The keyword arguments of `call` as entries; values for which `nested` holds are taken apart, too."""
    brackets = of_call(call)
    found = []
    for i, arg in enumerate(brackets.items):
        gap = brackets.gaps[i]
        column = len(gap.last_line.value) if isinstance(gap, cst.ParenthesizedWhitespace) else 0
        value, comments = arg.value, brackets.comments(i)
        if isinstance(value, cst.Call) and nested(value):
            inner = entries_of(value, nested)
            found.append(Entry(keyword(arg), entries=inner, call=code(value.func), comments=comments))
        else:
            found.append(Entry(keyword(arg), value, comments=comments, column=column))
    return tuple(found)


def fitting(edit: Callable[[cst.Call], cst.Call], call: cst.Call, where: Spot) -> cst.Call:
    """`edit(call)`; when that makes a call on one line too long, its arguments get a line each."""
    edited = edit(call)
    brackets = of_call(call)
    if where.pad is None or any(isinstance(g, cst.ParenthesizedWhitespace) for g in brackets.gaps):
        return edited
    text = code(edited)
    if "\n" in text or where.indentation + len(where.pad) + where.prefix + len(text) <= WIDTH:
        return edited
    inner, closing = (
        cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace(space))
        for space in (where.pad + "    ", where.pad)
    )
    gaps = (*[inner] * len(brackets.items), closing)
    return edit(to_call(call, replace(brackets, gaps=gaps, trailing_comma=True)))


def quote(file: File, node: cst.CSTNode) -> str:
    """The quotation mark for a new string in place of `node`: f-strings before 3.12 must not hold their own."""
    text = file.enclosing(node, cst.FormattedString)
    return "'" if text is not None and text.start.endswith('"') and not text.start.endswith('"""') else '"'


@dataclass(frozen=True)
class Spot:
    """Where an expression stands: `pad`, `indentation` and `prefix` of `expression`."""

    pad: str | None
    indentation: int
    prefix: int


def spot(file: File, node: cst.CSTNode) -> Spot:
    """The spot of `node`: a value assigned or returned, an argument on its own line, or something within a line."""
    indentation = file.module.span(file.statement(node)).column
    start = file.module.span(node).column
    parent = file.parent(node)
    while isinstance(parent, cst.Await):
        node, parent = parent, file.parent(parent)
    if isinstance(parent, cst.Arg):
        call = file.parent(parent)
        if isinstance(call, cst.Call):
            gap = of_call(call).gaps[list(call.args).index(parent)]
            if isinstance(gap, cst.ParenthesizedWhitespace):
                name = keyword(parent)
                return Spot(gap.last_line.value, indentation, len(name) + 2 if name else 1)
    elif isinstance(parent, (cst.Assign, cst.AnnAssign, cst.Return, cst.Expr)):
        return Spot("", indentation, start - indentation)
    return Spot(None, indentation, 0)


def condition(value: cst.IfExp, where: Spot) -> cst.BaseExpression:
    """The condition as it is, or in brackets with a line for each part where it is too long for one."""
    line = code(value)
    if where.pad is None or "\n" in line or where.indentation + len(where.pad) + where.prefix + len(line) <= WIDTH:
        return value
    parts = (code(value.body), f"if {code(value.test)}", f"else {code(value.orelse)}")
    inner = "".join(f"\n{where.pad}    {part}" for part in parts)
    return cst.parse_expression(f"({inner}\n{where.pad})")

"""Text of generated modules: calls that wrap like ruff's, and main.py from its template."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import libcst as cst

from lk_migrate.entrypoint.assemble import Imports
from lk_migrate.entrypoint.importblock import merged
from lk_migrate.entrypoint.layout import Layout, TopLevel
from lk_migrate.facts.module import Module
from lk_migrate.rewrite.printing import text_of_statements

if TYPE_CHECKING:
    from jinja2 import Template

    from lk_migrate.entrypoint.mainfile import MainFile

_WIDTH = 100
_INDENT = "    "


def call_text(head: str, args: Sequence[str], remarks: Mapping[str, str] = MappingProxyType({})) -> str:
    """`head(args)`, on one line if it fits, else one argument a line with a trailing comma.

    `remarks`: arguments → the comments behind them.
    """
    line = f"{head}({', '.join(args)})"
    if len(line) <= _WIDTH - 8 and "\n" not in line and len(args) < 4 and not remarks:
        return line
    lines = (f"{_INDENT}{a},{f'  {remarks[a]}' if a in remarks else ''}\n" for a in args)
    return f"{head}(\n{''.join(lines)})"


def code_of(module: Module, statements: Sequence[cst.BaseStatement], spaced: bool = False) -> str:
    """The text of top-level statements, comments and blank lines included."""
    body = list(statements)
    if spaced:
        body = [_two_blank_lines(s) if i else s for i, s in enumerate(body)]
    return text_of_statements(module, body)


def _two_blank_lines(statement: cst.BaseStatement) -> cst.BaseStatement:
    lines = [line for line in getattr(statement, "leading_lines", ()) if line.comment is not None]
    blank = cst.EmptyLine(indent=False)
    return statement.with_changes(leading_lines=[blank, blank, *lines])


@cache
def _template() -> Template:
    from importlib.resources import files

    from jinja2 import Environment, StrictUndefined

    text = (files("lk_migrate") / "templates" / "main.py.j2").read_text(encoding="utf-8")
    return Environment(undefined=StrictUndefined, autoescape=False).from_string(text)


def render_main(
    module: Module,
    layout: Layout,
    main: MainFile,
    imports: Imports,
    commented: Collection[int],
    edited: Callable[[cst.CSTNode], cst.CSTNode],
) -> str:
    """main.py: header, imports and early side effects in the legacy order, then the statements of `main`.

    `commented`: the imports whose comments stand in a module already.
    """

    def texts(statements: Sequence[cst.BaseStatement]) -> list[str]:
        return [code_of(module, [s]).strip("\r\n") for s in statements]

    text = _template().render(
        header=_header(module, layout),
        imports=_import_section(module, layout, imports, commented, edited),
        copies=imports.copies,
        constants=texts(main.constants),
        setup=texts(main.setup),
        server=texts(main.server),
        functions=texts(main.functions),
        entrypoint=texts(main.entrypoint),
        closing=texts(main.closing),
    )
    return _tidied(text)


def _header(module: Module, layout: Layout) -> str:
    tree = module.tree.with_changes(body=[], footer=[])
    doc = layout.of_kind("docstring")
    text = tree.code
    if text and not text.endswith("\n"):
        text += "\n"
    if doc:
        text += module.tree.code_for_node(doc[0].node)
    return text.replace("\r\n", "\n")


def _import_section(
    module: Module,
    layout: Layout,
    imports: Imports,
    commented: Collection[int],
    edited: Callable[[cst.CSTNode], cst.CSTNode],
) -> list[str]:
    by_item = {id(item): text for item, text in imports.lines}
    preamble = {id(i) for i in layout.preamble}
    needed = needed_by(layout)
    guarded = {id(i) for i in layout.of_kind("guarded") if i.binds & needed}
    loggers = [i for i in layout.of_kind("logger") if i.binds & needed]
    early: list[tuple[TopLevel, list[str]]] = []
    blank = False
    carried: list[str] = []
    for item in layout.items:
        text = by_item.get(id(item))
        above = list(getattr(item.node, "leading_lines", ()))
        if item.kind == "future":
            text = _code(module, item.node)
        if text is not None:
            lines = merged_into(text, imports) if item.kind == "import" else [text]
        elif id(item) in preamble or id(item) in guarded:
            lines = [_code(module, logger.node) for logger in loggers if logger.binds & item.needs]
            loggers = [logger for logger in loggers if not logger.binds & item.needs]
            imports.copies[:] = [c for c in imports.copies if c not in lines]
            lines.append(_code(module, cast(cst.BaseStatement, edited(item.node))))
        else:
            if item.kind in ("import", "logger"):
                blank = blank or any(line.comment is None for line in above)
                gone = attached_comments(item) if id(item) in commented else []
                texts = [t for t in _comment_lines(above) if t]
                carried.extend(texts[: len(texts) - len(gone)])
            continue
        comments = [*carried, *_comment_lines(above)]
        carried = []
        if blank and "" not in comments[:1]:
            comments.insert(0, "")
        blank = False
        if isinstance(item.node, (cst.FunctionDef, cst.ClassDef)):
            comments, lines = ["", "", *(c for c in comments if c)], [*lines, "", ""]
        early.append((item, [*comments, *lines]))
    last_import = max((i for i, (t, _) in enumerate(early) if t.kind in ("import", "future", "guarded")), default=-1)
    last_effect = max((i for i, (t, _) in enumerate(early) if id(t) in layout.prepares), default=-1)
    at = max(last_import, last_effect) + 1
    found = [line for _, lines in early[:at] for line in lines]
    while found and not found[0]:
        found.pop(0)
    extra = merged(e for e in dict.fromkeys(imports.extra) if e not in imports.merged)
    if extra and at and early[at - 1][0].kind == "effect":
        found.append("")
    found.extend(extra)
    if imports.generated:
        found.extend(["", *imports.generated])
    rest = [line for _, lines in early[at:] for line in lines]
    if carried:
        rest = ["", *carried, *rest]
    if rest:
        found.extend(rest if rest[0] == "" else ["", *rest])
    return found


def attached_comments(item: TopLevel) -> list[str]:
    """The comments right above a statement, no blank line between."""
    found: list[str] = []
    for line in reversed(getattr(item.node, "leading_lines", ())):
        if line.comment is None:
            break
        found.insert(0, line.comment.value)
    return found


def needed_by(layout: Layout) -> set[str]:
    """The names that the early side effects need, and what these need in turn (guarded imports, a logger)."""
    needed = {n for i in layout.preamble for n in i.needs}
    for item in layout.of_kind("guarded", "logger"):
        if item.binds & needed:
            needed |= item.needs
    return needed


def merged_into(text: str, imports: Imports) -> list[str]:
    """`text` with the extra names that come from the same module."""
    for extra in dict.fromkeys(imports.extra):
        if extra in imports.merged:
            continue
        both = merged([text, extra])
        if len(both) == 1:
            text = both[0]
            imports.merged.append(extra)
    return [text]


def _comment_lines(lines: Sequence[cst.EmptyLine]) -> list[str]:
    found = [line.comment.value if line.comment is not None else "" for line in lines]
    return [t for i, t in enumerate(found) if t or i == 0 or found[i - 1]]


def _code(module: Module, node: cst.BaseStatement, comments: bool = False) -> str:
    if not comments:
        node = cast(Any, node).with_changes(leading_lines=[])
    return module.tree.code_for_node(node).rstrip("\r\n")


def _tidied(text: str) -> str:
    """At most two blank lines in a row, no blank line at the top, one newline at the end."""
    lines = text.replace("\r\n", "\n").split("\n")
    out: list[str] = []
    for line in lines:
        if not line.strip() and len(out) >= 2 and not out[-1].strip() and not out[-2].strip():
            continue
        out.append(line)
    return "\n".join(out).strip("\n") + "\n"

"""`raise Exception("…")` in a tool is now `raise ToolError("…")`.

0.x told the model `Error: <message>` for every exception. Since 1.0 only the text of a `ToolError` reaches it; anything
else is "An internal error occurred".
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.function_contexts import function_contexts
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.walk import own_scope
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Note, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK214", Edition.V0, __doc__, triggers=(b"ai_callable",), since="1.0.0", safety=Safety.REVIEW)


@rule.on(cst.FunctionDef)
def raises(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """The `raise` statements of a tool's own body that nothing in it catches."""
    if node not in file.project.fact(function_contexts).tools:
        return
    for statement in own_scope(node):
        if not isinstance(statement, cst.Raise) or statement.exc is None or _is_caught(statement, node, file):
            continue
        yield from _raise(statement, file)


def _raise(statement: cst.Raise, file: File) -> Iterator[Change]:
    exc = statement.exc
    if isinstance(exc, (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)):
        error = file.use("livekit.agents.llm.ToolError")
        yield Rewrite(
            exc,
            lambda updated: cst.Call(cst.parse_expression(error), [cst.Arg(updated)]),
            "a text cannot be raised; the model is told it through a `ToolError`",
        )
    elif isinstance(exc, cst.Call) and _is_builtin_error(exc.func, file):
        if len(exc.args) == 1 and exc.args[0].keyword is None and not exc.args[0].star:
            error = file.use("livekit.agents.llm.ToolError")
            yield Rewrite(
                exc,
                lambda updated: updated.with_changes(func=cst.parse_expression(error)),
                "the model is told what went wrong through a `ToolError`",
            )
    elif isinstance(exc, (cst.Call, cst.Name, cst.Attribute)):
        yield Note(
            statement, "The model hears only of a `ToolError`; of this it hears that an internal error occurred."
        )


def _is_builtin_error(func: cst.CSTNode, file: File) -> bool:
    name = dotted(func)
    if name is None or file.resolve(func) is not None:
        return False
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, Exception)


def _is_caught(statement: cst.Raise, tool: cst.FunctionDef, file: File) -> bool:
    """Whether a `try` of the tool itself handles it."""
    below: cst.CSTNode = statement
    for ancestor in file.module.index.ancestors(statement):
        if ancestor is tool:
            return False
        if isinstance(ancestor, cst.Try) and below is ancestor.body and ancestor.handlers:
            return True
        below = ancestor
    return False

"""A plain function in `tools=[f]` is wrapped: `function_tool(f)`.

Anything but a tool in the list raises a ValueError when the agent starts.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import with_keyword
from lk_migrate.facts.framework import constructed
from lk_migrate.facts.instances import where_objects_may_be
from lk_migrate.facts.tools import TAKING_TOOLS
from lk_migrate.facts.variables import binding_of
from lk_migrate.facts.walk import own_scope
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import find_keyword
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK325", Edition.V1, __doc__, triggers=(b"tools", b"functions"), since="1.0.0", paths=where_objects_may_be)


@rule.on(cst.Call, among=with_keyword("tools"))
def wrap(call: cst.Call, file: File) -> Iterator[Change]:
    """`Agent(tools=[look_up])` with an undecorated `look_up` of this project."""
    yield from _wrapped(call, find_keyword(call, "tools"), file)


@rule.on(cst.Call, among=with_keyword("functions"))
def wrap_guessed(call: cst.Call, file: File) -> Iterator[Change]:
    """`Agent(functions=[look_up])`, which becomes `tools=` (LK204)."""
    if find_keyword(call, "tools") is None:
        yield from _wrapped(call, find_keyword(call, "functions"), file)


def _wrapped(call: cst.Call, tools: cst.Arg | None, file: File) -> Iterator[Change]:
    if tools is None or not isinstance(tools.value, cst.List):
        return
    if constructed(file.project, file.module, call, "tools") not in TAKING_TOOLS:
        return
    for element in tools.value.elements:
        function = _function(element.value, file)
        if function is None or function.decorators:
            continue
        if function.asynchronous is None:
            yield Todo(
                element, f"`{function.name.value}` is no tool: make it async and decorate it with `@function_tool`."
            )
            continue
        spelling = file.use("livekit.agents.function_tool")
        yield Rewrite(
            element,
            lambda updated, s=spelling: updated.with_changes(  # type: ignore[misc]
                value=cst.Call(func=cst.parse_expression(s), args=[cst.Arg(updated.value)])
            ),
            f"`{function.name.value}` becomes a tool",
        )


def _function(node: cst.BaseExpression, file: File) -> cst.FunctionDef | None:
    """The project's function behind a name in the list, nested ones too."""
    if not isinstance(node, cst.Name):
        return None
    symbol = file.resolve(node)
    if symbol is not None:
        return symbol.node if isinstance(symbol.node, cst.FunctionDef) else None
    scope = binding_of(file.module, node).owner
    found = [n for n in own_scope(scope) if isinstance(n, cst.FunctionDef) and n.name.value == node.value]
    return found[0] if len(found) == 1 else None

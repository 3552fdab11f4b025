"""Boxes of 0.x tools that are filled through their dictionary, or made where they are handed on (part of LK210).

A `Toolset` has no dictionary of functions: it is made with its tools. What `_register_ai_function` added by hand is
added to its list, as the framework's own toolsets do it.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so, calls_of
from lk_migrate.facts.function_contexts import function_contexts, is_bare, registered
from lk_migrate.rewrite.bodies import statement
from lk_migrate.rewrite.changes import Change, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk210_toolsets import rule as toolsets

#: How `FunctionContext` kept its tools until 0.12.
_REGISTRY = ("_fncs", "_register_ai_function")


@toolsets.on(cst.Call)
def made_in_place(call: cst.Call, file: File) -> Iterator[Change]:
    """`llm.FunctionContext()` that no variable takes which goes, `box or llm.FunctionContext()`."""
    if not is_bare(file.project, file.module, call):
        return
    if isinstance(file.parent(call), cst.Assign):
        return
    toolset = f'{file.use("livekit.agents.llm")}.Toolset(id="tools")'
    yield Rewrite(call, lambda _: cst.parse_expression(toolset), "`FunctionContext` is now `Toolset`")


@toolsets.on(cst.Call, among=calls_of("_register_ai_function"))
def registered_by_hand(call: cst.Call, file: File) -> Iterator[Change]:
    """`self._register_ai_function(book)`, with which a box took more tools as it went; an agent lists them when it
    starts."""
    added = registered(file.project.fact(function_contexts), file.module, call)
    if added is None:
        return
    box = file.code(cst.ensure_type(call.func, cst.Attribute).value)
    line = statement(f"{box}._tools = [*{box}.tools, {file.code(added)}]").body[0]
    expression = file.parent(call)
    assert expression is not None
    yield Replace(expression, lambda _: line, "a `Toolset` keeps its tools in a list")


@toolsets.on(cst.Attribute, among=called_so(*_REGISTRY))
def own_registry(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`self._fncs[name] = …` in a class of tools."""
    found = file.project.fact(function_contexts)
    if registered(found, file.module, file.parent(node)) is not None:
        return
    if any(kind in found.classes for kind in found.holdings.kinds(file.module, node.value)) or _is_self(node, file):
        yield Todo(
            node,
            f"a `Toolset` has no `{node.attr.value}`: its tools are decorated methods, and what "
            "`super().__init__(id=…, tools=[…])` is given, `function_tool(function, raw_schema={…})` for one from a "
            "schema.",
        )


def _is_self(node: cst.Attribute, file: File) -> bool:
    owner = file.enclosing(node, cst.ClassDef)
    is_self = isinstance(node.value, cst.Name) and node.value.value == "self"
    return is_self and owner in file.project.fact(function_contexts).classes

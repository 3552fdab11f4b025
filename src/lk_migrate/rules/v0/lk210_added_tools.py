"""Tools added to a box by `@fnc_ctx.ai_callable()` go along where the box is handed on (part of LK210).

A `Toolset` takes no tool once it is made, but it may hold another one: `ask(fnc_ctx)` becomes
`ask(llm.Toolset(id=…, tools=[fnc_ctx, added]))`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.families import arguments
from lk_migrate.facts.function_contexts import FunctionContexts, function_contexts
from lk_migrate.facts.held import Holdings
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.rewrite.arguments import keyword
from lk_migrate.rewrite.changes import Change, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk210_toolsets import rule as toolsets


def _closures(found: FunctionContexts, module: Module, value: cst.BaseExpression) -> list[str]:
    """The functions that were added to the box that `value` names; none for a box that holds nothing else."""
    binding = found.holdings.binding(module, value) if isinstance(value, (cst.Name, cst.Attribute)) else None
    if binding is None or binding in found.bare:
        return []
    return [tool.node.name.value for tool in found.closures(binding) if tool.module is module]


@toolsets.on(cst.Call)
def handed_on(call: cst.Call, file: File) -> Iterator[Change]:
    """A call of the project's own function; agents and models list the tools themselves."""
    found = file.project.fact(function_contexts)
    if not found.tools or not call.args:
        return
    own = found.holdings.callees(file.module, call)
    for arg in call.args:
        names = _closures(found, file.module, arg.value) if keyword(arg) != "fnc_ctx" or own else []
        if not names:
            continue
        if not all(_stands_in(file, name, call) for name in names):
            yield Todo(call, f"{', '.join(names)}: hand them on, too: `llm.Toolset(id=…, tools=[…])`.")
            continue
        box = file.code(arg.value)
        tools = ", ".join((box, *names))
        toolset = f'{file.use("livekit.agents.llm")}.Toolset(id="all_tools", tools=[{tools}])'
        yield Rewrite(arg.value, lambda _, s=toolset: cst.parse_expression(s), "with the tools that were added")  # type: ignore[misc]


def _stands_in(file: File, name: str, call: cst.Call) -> bool:
    """Whether the function `name` is defined around `call`, and before it."""
    line = file.module.span(call).line
    for scope in file.module.scopes(call):
        for function in file.module.index.of(cst.FunctionDef):
            if function.name.value == name and file.module.index.scope(function) is scope:
                return file.module.span(function).line < line
    return False


def _widened(project: Project) -> set[cst.Param]:
    """The parameters that are given such a pair somewhere: they take any `Toolset` now."""
    known: Holdings = project.fact(holdings)
    found = project.fact(function_contexts)
    params: set[cst.Param] = set()
    for module in known.modules if found.tools else ():
        for call in module.index.of(cst.Call):
            if any(_closures(found, module, arg.value) for arg in call.args):
                for function in known.callees(module, call):
                    given = arguments(function, call)
                    params.update(param for param, arg in given if _closures(found, module, arg.value))
    return params


@toolsets.on(cst.Param)
def parameter(node: cst.Param, file: File) -> Iterator[Change]:
    """`fnc_ctx: MyTools`, which is given more than that."""
    widened = file.project.fact(_widened)
    if not widened or node.annotation is None or node not in widened:
        return
    symbol = file.resolve(node.annotation.annotation)
    if symbol is not None and symbol.node in file.project.fact(function_contexts).classes:
        toolset = cst.parse_expression(f"{file.use('livekit.agents.llm')}.Toolset")
        yield Replace(node.annotation.annotation, lambda _: toolset, "any `Toolset`: tools were added to some")

"""Bare 0.x tool boxes in an attribute that is filled in one method and handed over in another: lists of tools today.

`self.tools = llm.FunctionContext()`, a method with `@self.tools.ai_callable()` functions, and elsewhere
`VoiceAssistant(fnc_ctx=self.tools)`: the functions are out of sight where the agent is made, so that they cannot be
listed there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.function_contexts import (
    FunctionContexts,
    ToolFunction,
    Tools,
    decorated_on,
    function_contexts,
    is_bare,
    tools_of,
)
from lk_migrate.facts.module import Module
from lk_migrate.facts.pipelines import Construction, function_around, pipelines
from lk_migrate.facts.project import Project
from lk_migrate.facts.variables import Binding


@dataclass
class KeptTools:
    """`lists`: the attributes; `added`: each function that goes into one → how the list is spelled there."""

    lists: set[Binding] = field(default_factory=set)
    added: dict[cst.FunctionDef, str] = field(default_factory=dict)


def kept_tools(project: Project) -> KeptTools:
    """Use as `project.fact(kept_tools)`."""
    found = project.fact(function_contexts)
    result = KeptTools()
    for binding in found.bare:
        tools = found.closures(binding) if binding.attribute else []
        if tools and _is_only_filled_and_handed_over(project, found, binding, tools):
            result.lists.add(binding)
            for tool in tools:
                box = decorated_on(tool.decorator)
                assert box is not None
                result.added[tool.node] = tool.module.tree.code_for_node(box)
    return result


def tools_given(project: Project, construction: Construction) -> Tools:
    """What stood in `fnc_ctx=` of a construction, such a list among it."""
    argument = construction.argument("fnc_ctx")
    known = project.fact(function_contexts).holdings
    binding = known.binding(construction.module, argument.value) if argument is not None else None
    if binding is not None and binding in project.fact(kept_tools).lists:
        return Tools(listed=True)
    return tools_of(project, construction)


def _is_only_filled_and_handed_over(
    project: Project, found: FunctionContexts, binding: Binding, tools: list[ToolFunction]
) -> bool:
    if any(tool.again or tool.holder is not None for tool in tools):
        return False
    boxes = {decorated_on(tool.decorator) for tool in tools}
    handed = {
        argument.value: construction
        for construction in project.fact(pipelines).constructions.values()
        if (argument := construction.argument("fnc_ctx")) is not None
    }
    made = 0
    over: list[Construction] = []
    for module, node in _uses(found, binding):
        above = module.index.parents.get(node)
        assign = module.index.parents.get(above) if isinstance(above, cst.AssignTarget) else None
        if isinstance(assign, cst.Assign) and len(assign.targets) == 1 and is_bare(project, module, assign.value):
            made += 1
        elif node in handed:
            over.append(handed[node])
        elif node not in boxes:
            return False
    return made == 1 and bool(over) and not any(_follows(tool, each) for tool in tools for each in over)


def _uses(found: FunctionContexts, binding: Binding) -> Iterator[tuple[Module, cst.Attribute]]:
    for module in found.holdings.modules:
        for node in module.index.of(cst.Attribute):
            if node.attr.value == binding.name and found.holdings.binding(module, node) == binding:
                yield module, node


def _follows(tool: ToolFunction, construction: Construction) -> bool:
    """Whether the tool is made in the same function, after the agent."""
    if tool.module is not construction.module:
        return False
    same = function_around(tool.module, tool.node) is function_around(tool.module, construction.call)
    return same and tool.module.span(tool.node).line > tool.module.span(construction.call).line

"""Parameters that the model had to give although the method has a default for them."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.agents import find_agents
from lk_migrate.facts.project import Project
from lk_migrate.facts.renames import holders
from lk_migrate.facts.tools import Tool


def always_given(project: Project) -> frozenset[cst.Param]:
    """Those whose default no code relies on: without it, `@function_tool` makes them required again."""
    found: set[cst.Param] = set()
    for agent in find_agents(project):
        for tool in agent.tools:
            found.update(_of_tool(project, tool))
    return frozenset(found)


def _of_tool(project: Project, tool: Tool) -> set[cst.Param]:
    if tool.schema is None:
        return set()
    wanted = {p.name for p in tool.schema.parameters if p.required}
    defaulted = [p for p in tool.parameters if p.default is not None and p.name.value in wanted]
    if not defaulted:
        return set()
    positional = [*tool.node.params.posonly_params, *tool.node.params.params]
    calls = [call for _, call in project.fact(holders).calls(tool.node.name.value)]
    found: set[cst.Param] = set()
    for param in defaulted:
        at = positional.index(param) if param in positional else None
        before = positional[:at] if at is not None else []
        if all(p.default is None or p in found for p in before) and all(_gives(c, param, at) for c in calls):
            found.add(param)
    return found


def _gives(call: cst.Call, param: cst.Param, at: int | None) -> bool:
    """Whether a call `x.tool(…)` gives the parameter, `at` in the signature with its `self`."""
    if any(a.star or (a.keyword is not None and a.keyword.value == param.name.value) for a in call.args):
        return True
    return at is not None and sum(a.keyword is None for a in call.args) >= at

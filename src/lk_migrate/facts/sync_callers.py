"""Sync tools, and who calls them: what becomes a coroutine, and what must stay callable without `await`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass
from lk_migrate.facts.agents import find_agents
from lk_migrate.facts.classes import method
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.renames import holders


@dataclass(frozen=True)
class SyncTools:
    """`names`: class → the methods of it, its bases and subclasses that are sync tools.

    `twins`: the tools that some sync code calls; their work stays in a sync method beside the tool.
    `sync_code`: the functions that stay sync: what they call, they call without `await`.
    """

    names: dict[cst.ClassDef, frozenset[str]]
    twins: frozenset[cst.FunctionDef]
    sync_code: frozenset[cst.FunctionDef]

    @cached_property
    def all_names(self) -> frozenset[str]:
        """Those of all classes."""
        return frozenset().union(*self.names.values())

    @property
    def twin_names(self) -> frozenset[str]:
        return frozenset(t.name.value for t in self.twins)


def twin_name(name: str) -> str:
    """The sync method that does the work of the tool `name`."""
    return f"_{name.lstrip('_')}_now"


def sync_tools(project: Project) -> SyncTools:
    """Found once per project: follows the calls from sync code, and from tools whose work must stay sync."""
    agents = find_agents(project)
    names = {a.node: _names(a, agents) for a in agents}
    wanted = frozenset(n for each in names.values() for n in each)
    tools: dict[str, list[cst.FunctionDef]] = {}
    for agent in agents:
        for tool in agent.tools:
            if tool.node.asynchronous is None and tool.node not in tools.get(tool.node.name.value, ()):
                tools.setdefault(tool.node.name.value, []).append(tool.node)
    nodes = {node for each in tools.values() for node in each}
    calls = _calls(project, wanted, names)
    sync_code = {f for f, _ in calls if f.asynchronous is None and f not in nodes}
    twins: set[cst.FunctionDef] = set()
    while True:
        called = {name for function, name in calls if function in sync_code}
        found = {tools[n][0] for n in called if len(tools.get(n, ())) == 1 and _free(agents, n)}
        if found <= twins:
            return SyncTools(names, frozenset(twins), frozenset(sync_code))
        twins |= found
        sync_code |= found


def _names(agent: AgentClass, agents: tuple[AgentClass, ...]) -> frozenset[str]:
    own = {agent.node, *(r.node for r in (*agent.chain, *agent.mixins))}
    related = [a for a in agents if a.node in own or agent.ref in (*a.chain, *a.mixins)]
    tools = [t for a in related for t in (*a.tools, *a.all_tools)]
    return frozenset(t.node.name.value for t in tools if t.node.asynchronous is None)


def _free(agents: tuple[AgentClass, ...], name: str) -> bool:
    return not any(method(a.node, twin_name(name)) for a in agents)


def _calls(
    project: Project, wanted: frozenset[str], names: dict[cst.ClassDef, frozenset[str]]
) -> list[tuple[cst.FunctionDef, str]]:
    """(function, tool's method) for each call of a sync tool on something that is certainly an assistant."""
    found: list[tuple[cst.FunctionDef, str]] = []
    for name in wanted:
        for module, call in project.fact(holders).calls(name):
            function = module.index.enclosing(call, cst.FunctionDef)
            if isinstance(function, cst.FunctionDef) and _is_tool_call(project, module, call, name, names):
                found.append((function, name))
    return found


def _is_tool_call(
    project: Project, module: Module, call: cst.Call, name: str, names: dict[cst.ClassDef, frozenset[str]]
) -> bool:
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value != name:
        return False
    held = project.fact(holders).of(module, call.func.value)
    return bool(held.classes) and held.certain and all(name in names.get(c, ()) for c in held.classes)

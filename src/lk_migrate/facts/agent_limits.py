"""How many tool calls per utterance each agent's gates let through, whether its tools are methods or closures.

A closure belongs to every agent that is made, or whose class is written, in a function or class that holds it or
names the function that does: `Agent(tools=make_tools(db))`, `super().__init__(tools=make_tools(db))`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.agent_values import PLAIN_AGENT
from lk_migrate.facts.agents import find_agents
from lk_migrate.facts.framework import agents_name, callee
from lk_migrate.facts.gates import find_gates
from lk_migrate.facts.inline_gates import inline_gates
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project


@dataclass(frozen=True)
class Limits:
    """`classes`: agent class → its limit, None when it isn't known. `units`: the same for the top-level functions
    that make the framework's own `Agent` with such tools."""

    classes: dict[cst.ClassDef, int | None]
    units: dict[cst.CSTNode, int | None]

    def of_plain(self, unit: cst.CSTNode) -> list[int | None]:
        """The limits that the framework's own `Agent` may have had in a session that `unit` makes."""
        return [self.units[unit]] if unit in self.units else list(self.units.values())


def agent_limits(project: Project) -> Limits:
    """The limits of all agents. With several gates the most patient one counts. Memoise with `project.fact`."""
    gates = project.fact(find_gates)
    found: dict[cst.ClassDef, list[int | None]] = {node: [gates.limit_of(node)] for node in gates.gated()}
    plain: dict[cst.CSTNode, list[int | None]] = {}
    for module, function, limit in _closures(project):
        for where, unit in _units(project, module, module.index.top_level(function)):
            for agent in _agents_in(project, where, unit):
                if agent is PLAIN_AGENT:
                    plain.setdefault(unit, []).append(limit)
                else:
                    found.setdefault(agent, []).append(limit)
    return Limits({n: _most(v) for n, v in found.items()}, {n: _most(v) for n, v in plain.items()})


def _agents_in(project: Project, module: Module, unit: cst.CSTNode) -> Iterator[cst.ClassDef]:
    """The agent class that `unit` is, and those that it makes."""
    agents = {a.node for a in find_agents(project)}
    if isinstance(unit, cst.ClassDef) and unit in agents:
        yield unit
    for call in module.index.find(unit, cst.Call):
        symbol = project.resolve(module, callee(call))
        made = symbol.node if symbol is not None else None
        if isinstance(made, cst.ClassDef) and made in agents:
            yield made
        elif made is None and agents_name(project, module, callee(call)) == "Agent":
            yield PLAIN_AGENT


def _most(limits: list[int | None]) -> int | None:
    known = [n for n in limits if n is not None]
    return max(known) if len(known) == len(limits) else None


def _closures(project: Project) -> Iterator[tuple[Module, cst.FunctionDef, int | None]]:
    """The gated tools that are no methods, each with its limit."""
    for gate in project.fact(find_gates).all:
        for guard in gate.guards:
            if not _is_method(guard.module, guard.function):
                yield guard.module, guard.function, guard.trial.limit
    for head in project.fact(inline_gates):
        if head.trial is not None and not _is_method(head.module, head.function):
            yield head.module, head.function, head.trial.limit


def _is_method(module: Module, function: cst.FunctionDef) -> bool:
    return isinstance(module.index.enclosing(function, cst.ClassDef, cst.FunctionDef), cst.ClassDef)


def _units(project: Project, home: Module, holder: cst.CSTNode) -> Iterator[tuple[Module, cst.CSTNode]]:
    """What stands at the top of a module and holds the tool, or names what does, directly or through a function."""
    pending, seen = [(home, holder)], set[cst.CSTNode]()
    while pending:
        module, unit = pending.pop()
        if unit in seen:
            continue
        seen.add(unit)
        yield module, unit
        if not any(_agents_in(project, module, unit)):
            pending.extend(_named_by(project, unit))


def _named_by(project: Project, holder: cst.CSTNode) -> Iterator[tuple[Module, cst.CSTNode]]:
    name = getattr(getattr(holder, "name", None), "value", "")
    for path in sorted(p for p, data in project.files.items() if name and name.encode() in data):
        module = project.module(path)
        for node in module.names.get(name, ()) if module is not None else ():
            symbol = project.resolve(module, node) if module is not None else None
            if module is not None and symbol is not None and symbol.node is holder:
                yield module, module.index.top_level(node)

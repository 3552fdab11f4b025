"""Which attributes of which assistant classes must be called something else, in all files."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass, Role
from lk_migrate.facts.agents import find_agents
from lk_migrate.facts.holders import Holders
from lk_migrate.facts.instructions import Source
from lk_migrate.facts.project import Project


def renames(project: Project) -> dict[cst.ClassDef, frozenset[str]]:
    """Class → the names that it and its relatives (bases, subclasses, mixins) must give up.

    `instructions` stays a property of the framework, unless the class has a method or an overridden class attribute
    of that name.
    """
    agents = find_agents(project)
    by_node = {a.node: a for a in agents}
    family: dict[cst.ClassDef, set[cst.ClassDef]] = {}
    for agent in agents:
        members = {agent.node, *(r.node for r in agent.chain if r.node in by_node)}
        members |= set().union(*(family.get(m, set()) for m in members))
        for member in members:
            family[member] = members
    found: dict[cst.ClassDef, frozenset[str]] = {}
    for node, members in family.items():
        bodies = {*members, *(r.node for m in members for r in by_node[m].mixins if r.node in by_node)}
        found[node] = frozenset(
            c.name for m in bodies for c in by_node[m].collisions if c.name != "instructions" or _gives_up(by_node[m])
        )
    for agent in agents:
        if agent.role is Role.MIXIN:
            users = [a for a in agents if agent.ref in a.mixins]
            sets = [found.get(u.node, frozenset()) for u in users]
            found[agent.node] = frozenset.intersection(*sets) if sets else frozenset()
    return {node: names for node, names in found.items() if names}


def _gives_up(agent: AgentClass) -> bool:
    """Whether the class's own `instructions` is more than a value for the base's `__init__`."""
    if any(c.name == "instructions" and c.kind == "method" for c in agent.collisions):
        return True
    return agent.takes_base and agent.instructions.source is Source.CLASS_ATTRIBUTE and is_shared(agent)


def is_shared(agent: AgentClass) -> bool:
    """Whether a class attribute is more than this class's own prompt: subclasses override it, or it is asked for."""
    return agent.subclassed or agent.asked_for


def holders(project: Project) -> Holders:
    """Who holds assistants, in the files that speak of them or of an attribute that they give up."""
    words = {a.name for a in find_agents(project)} | {n for names in renames(project).values() for n in names}
    return Holders(project, tuple(project.paths_naming(words)))


def given_up(project: Project) -> frozenset[str]:
    """All names that some class gives up."""
    return frozenset(n for names in project.fact(renames).values() for n in names)

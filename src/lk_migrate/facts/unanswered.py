"""Tools that a class offers to the model and that none of its methods does."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass
from lk_migrate.facts.agents import find_agents
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.project import Project


@dataclass(frozen=True)
class Unanswered:
    """`elsewhere`: places (`path:line`) that may do the tool's work; empty when nothing speaks of it."""

    name: str
    elsewhere: tuple[str, ...]


def unanswered(project: Project) -> dict[cst.ClassDef, tuple[Unanswered, ...]]:
    """For each assistant class, the tools that its own registries list and nobody of its family answers."""
    agents = find_agents(project)
    found: dict[cst.ClassDef, tuple[Unanswered, ...]] = {}
    for agent in agents:
        listed = [s.name for r in agent.registries for s in r.schemas]
        listed += [name for r in agent.registries for name in r.others]
        entries = [entry for r in agent.registries for entry in r.entries]
        if not listed and not entries:
            continue
        family = [a for a in agents if a is agent or agent.ref in a.chain or a.ref in agent.chain]
        answered = {name for a in family for name in _answers(a)}
        listed += [name for name, method in entries if method not in answered]
        missing = [name for name in dict.fromkeys(listed) if name not in answered]
        if missing:
            found[agent.node] = tuple(Unanswered(name, tuple(_speaks_of(project, name))) for name in missing)
    return found


def _answers(agent: AgentClass) -> set[str]:
    names = {t.name for t in agent.inline_tools}
    return names.union(*({t.name, t.node.name.value, *t.aliases} for t in agent.all_tools))


def _speaks_of(project: Project, name: str) -> list[str]:
    """Where code compares with the name or defines a function of that name; descriptions of the tool are none.

    Another assistant's tool of that name counts whatever its function is called yet (`tool_book` becomes `book`).
    """
    found: list[str] = []
    tools = {t.node for agent in find_agents(project) for t in agent.tools if t.name == name}
    for path, data in sorted(project.files.items()):
        module = project.module(path) if name.encode() in data else None
        if module is None:
            continue
        nodes = [f for f in module.index.of(cst.FunctionDef) if f in tools or _is_called(f, name)]
        for text in module.index.of(cst.SimpleString):
            if string_value(text) == name and not _is_description(module.index.parents[text], text):
                nodes.append(text)
        found += sorted(f"{path}:{module.span(node).line}" for node in nodes)
    return found


def _is_called(function: cst.FunctionDef, name: str) -> bool:
    return function.name.value.strip("_") in (name, f"handle_{name}")


def _is_description(parent: cst.CSTNode, text: cst.CSTNode) -> bool:
    """`{"name": "send_fax"}`."""
    return isinstance(parent, cst.DictElement) and parent.value is text

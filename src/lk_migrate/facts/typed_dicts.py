"""The `TypedDict`s that the tools of a module need, because their JSON schemas describe objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.agents import find_agents
from lk_migrate.facts.json_types import ObjectType, PythonType
from lk_migrate.facts.module import Module
from lk_migrate.facts.parameters import schema_type
from lk_migrate.facts.project import Project
from lk_migrate.facts.tools import Tool


@dataclass(frozen=True)
class TypedDicts:
    """`before`: statement at module level → the classes to define above it; `clashing`: names that are taken."""

    before: dict[cst.CSTNode, tuple[ObjectType, ...]]
    clashing: frozenset[tuple[str, str]]


def typed_dicts(project: Project) -> TypedDicts:
    """For every tool with a schema: each class once per module, above the first class of tools that needs it."""
    wanted: dict[str, dict[str, tuple[ObjectType, cst.CSTNode]]] = {}
    clashing: set[tuple[str, str]] = set()
    for agent in find_agents(project):
        described = [(t.module, t.node, tuple(_objects(t))) for t in agent.tools]
        described += [
            (agent.module, t.dispatcher.node, tuple(o for p in t.schema.parameters for o in p.type.objects))
            for t in agent.inline_tools
        ]
        for module, node, objects in described:
            for one in objects:
                known = wanted.setdefault(module.path, {}).setdefault(one.name, (one, module.index.top_level(node)))
                taken = one.name in module.definitions or any(i.local == one.name for i in module.imports)
                inner = {(module.path, o.name) for p in one.properties for o in p.type.objects}
                if known[0] != one or taken or inner & clashing:
                    clashing.add((module.path, one.name))
    before: dict[cst.CSTNode, tuple[ObjectType, ...]] = {}
    for path, classes in wanted.items():
        for one, statement in classes.values():
            if (path, one.name) not in clashing:
                before[statement] = (*before.get(statement, ()), one)
    return TypedDicts(before, frozenset(clashing))


def _objects(tool: Tool) -> Iterator[ObjectType]:
    """Those of the parameters that take their type from the schema."""
    for param in tool.parameters:
        type_ = schema_type(tool, param)
        yield from type_.objects if type_ is not None else ()
    if tool.schema is not None and (tool.node.params.star_kwarg is not None or tool.bundle is not None):
        known = {p.name.value for p in tool.parameters}
        for entry in tool.schema.parameters:
            yield from entry.type.objects if entry.name not in known else ()


def without_clashes(project: Project, module: Module, type_: PythonType) -> PythonType:
    """The type itself, or an open one when a class that it needs cannot have its name."""
    clashing = project.fact(typed_dicts).clashing
    if not any((module.path, one.name) in clashing for one in type_.objects):
        return type_
    source = "list[dict[str, Any]]" if type_.source.startswith("list[") else "dict[str, Any]"
    return PythonType(source, frozenset({"typing.Any"}), loose=True)

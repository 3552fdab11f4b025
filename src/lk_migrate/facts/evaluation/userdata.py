"""The object that a session keeps for its tools: `AgentSession(userdata=CallData())`, read as `ctx.userdata`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import libcst as cst

from lk_migrate.facts.evaluation.values import Instance, Unknown
from lk_migrate.facts.framework import callee
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import Class, lineages
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project

if TYPE_CHECKING:
    from lk_migrate.facts.evaluation.machine import Machine

#: What takes the class of the data as its parameter: `RunContext[CallData]`.
_GENERIC = frozenset({"AgentSession", "RunContext", "RunContext_T"})


def user_data(machine: Machine) -> Any:
    """The data of the project's sessions, when there is one kind of it; else a stand-in."""
    classes = machine.project.fact(user_data_classes)
    if len(classes) == 1:
        return Instance(machine.project.fact(lineages).of(classes[0].node) or classes)
    found = [machine.aside(module, value, machine.scopes_around(module, value)) for module, value in _given(machine)]
    if found and not classes and all(isinstance(value, dict) for value in found):
        return {key: value for one in found for key, value in one.items()}
    return Unknown("userdata of the session")


def user_data_classes(project: Project) -> tuple[Class, ...]:
    """The project's own classes that sessions keep, by what is handed over and what annotations say."""
    found: dict[cst.ClassDef, Class] = {}
    for module in _modules(project):
        named: list[cst.CSTNode] = []
        for node in module.index.of(cst.Subscript):
            if (dotted(node.value) or "").rpartition(".")[2] in _GENERIC and len(node.slice) == 1:
                named += [e.slice.value for e in node.slice if isinstance(e.slice, cst.Index)]
        named += [v.func for v in _handed_over(module) if isinstance(v, cst.Call)]
        for expression in named:
            symbol = project.resolve(module, expression)
            if symbol is not None and symbol.module is not None and isinstance(symbol.node, cst.ClassDef):
                found[symbol.node] = Class(symbol.module, symbol.node)
    return tuple(found.values())


def user_data_displays(project: Project) -> tuple[tuple[Module, cst.Dict], ...]:
    """Where a session's data is written out as a dictionary: `userdata={…}`, or a variable that is given one."""
    found: list[tuple[Module, cst.Dict]] = []
    for module in _modules(project):
        for value in _handed_over(module):
            if isinstance(value, cst.Dict):
                found.append((module, value))
            elif isinstance(value, cst.Name):
                scope = module.index.enclosing(value, cst.FunctionDef) or module.tree
                for assign in module.index.find(scope, cst.Assign, cst.AnnAssign):
                    target = assign.targets[0].target if isinstance(assign, cst.Assign) else assign.target
                    if dotted(target) == value.value and isinstance(assign.value, cst.Dict):
                        found.append((module, assign.value))
    return tuple(found)


def _given(machine: Machine) -> Iterator[tuple[Module, cst.BaseExpression]]:
    return ((module, value) for module in _modules(machine.project) for value in _handed_over(module))


def _modules(project: Project) -> Iterator[Module]:
    return project.modules(iter(sorted(project.paths_with((b"AgentSession", b"RunContext")))))


def _handed_over(module: Module) -> Iterator[cst.BaseExpression]:
    for call in module.keywords.get("userdata", ()):
        if (dotted(callee(call)) or "").rpartition(".")[2] == "AgentSession":
            yield from (a.value for a in call.args if a.keyword is not None and a.keyword.value == "userdata")

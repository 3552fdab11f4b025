"""Constructors with some keywords filled in beforehand: `make_session = functools.partial(AgentSession, …)`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.variables import assigned, binding_of


def is_partial(project: Project, module: Module, node: cst.CSTNode | None) -> bool:
    """Whether `node` is a call of `functools.partial` that says what is to be called."""
    if not isinstance(node, cst.Call) or not node.args or node.args[0].keyword is not None or node.args[0].star:
        return False
    return module.may_be_imported(node.func) and project.full_name(module, node.func) == "functools.partial"


def partial_behind(project: Project, module: Module, expression: cst.BaseExpression) -> tuple[Module, cst.Call] | None:
    """The one `partial(…)` that the name `expression` stands for, in its function or at the top of a module."""
    if not project.paths_with([b"functools"]) & project.paths_with([b"partial"]):
        return None  # (asked of many a call)
    values = list(_given_in_function(module, expression)) if isinstance(expression, cst.Name) else []
    if values:
        value = values[0] if len(values) == 1 else None
        return (module, value) if isinstance(value, cst.Call) and is_partial(project, module, value) else None
    symbol = project.resolve(module, expression)
    if symbol is None or symbol.module is None or not isinstance(symbol.node, cst.Call):
        return None
    return (symbol.module, symbol.node) if is_partial(project, symbol.module, symbol.node) else None


def _given_in_function(module: Module, name: cst.Name) -> Iterator[cst.BaseExpression]:
    binding = binding_of(module, name)
    return assigned(module, binding) if isinstance(binding.owner, cst.FunctionDef) else iter(())


def bound_name(module: Module, partial: cst.Call) -> str:
    """`make_session` of `make_session = partial(…)`, "" where it is handed on or stored otherwise."""
    assign = module.index.parents.get(partial)
    target = assign.targets[0].target if isinstance(assign, cst.Assign) and len(assign.targets) == 1 else None
    return target.value if isinstance(target, cst.Name) else ""


def calls_of_partial(project: Project, module: Module, partial: cst.Call) -> Iterator[tuple[Module, cst.Call]]:
    """The calls of what `partial(…)` is bound to."""
    name = bound_name(module, partial)
    for where in project.modules(iter(sorted(project.paths_with([name.encode()])))) if name else ():
        for call in where.calls.get(name, ()):
            found = partial_behind(project, where, call.func)
            if found is not None and found[1] is partial:
                yield where, call

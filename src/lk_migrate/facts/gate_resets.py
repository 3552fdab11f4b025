"""Functions that do nothing but set a gate's module-level state back: `reset()` at the start of a call."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import libcst as cst

from lk_migrate.facts.gate_mentions import name_mentions
from lk_migrate.facts.gate_removals import Read, Removal, Search
from lk_migrate.facts.gate_state import harmless
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.walk import descendants

_WHY = "it only reset the turn gate"


def take_resets(search: Search, module: Module, mentioned: Collection[str]) -> None:
    """Take them with the statements that call them; one that is used otherwise is noted for a person.

    `mentioned`: names that what is gone speaks of.
    """
    for function in module.tree.body:
        if not isinstance(function, cst.FunctionDef) or function in search.gone or function.decorators:
            continue
        state = set(_set_back(function))
        inside = set(descendants(function))
        if not state or not state <= set(mentioned) or "" in state:
            continue
        if any(_is_used(search, module, name, inside) for name in state):
            continue
        calls = [_calling(*found) for found in _mentions(search, module, function.name.value, inside)]
        if None in calls:
            search.emptied[function] = Read(module, function, function.name.value)
            continue
        search.take(Removal(module, function, _WHY))
        for where, statement in (c for c in calls if c is not None):
            search.take(Removal(where, statement, _WHY))


def _set_back(function: cst.FunctionDef) -> Iterator[str]:
    """The module-level names that each statement gives a harmless value; "" for a statement that does anything else."""
    for line in function.body.body:
        for small in line.body if isinstance(line, cst.SimpleStatementLine) else [line]:
            if isinstance(small, (cst.Global, cst.Pass)):
                continue
            if isinstance(small, cst.Expr) and isinstance(small.value, cst.SimpleString):
                continue
            if isinstance(small, cst.Assign) and harmless(small.value):
                yield from (_root(target.target) for target in small.targets)
            elif isinstance(small, cst.Expr) and isinstance(small.value, cst.Call) and not small.value.args:
                func = small.value.func
                emptied = isinstance(func, cst.Attribute) and func.attr.value in ("clear", "reset")
                yield _root(func.value) if isinstance(func, cst.Attribute) and emptied else ""
            else:
                yield ""


def _root(target: cst.BaseExpression) -> str:
    """`_state` for `_state["count"]` and for the name itself."""
    value = target.value if isinstance(target, cst.Subscript) else target
    return value.value if isinstance(value, cst.Name) else ""


def _is_used(search: Search, home: Module, name: str, inside: set[cst.CSTNode]) -> bool:
    return any(True for _ in name_mentions(search.project, search.gone, home, name, inside))


def _mentions(
    search: Search, home: Module, name: str, inside: set[cst.CSTNode]
) -> Iterator[tuple[Module, cst.CSTNode]]:
    for node in name_mentions(search.project, search.gone, home, name, inside):
        where = search.project.home(node)
        assert where is not None
        yield where, node


def _calling(module: Module, node: cst.CSTNode) -> tuple[Module, cst.CSTNode] | None:
    """The statement `reset()` or `throttle.reset()` that the name stands in; None for any other use."""
    parents = module.index.parents
    parent = parents.get(node)
    func = parent if isinstance(parent, cst.Attribute) and parent.attr is node else node
    call = parents.get(func)
    statement = parents.get(call) if isinstance(call, cst.Call) and call.func is func else None
    plain = isinstance(call, cst.Call) and not call.args and dotted(call.func) is not None
    return (module, statement) if plain and isinstance(statement, cst.Expr) else None

"""What a closure sees: the names of the functions around it, each evaluated when it is first asked for.

A factory of tools keeps its state in its own variables: `state = {"calls": 0}`, or `calls = 0` with `nonlocal` in the
functions inside. They live as long as the machine does, so that one call of a tool finds what the last one left.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from lk_migrate.facts.evaluation.given import given_value
from lk_migrate.facts.evaluation.initial import parameters_of
from lk_migrate.facts.evaluation.values import UTTERANCE, Function, Instance, Scopes, Unknown
from lk_migrate.facts.module import Module
from lk_migrate.facts.walk import own_scope

if TYPE_CHECKING:
    from lk_migrate.facts.evaluation.machine import Machine


class Surroundings(dict[str, Any]):
    """The variables of one function. A name that it binds more than once is whatever the outside says."""

    def __init__(
        self, machine: Machine, module: Module, function: cst.FunctionDef, outer: Scopes, this: Instance | None
    ) -> None:
        super().__init__()
        self._machine = machine
        self._module = module
        self._function = function
        self._scopes: Scopes = (*outer, self)
        self._bound = _bindings(function)
        self._params = {p.name.value: p for p in parameters_of(function)}
        if this is not None and self._params:
            self[next(iter(self._params))] = this

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._bound or name in self._params

    def __missing__(self, name: str) -> Any:
        bound = self._bound.get(name, [])
        self[name] = Unknown(name, given=True)  # while its own value is found
        if len(bound) == 1 and name not in self._params:
            self._bind(name, bound[0])
        elif not bound and name in self._params:
            self[name] = self._parameter(self._params[name])
        return dict.__getitem__(self, name)

    def _bind(self, name: str, binder: cst.CSTNode) -> None:
        if isinstance(binder, cst.FunctionDef):
            self[name] = Function(self._module, binder, self._scopes)
        elif isinstance(binder, (cst.Assign, cst.AnnAssign)) and binder.value is not None:
            value = self._machine.aside(self._module, binder.value, self._scopes)
            target = binder.targets[0].target if isinstance(binder, cst.Assign) else binder.target
            if isinstance(target, cst.Name):
                self[name] = value
            elif isinstance(target, cst.Tuple) and isinstance(value, (tuple, list)):
                # All of them at once: they may share one state.
                for element, part in zip(target.elements, value, strict=False):
                    if isinstance(element.value, cst.Name):
                        self[element.value.value] = part

    def _parameter(self, param: cst.Param) -> Any:
        name = param.name.value
        if UTTERANCE.search(name):
            return Unknown(name)
        return given_value(self._machine, self._module, self._function, param)


@lru_cache(maxsize=1024)
def _bindings(function: cst.FunctionDef) -> dict[str, list[cst.CSTNode]]:
    """Name → the statements that bind it in the function's own scope."""
    found: dict[str, list[cst.CSTNode]] = {}
    for node in own_scope(function):
        for name in _bound_by(node) if type(node) in _BINDING else ():
            found.setdefault(name, []).append(node)
    return found


#: What `_bound_by` has an answer for (every node of a function comes by here: `isinstance` of LibCST's types is slow).
_BINDING = frozenset({cst.FunctionDef, cst.Assign, cst.AnnAssign, cst.AugAssign, cst.For, cst.NamedExpr})


def _bound_by(node: cst.CSTNode) -> Iterator[str]:
    if isinstance(node, cst.FunctionDef):
        yield node.name.value
    elif isinstance(node, cst.Assign):
        for target in node.targets:
            parts = target.target.elements if isinstance(target.target, cst.Tuple) else [target]
            yield from (p for p in map(_name, parts) if p)
    elif isinstance(node, (cst.AnnAssign, cst.AugAssign, cst.For, cst.NamedExpr)) and isinstance(node.target, cst.Name):
        yield node.target.value


def _name(part: cst.CSTNode) -> str:
    held = getattr(part, "value", None) or getattr(part, "target", None)
    return held.value if isinstance(held, cst.Name) else ""


def scopes_around(machine: Machine, module: Module, node: cst.CSTNode, this: Instance | None) -> Scopes:
    """The scopes of the functions around `node`, outermost first; `this` is the object whose method one of them is."""
    scopes: Scopes = ()
    functions = [a for a in module.index.ancestors(node) if isinstance(a, cst.FunctionDef)]
    for function in reversed(functions):
        known = machine.surroundings.get(function)
        if known is None:
            in_class = isinstance(module.index.enclosing(function, cst.ClassDef, cst.FunctionDef), cst.ClassDef)
            known = Surroundings(machine, module, function, scopes, this if in_class else None)
            machine.surroundings[function] = known
        scopes = (*scopes, known)
    return scopes

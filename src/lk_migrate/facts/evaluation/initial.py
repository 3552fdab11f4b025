"""What the code of a class says before anything has run: fields, and the first values of attributes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import Class, method
from lk_migrate.facts.walk import descendants, find, own_scope


def parameters_of(function: cst.FunctionDef) -> list[cst.Param]:
    """All named parameters, in order."""
    p = function.params
    return [*p.posonly_params, *p.params, *p.kwonly_params]


def fields_of(line: tuple[Class, ...]) -> list[str]:
    """The fields of a dataclass, in order."""
    return [n.target.value for c in line for n in find(c.node, cst.AnnAssign) if isinstance(n.target, cst.Name)]


def declared(node: cst.ClassDef, name: str) -> Iterator[cst.AnnAssign]:
    """The fields of that name in the class body which are given no value there: `turn: TurnState`."""
    for field in own_scope(node):
        if isinstance(field, cst.AnnAssign) and isinstance(field.target, cst.Name) and field.target.value == name:
            yield field


def inits(line: tuple[Class, ...]) -> Iterator[tuple[Class, cst.CSTNode]]:
    """The `__init__` of each class, nearest first."""
    return ((c, m) for c in line for m in c.methods() if m.name.value == "__init__")


def set_up_by_inits(line: tuple[Class, ...]) -> Iterator[tuple[Class, cst.CSTNode]]:
    """The methods that an `__init__` calls on `self`: `self._reset_gate()`."""
    for _, init in inits(line):
        for call in find(init, cst.Call):
            if isinstance(call.func, cst.Attribute) and dotted(call.func.value) == "self":
                found = method(line, call.func.attr.value)
                if found is not None:
                    yield found


def assigned(scope: cst.CSTNode, name: str, in_class: bool) -> cst.BaseExpression | None:
    """The value first given to `self.name` in a method, or to `name` in a class body."""
    return _assignments(scope, in_class).get(name)


@lru_cache(maxsize=1024)
def _assignments(scope: cst.CSTNode, in_class: bool) -> dict[str, cst.BaseExpression]:
    """What `_assigned` finds, for every name: classes are asked for many attributes, many times."""

    def name_of(target: cst.CSTNode) -> str:
        if in_class:
            return target.value if isinstance(target, cst.Name) else ""
        return target.attr.value if isinstance(target, cst.Attribute) and dotted(target.value) == "self" else ""

    found: dict[str, cst.BaseExpression] = {}
    for node in own_scope(scope) if in_class else descendants(scope):
        if isinstance(node, cst.AnnAssign) and node.value is not None:
            found.setdefault(name_of(node.target), node.value)
        for target in (t.target for t in node.targets) if isinstance(node, cst.Assign) else ():
            assert isinstance(node, cst.Assign)
            found.setdefault(name_of(target), node.value)
            if isinstance(target, cst.Tuple) and isinstance(node.value, cst.Tuple):
                for element, value in zip(target.elements, node.value.elements, strict=False):
                    found.setdefault(name_of(element.value), value.value)
    return found

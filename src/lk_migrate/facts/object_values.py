"""What an object that is made once was given for an attribute: `Settings(session={…})`, `settings.session`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import own_scope

_NAMESPACES = frozenset({"types.SimpleNamespace", "argparse.Namespace"})


def value_given(project: Project, module: Module, node: cst.Attribute) -> tuple[Module, cst.BaseExpression] | None:
    """The argument that the module-level object before the dot was made with, by the attribute's name.

    Only where one call in the project makes objects of that class.
    """
    symbol = project.resolve(module, node.value)
    if symbol is None or symbol.module is None or not isinstance(symbol.node, cst.Call):
        return None
    made = _made_by(project, symbol.module, symbol.node)
    if made is None:
        return None
    where, call = made
    given = [a.value for a in call.args if a.keyword is not None and a.keyword.value == node.attr.value]
    return (where, given[0]) if len(given) == 1 else None


def mentions(project: Project, module: Module, node: cst.Attribute) -> Iterator[tuple[Module, cst.Attribute]]:
    """Every `settings.session` that may be that of the same object: by what `settings` stands for, or by its name."""
    made = project.resolve(module, node.value)
    ending = f".{'.'.join((dotted(node) or '').rsplit('.', 2)[-2:])}"
    for path in sorted(project.paths_with([node.attr.value.encode()])):
        where = project.module(path)
        for use in where.index.of(cst.Attribute) if where is not None else ():
            if where is None or use.attr.value != node.attr.value:
                continue
            other = project.resolve(where, use.value)
            is_same = made is not None and other is not None and other.node is made.node
            if is_same or f".{dotted(use) or ''}".endswith(ending):
                yield where, use


def _made_by(project: Project, module: Module, call: cst.Call) -> tuple[Module, cst.Call] | None:
    """The call of a class that gives the object, in the function that makes it if there is one."""
    if project.full_name(module, call.func) in _NAMESPACES:
        return module, call
    symbol = project.resolve(module, call.func)
    if symbol is None or symbol.module is None:
        return None
    if isinstance(symbol.node, cst.ClassDef):
        return (module, call) if _is_the_one(project, symbol.node, call) else None
    if isinstance(symbol.node, cst.FunctionDef):
        returned = [n.value for n in own_scope(symbol.node) if isinstance(n, cst.Return)]
        if len(returned) == 1 and isinstance(returned[0], cst.Call):
            inner = returned[0]
            named = project.resolve(symbol.module, inner.func)
            if named is not None and not isinstance(named.node, cst.FunctionDef):
                return _made_by(project, symbol.module, inner)
    return None


def _is_the_one(project: Project, owner: cst.ClassDef, call: cst.Call) -> bool:
    name = owner.name.value
    for path in sorted(project.paths_with([name.encode()])):
        module = project.module(path)
        for other in module.calls.get(name, ()) if module is not None else ():
            if other is not call:
                return False
    return True

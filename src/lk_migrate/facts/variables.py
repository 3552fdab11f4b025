"""Which scope binds a name: the unit in which a variable can be renamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.imports import Scope
from lk_migrate.facts.module import Module
from lk_migrate.facts.walk import children, find


@dataclass(frozen=True)
class Binding:
    """A variable of a scope, or (`attribute`) of the instances of a class and its family."""

    owner: cst.CSTNode
    name: str
    attribute: bool = False


def binding_of(module: Module, node: cst.Name) -> Binding:
    """The variable that a plain name at `node` reads or writes; the module's, if no scope around it binds the name."""
    for scope in module.scopes(node):
        if type(scope) is cst.Module or node.value in module.bound_or_imported(scope):
            return Binding(scope, node.value)
    return Binding(module.tree, node.value)


def uses(module: Module, binding: Binding) -> Iterator[cst.Name]:
    """Every plain name that reads or writes the variable, its definition and parameter included.

    Keywords of calls and names of attributes are no plain names.
    """
    for node in module.names.get(binding.name, ()):
        if is_variable(module, node) and binding_of(module, node) == binding:
            yield node


def assigned(module: Module, binding: Binding) -> Iterator[cst.BaseExpression]:
    """The values that are assigned to a variable; something that is no expression makes it unknowable."""
    for name in uses(module, binding):
        parent = module.index.parents.get(name)
        if isinstance(parent, cst.AssignTarget):
            statement = module.index.parents.get(parent)
            if isinstance(statement, cst.Assign):
                yield statement.value
        elif isinstance(parent, cst.AnnAssign) and parent.target is name and parent.value is not None:
            yield parent.value
        elif isinstance(parent, (cst.AugAssign, cst.NamedExpr, cst.For, cst.AsName)):
            yield name


def is_variable(module: Module, node: cst.Name) -> bool:
    """Whether a `Name` node stands for a variable (not for an attribute, keyword or imported name)."""
    parent = module.index.parents.get(node)
    if isinstance(parent, cst.Attribute):
        return parent.value is node
    if isinstance(parent, cst.Arg):
        return parent.keyword is not node
    if isinstance(parent, (cst.ImportAlias, cst.ImportFrom)):
        return False
    return not (isinstance(parent, (cst.FunctionDef, cst.ClassDef)) and parent.name is node)


def is_free(module: Module, scope: cst.CSTNode, name: str, instead_of: str = "", merged: Binding | None = None) -> bool:
    """Whether a new variable `name` in `scope` would meet no other use of that name there.

    Functions inside that bind the name for themselves do not count, unless they also read `instead_of`,
    the variable that is to be called `name`. `merged` is a variable that becomes one with the new one.
    """
    stack = list(children(scope))
    while stack:
        node = stack.pop()
        if isinstance(node, (cst.FunctionDef, cst.Lambda)) and _has_its_own(module, node, name, instead_of):
            stack.extend(getattr(node, "decorators", ()))
            continue
        if isinstance(node, cst.Name) and node.value == name and is_variable(module, node):
            if merged is None or binding_of(module, node) != merged:
                return False
        elif isinstance(node, (cst.FunctionDef, cst.ClassDef)) and node.name.value == name and node is not scope:
            return False
        stack.extend(children(node))
    if isinstance(scope, cst.Module):
        return not any(i.local == name and i.scope is scope for i in module.imports)
    return not any(i.local == name for i in module.imports)


def _has_its_own(module: Module, scope: Scope, name: str, instead_of: str) -> bool:
    return name in module.bound_or_imported(scope) and not _reads(module, scope, instead_of)


def _reads(module: Module, scope: cst.CSTNode, name: str) -> bool:
    return bool(name) and any(n.value == name and is_variable(module, n) for n in find(scope, cst.Name))

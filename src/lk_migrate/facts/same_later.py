"""Whether an expression gives the same a few statements later, so that it may move there."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.variables import assigned, binding_of
from lk_migrate.facts.walk import children

_PURE_METHODS = frozenset({"format", "strip", "join", "replace", "lstrip", "rstrip", "dedent", "get", "isoformat"})


def is_same_later(module: Module, expression: cst.BaseExpression) -> bool:
    """Whether an expression gives the same a few statements later: literals, stable names, pure string methods."""
    stack: list[cst.CSTNode] = [expression]
    while stack:
        node = stack.pop()
        if isinstance(node, (cst.Await, cst.Yield, cst.NamedExpr, cst.Lambda, cst.GeneratorExp, cst.ListComp)):
            return False
        if isinstance(node, cst.Call):
            func = node.func
            if not (isinstance(func, cst.Attribute) and func.attr.value in _PURE_METHODS):
                return False
        if isinstance(node, cst.Name) and not _is_stable(module, node):
            return False
        if isinstance(node, cst.Attribute):
            stack.append(node.value)
        else:
            stack.extend(children(node))
    return True


def _is_stable(module: Module, name: cst.Name) -> bool:
    if name not in module.index.parents or isinstance(module.index.parents[name], cst.Arg):
        parent = module.index.parents.get(name)
        if isinstance(parent, cst.Arg) and parent.keyword is name:
            return True
    binding = binding_of(module, name)
    if isinstance(binding.owner, cst.Module):
        return True
    return len(list(assigned(module, binding))) <= 1

"""What an expression is worth when it can be read off the code: literals, constants of other files, their sums."""

from __future__ import annotations

from typing import Any

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project


class NotConstant(Exception):
    """The value depends on something that only a run would tell."""


def value_of(project: Project, module: Module, node: cst.CSTNode, depth: int = 0) -> Any:
    """The Python value of `node` as seen from `module`. Raises `NotConstant`."""
    if depth > 30:
        raise NotConstant
    deeper = depth + 1
    if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
        value = node.evaluated_value
        if value is None:
            raise NotConstant
        return value
    if isinstance(node, (cst.Integer, cst.Float)):
        return node.evaluated_value
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        return -value_of(project, module, node.expression, deeper)
    if isinstance(node, (cst.List, cst.Tuple, cst.Set)):
        items: list[Any] = []
        for element in node.elements:
            value = value_of(project, module, element.value, deeper)
            items.extend(value) if isinstance(element, cst.StarredElement) else items.append(value)
        return items
    if isinstance(node, cst.Dict):
        table: dict[Any, Any] = {}
        for item in node.elements:
            if isinstance(item, cst.StarredDictElement):
                table.update(value_of(project, module, item.value, deeper))
            elif isinstance(item, cst.DictElement):
                key = value_of(project, module, item.key, deeper)
                table[key] = _value_or_none(project, module, item.value, deeper)
        return table
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        left, right = (value_of(project, module, n, deeper) for n in (node.left, node.right))
        if type(left) is type(right) and isinstance(left, (str, list)):
            return left + right
        raise NotConstant
    if isinstance(node, cst.Call) and dotted(node.func) in ("list", "tuple") and len(node.args) == 1:
        return list(value_of(project, module, node.args[0].value, deeper))
    if isinstance(node, (cst.Name, cst.Attribute)):
        if isinstance(node, cst.Name) and node.value in _NAMED:
            return _NAMED[node.value]
        symbol = project.resolve(module, node)
        if symbol is not None and symbol.module is not None and symbol.node is not None:
            return value_of(project, symbol.module, symbol.node, deeper)
    raise NotConstant


_NAMED = {"True": True, "False": False, "None": None}


class Unknown:
    """Stands in a dictionary for a value that cannot be read off the code."""


def _value_or_none(project: Project, module: Module, node: cst.CSTNode, depth: int) -> Any:
    try:
        return value_of(project, module, node, depth)
    except NotConstant:
        return Unknown()

"""What an expression is worth when it can be read off the code: literals, constants of other files, their sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project


class NotConstant(Exception):
    """The value depends on something that only a run would tell."""


def value_of(
    project: Project, module: Module, node: cst.CSTNode, depth: int = 0, names: Mapping[str, Any] | None = None
) -> Any:
    """The Python value of `node` as seen from `module`. Raises `NotConstant`.

    `names`: the parameters of the function whose result is worked out.
    """
    if depth > 30:
        raise NotConstant
    deeper = depth + 1
    if isinstance(node, cst.Name) and names is not None and node.value in names:
        return names[node.value]
    if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
        value = string_value(node) if type(node) is cst.SimpleString else node.evaluated_value
        if value is None:
            raise NotConstant
        return value
    if isinstance(node, (cst.Integer, cst.Float)):
        return node.evaluated_value
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        return -value_of(project, module, node.expression, deeper, names)
    if isinstance(node, (cst.List, cst.Tuple, cst.Set)):
        items: list[Any] = []
        for element in node.elements:
            value = value_of(project, module, element.value, deeper, names)
            items.extend(value) if isinstance(element, cst.StarredElement) else items.append(value)
        return items
    if isinstance(node, cst.Dict):
        table: dict[Any, Any] = {}
        for item in node.elements:
            if isinstance(item, cst.StarredDictElement):
                table.update(value_of(project, module, item.value, deeper, names))
            elif isinstance(item, cst.DictElement):
                key = value_of(project, module, item.key, deeper, names)
                table[key] = _value_or_none(project, module, item.value, deeper, names)
        return table
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        left, right = (value_of(project, module, n, deeper, names) for n in (node.left, node.right))
        if type(left) is type(right) and isinstance(left, (str, list)):
            return left + right
        raise NotConstant
    if isinstance(node, cst.BooleanOperation):
        left = value_of(project, module, node.left, deeper, names)
        wanted = left if isinstance(node.operator, cst.Or) else not left
        return left if wanted else value_of(project, module, node.right, deeper, names)
    if isinstance(node, cst.Call) and dotted(node.func) in ("list", "tuple") and len(node.args) == 1:
        return list(value_of(project, module, node.args[0].value, deeper, names))
    if isinstance(node, cst.Call):
        return _result_of(project, module, node, deeper, names)
    if isinstance(node, (cst.Name, cst.Attribute)):
        if isinstance(node, cst.Name) and node.value in _NAMED:
            return _NAMED[node.value]
        symbol = project.resolve(module, node)
        if symbol is not None and symbol.module is not None and symbol.node is not None:
            return value_of(project, symbol.module, symbol.node, deeper)
    raise NotConstant


def _result_of(project: Project, module: Module, call: cst.Call, depth: int, names: Mapping[str, Any] | None) -> Any:
    """What a function of the project answers, if all that it does is to return an expression of its parameters."""
    if project.sure_definition(module, call.func) not in ("def", None):
        raise NotConstant
    symbol = project.resolve(module, call.func)
    function = symbol.node if symbol is not None else None
    if symbol is None or symbol.module is None or not isinstance(function, cst.FunctionDef) or function.asynchronous:
        raise NotConstant
    lines = list(function.body.body)[1 if function.get_docstring() is not None else 0 :]
    small = lines[0].body[0] if len(lines) == 1 and isinstance(lines[0], cst.SimpleStatementLine) else None
    params = [*function.params.posonly_params, *function.params.params, *function.params.kwonly_params]
    if not isinstance(small, cst.Return) or small.value is None or function.decorators:
        raise NotConstant
    given: dict[str, Any] = {}
    for i, arg in enumerate(call.args):
        if arg.star or (arg.keyword is None and i >= len(params)):
            raise NotConstant
        name = arg.keyword.value if arg.keyword is not None else params[i].name.value
        given[name] = _value_or_none(project, module, arg.value, depth, names)
    for param in params:
        if param.name.value not in given:
            if param.default is None:
                raise NotConstant
            given[param.name.value] = value_of(project, symbol.module, param.default, depth)
    return value_of(project, symbol.module, small.value, depth, given)


_NAMED = {"True": True, "False": False, "None": None}


class Unknown:
    """Stands in a dictionary for a value that cannot be read off the code."""


def _value_or_none(
    project: Project, module: Module, node: cst.CSTNode, depth: int, names: Mapping[str, Any] | None = None
) -> Any:
    try:
        return value_of(project, module, node, depth, names)
    except NotConstant:
        return Unknown()

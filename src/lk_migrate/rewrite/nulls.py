"""Objects from a model whose strict schema demands every property: what it leaves out comes as null."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.json_types import ObjectType, PythonType
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.walk import find


def minds_none(function: cst.FunctionDef, name: str, type_: PythonType) -> bool:
    """Whether the body may tell a property that is None from one that is not there."""
    own = type_.objects[-1]
    if not own.optional:
        return False
    uses = sum(n.value == name for n in find(function.body, cst.Name))
    harmless = sum(_gets(call, name) for call in find(function.body, cst.Call))
    harmless += sum(_needs(item, name, own) for item in find(function.body, cst.Subscript))
    return uses != harmless


def _gets(call: cst.Call, name: str) -> bool:
    """`details.get("order")` gives None either way."""
    func = call.func
    on_it = isinstance(func, cst.Attribute) and isinstance(func.value, cst.Name) and func.value.value == name
    return on_it and isinstance(func, cst.Attribute) and func.attr.value == "get" and len(call.args) == 1


def _needs(item: cst.Subscript, name: str, own: ObjectType) -> bool:
    """`details["text"]` is always there."""
    index = item.slice[0].slice
    if not (isinstance(item.value, cst.Name) and item.value.value == name and isinstance(index, cst.Index)):
        return False
    return isinstance(index.value, cst.SimpleString) and string_value(index.value) not in own.optional


def without_none(name: str, type_: PythonType, optional: bool) -> cst.SimpleStatementLine:
    """The statement that takes such properties out of the object, or of each object of a list."""
    present = "{k: v for k, v in %s.items() if v is not None}"
    value = f"[{present % 'item'} for item in {name}]" if type_.source.startswith("list[") else present % name
    code = f"{name} = {name} and {value}" if optional else f"{name} = {value}"
    return cst.ensure_type(cst.parse_statement(code), cst.SimpleStatementLine)

"""The class of the state that phases share: one annotated attribute per name, typed as far as the code says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import libcst as cst

from lk_migrate.entrypoint.names import Names
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project

#: What the class may be called, the best name first.
STATE_TYPES = ("CallState", "SharedState", "PhasesState", "CallPhasesState")
_DOC = "What the phases of one call share; every name is set where the entrypoint used to set it."
_PLAIN = {"bool": "bool", "int": "int", "float": "float", "str": "str", "list": "list", "dict": "dict", "set": "set"}


def state_fields(
    project: Project, module: Module, names: Names, fields: Sequence[str], flags: frozenset[str], name: str
) -> cst.ClassDef:
    """`class CallState` (`name`) with the attributes `fields`; what cannot be told is `Any`."""
    lines = [f"    {f}: {'bool' if f in flags else _type_of(project, module, names, f)}\n" for f in fields]
    text = f'class {name}:\n    """{_DOC}"""\n\n{"".join(lines)}' if lines else f'class {name}:\n    """{_DOC}"""\n'
    return cst.ensure_type(cst.parse_statement(text), cst.ClassDef)


def _type_of(project: Project, module: Module, names: Names, name: str) -> str:
    found: set[str] = set()
    annotated = {t for _, o in names.uses.get(name, ()) if (t := _annotation(module, o.node))}
    if len(annotated) == 1:
        return annotated.pop()
    for _, occurrence in names.uses.get(name, ()):
        if occurrence.kind in ("read", "quoted", "declared") or _is_counted(module, occurrence.node):
            continue
        found.add(_binding_type(project, module, occurrence.node))
    if len(found) == 1:
        return found.pop()
    if len(found) == 2 and "None" in found and "Any" not in found:
        other = (found - {"None"}).pop()
        return other if other.startswith("Optional[") or "|" in other else f"{other} | None"
    return "Any"


def _is_counted(module: Module, node: cst.CSTNode) -> bool:
    """`calls += 1` says nothing new of what `calls` is."""
    return isinstance(module.index.parents.get(node), cst.AugAssign)


def _annotation(module: Module, node: cst.CSTNode) -> str:
    """The type that an assignment declares, "" without one."""
    parent = module.index.parents.get(node)
    if not (isinstance(parent, cst.AnnAssign) and parent.target is node):
        return ""
    text = module.tree.code_for_node(parent.annotation.annotation)
    return text if "\n" not in text else ""


def _binding_type(project: Project, module: Module, node: cst.CSTNode) -> str:
    parent = module.index.parents.get(node)
    if isinstance(parent, cst.AssignTarget):
        assign = cast(cst.Assign, module.index.parents.get(parent))
        return _value_type(project, module, assign.value)
    return "Any"


def _value_type(project: Project, module: Module, value: cst.BaseExpression) -> str:
    if isinstance(value, cst.Await):
        inner = value.expression
        return _result_type(project, module, inner, is_awaited=True) if isinstance(inner, cst.Call) else "Any"
    if isinstance(value, cst.Name) and value.value in ("True", "False"):
        return "bool"
    if isinstance(value, cst.Name) and value.value == "None":
        return "None"
    if isinstance(value, (cst.Comparison,)):
        return "bool"
    if isinstance(value, (cst.List, cst.ListComp)):
        return "list"
    if isinstance(value, (cst.Dict, cst.DictComp)):
        return "dict"
    if isinstance(value, cst.Integer):
        return "int"
    if isinstance(value, cst.Float):
        return "float"
    if isinstance(value, (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)):
        return "Any" if isinstance(value, cst.SimpleString) and isinstance(string_value(value), bytes) else "str"
    if isinstance(value, cst.Call):
        return _result_type(project, module, value)
    return "Any"


def _result_type(project: Project, module: Module, call: cst.Call, is_awaited: bool = False) -> str:
    """A class that is called gives itself; a module-level function what its annotation says, if that is simple."""
    name = dotted(call.func)
    if name in _PLAIN:
        return _PLAIN[name]
    defined = project.sure_definition(module, call.func)
    if defined is not None and name is not None:
        return name if defined in ("class", "subclass") else "Any"
    symbol = project.resolve(module, call.func)
    if symbol is None or name is None:
        return "Any"
    if isinstance(symbol.node, cst.ClassDef):
        return name
    if isinstance(symbol.node, cst.FunctionDef) and symbol.module is module and symbol.node.returns is not None:
        if (symbol.node.asynchronous is not None) != is_awaited:
            return "Any"
        text = module.tree.code_for_node(symbol.node.returns.annotation).strip("\"'")
        return text if "\n" not in text else "Any"
    return "Any"

"""What a project's own decorator says of a tool: `@registry.tool("track", "Where it is.", {"number": {…}})`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import libcst as cst

from lk_migrate.facts.constants import NotConstant, value_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.schemas import ToolSchema, tool_schema
from lk_migrate.facts.walk import find

_NAMES = ("name", "tool_name")
_DESCRIPTIONS = ("description", "desc", "doc")


@dataclass(frozen=True)
class Said:
    """`schema`: what is said of the parameters; None when nothing is."""

    name: str
    description: str = ""
    schema: ToolSchema | None = None


def decorator_says(
    project: Project, module: Module, call: cst.Call | None, order: tuple[str, ...], function: cst.FunctionDef
) -> Said:
    """`order`: the decorator's own parameters, for arguments without a keyword."""
    given = dict(_arguments(project, module, call, order))
    name = next((given[k] for k in _NAMES if isinstance(given.get(k), str)), "") or function.name.value
    description = next((given[k] for k in _DESCRIPTIONS if isinstance(given.get(k), str)), "")
    properties = next((p for value in given.values() if (p := _properties(value))), None)
    if properties is None:
        properties = _described(given, order, function)
    if properties is None:
        return Said(name, description)
    parameters = {"properties": properties, "required": _without_default(function)}
    told = tool_schema({"name": name, "description": description, "parameters": parameters})
    return Said(name, description, told)


def _arguments(
    project: Project, module: Module, call: cst.Call | None, order: tuple[str, ...]
) -> Iterator[tuple[str, Any]]:
    """The constant arguments by the parameter's name."""
    for i, arg in enumerate(call.args if call is not None else ()):
        try:
            value = value_of(project, module, arg.value)
        except (NotConstant, TypeError):
            continue
        yield arg.keyword.value if arg.keyword is not None else order[i] if i < len(order) else "", value


def _properties(value: Any) -> dict[str, Any] | None:
    """JSON schemas by parameter: given as they are, or inside the schema of the whole."""
    if not isinstance(value, dict):
        return None
    inner = value.get("properties", value)
    known = isinstance(inner, dict) and bool(inner)
    return (
        inner
        if known and all(isinstance(v, dict) and v.keys() & {"type", "description"} for v in inner.values())
        else None
    )


def _described(given: dict[str, Any], order: tuple[str, ...], function: cst.FunctionDef) -> dict[str, Any] | None:
    """Sentences for the function's parameters by their names: `@can("Book it.", room="its number")`."""
    params = [*function.params.params, *function.params.kwonly_params]
    names = [p.name.value for p in params if p.name.value not in order]
    told = {n: {"description": given[n]} for n in names if isinstance(given.get(n), str)}
    return told or None


def _without_default(function: cst.FunctionDef) -> list[str]:
    """(`self` and the run context among them do no harm: no property is called so.)"""
    params = [*function.params.posonly_params, *function.params.params, *function.params.kwonly_params]
    return [p.name.value for p in params if p.default is None]


def only_records(node: cst.CSTNode | None) -> bool:
    """Whether a decorator hands back the function that it got: it never calls it, so it wraps nothing."""
    if not isinstance(node, cst.FunctionDef):
        return False
    taken: set[str] = set()
    for function in find(node, cst.FunctionDef):
        taken.update(p.name.value for p in function.params.params)
    return not any(isinstance(c.func, cst.Name) and c.func.value in taken for c in find(node, cst.Call))

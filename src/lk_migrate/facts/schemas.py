"""Tools described to the model as JSON schemas: OpenAI's `{"type": "function", "function": {…}}` and its flat form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from lk_migrate.facts.constants import NotConstant, value_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project

_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


@dataclass(frozen=True)
class ParameterSchema:
    """One property. `annotation` is Python source, `needs` the typing names in it; `loose`: the schema says more."""

    name: str
    annotation: str
    required: bool
    description: str = ""
    has_default: bool = False
    default: Any = None
    needs: frozenset[str] = frozenset()
    loose: bool = False


@dataclass(frozen=True)
class ToolSchema:
    """What the model was told about one tool; `node` is the dictionary when it is written out, else None."""

    name: str
    description: str = ""
    parameters: tuple[ParameterSchema, ...] = ()
    node: cst.CSTNode | None = field(default=None, compare=False)

    def parameter(self, name: str) -> ParameterSchema | None:
        return next((p for p in self.parameters if p.name == name), None)


def tool_schemas(project: Project, module: Module, expression: cst.CSTNode) -> tuple[ToolSchema, ...]:
    """The tool schemas that `expression` is a list of; empty when it is something else."""
    try:
        value = value_of(project, module, expression)
    except (NotConstant, TypeError):
        return ()
    if not isinstance(value, list) or not value:
        return ()
    found = [tool_schema(item) for item in value]
    return () if any(s is None for s in found) else tuple(s for s in found if s is not None)


def tool_schema(item: Any) -> ToolSchema | None:
    """One tool's schema, in either form; None for anything else."""
    if not isinstance(item, dict):
        return None
    inner = item.get("function") if item.get("type") == "function" and "function" in item else item
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        return None
    parameters = inner.get("parameters", inner.get("input_schema"))
    if inner is item and not isinstance(parameters, dict):
        return None
    parameters = parameters if isinstance(parameters, dict) else {}
    properties = parameters.get("properties")
    required = parameters.get("required")
    required = required if isinstance(required, list) else []
    listed = tuple(
        parameter_schema(name, entry, name in required)
        for name, entry in (properties.items() if isinstance(properties, dict) else ())
        if isinstance(name, str)
    )
    return ToolSchema(inner["name"], _text(inner.get("description")), listed)


def parameter_schema(name: str, entry: Any, required: bool) -> ParameterSchema:
    entry = entry if isinstance(entry, dict) else {}
    annotation, needs, loose = python_type(entry)
    return ParameterSchema(
        name,
        annotation,
        required,
        _text(entry.get("description")),
        "default" in entry,
        entry.get("default"),
        needs,
        loose,
    )


def python_type(entry: dict[str, Any]) -> tuple[str, frozenset[str], bool]:
    """The annotation for a JSON type: (source, typing names used, whether the schema said more than it can)."""
    kinds = entry.get("type")
    kinds = list(kinds) if isinstance(kinds, list) else [kinds]
    nullable = "null" in kinds or entry.get("nullable") is True
    kinds = [k for k in kinds if k != "null"]
    values = entry.get("enum")
    variants = entry.get("anyOf") or entry.get("oneOf")
    if isinstance(values, list) and values and all(isinstance(v, (str, int, bool, type(None))) for v in values):
        nullable = nullable or None in values
        source, needs, loose = f"Literal[{', '.join(_literal(v) for v in values if v is not None)}]", {"Literal"}, False
    elif isinstance(variants, list) and variants and all(isinstance(v, dict) for v in variants):
        parts = [python_type(v) for v in variants if v.get("type") != "null"]
        nullable = nullable or any(v.get("type") == "null" for v in variants)
        source = " | ".join(dict.fromkeys(p[0] for p in parts))
        needs, loose = {n for p in parts for n in p[1]}, any(p[2] for p in parts)
    elif len(kinds) > 1:
        parts = [python_type({**entry, "type": k}) for k in kinds]
        source, needs = " | ".join(p[0] for p in parts), {n for p in parts for n in p[1]}
        loose = any(p[2] for p in parts)
    elif kinds == ["array"]:
        items = entry.get("items")
        inner, inner_needs, loose = python_type(items) if isinstance(items, dict) else ("str", frozenset(), True)
        source, needs = f"list[{inner}]", set(inner_needs)
    elif kinds == ["object"]:
        source, needs, loose = "dict[str, Any]", {"Any"}, True
    else:
        source, needs, loose = _SCALARS.get(str(kinds[0]) if kinds else "", "str"), set(), False
    return (f"{source} | None" if nullable else source), frozenset(needs), loose


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return repr(value)


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""

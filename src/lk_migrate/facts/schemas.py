"""Tools described to the model as JSON schemas: OpenAI's `{"type": "function", "function": {…}}` and its flat form."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any

import libcst as cst

from lk_migrate.facts.constants import NotConstant, value_of
from lk_migrate.facts.json_types import PythonType, camel, python_type, text
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project


@dataclass(frozen=True)
class ParameterSchema:
    """One property."""

    name: str
    type: PythonType
    required: bool
    description: str = ""
    has_default: bool = False
    default: Any = None

    @property
    def is_name(self) -> bool:
        """Whether a parameter can be called so: JSON has properties like `from` and `zip-code`."""
        return self.name.isidentifier() and not iskeyword(self.name)

    @property
    def identifier(self) -> str:
        """What its parameter is called: the property's name, or the nearest to it that Python and pydantic take."""
        if self.is_name:
            return self.name
        word = re.sub(r"\W", "_", self.name).lstrip("_") or "value"
        return f"{word}_" if iskeyword(word) else f"n{word}" if word[0].isdigit() else word


@dataclass(frozen=True)
class ToolSchema:
    """What the model was told about one tool; `node` is the dictionary when it is written out, else None."""

    name: str
    description: str = ""
    parameters: tuple[ParameterSchema, ...] = ()
    node: cst.CSTNode | None = field(default=None, compare=False)

    @property
    def nameless(self) -> ParameterSchema | None:
        """The first property that no parameter can be called like."""
        return next((p for p in self.parameters if not p.is_name), None)

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


def listed_schemas(project: Project) -> dict[str, ToolSchema]:
    """The schemas in lists at the top of modules by the tool's name; what two of them tell differently is left out."""
    found: dict[str, ToolSchema | None] = {}
    for path in sorted(p for p, data in project.files.items() if b"properties" in data and b"description" in data):
        module = project.module(path)
        for constant in module.definitions.values() if module is not None else ():
            if module is not None and isinstance(constant, cst.List):
                for schema in tool_schemas(project, module, constant):
                    known = found.setdefault(schema.name, schema)
                    found[schema.name] = schema if known == schema else None
    return {name: schema for name, schema in found.items() if schema is not None}


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
        parameter_schema(inner["name"], name, entry, name in required)
        for name, entry in (properties.items() if isinstance(properties, dict) else ())
        if isinstance(name, str)
    )
    return ToolSchema(inner["name"], text(inner.get("description")), listed)


def parameter_schema(tool: str, name: str, entry: Any, required: bool) -> ParameterSchema:
    """One property of the tool's parameters."""
    entry = entry if isinstance(entry, dict) else {}
    return ParameterSchema(
        name,
        python_type(entry, camel(tool) + camel(name)),
        required,
        text(entry.get("description")),
        "default" in entry,
        entry.get("default"),
    )

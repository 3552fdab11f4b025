"""JSON schema types as Python annotations: `Literal` for choices, `TypedDict` for objects, `Field` for limits.

The annotations are read by `@function_tool` (through pydantic), which builds the schema that the model gets: what
can be said in them must come out as it was.
"""

from __future__ import annotations

import json
import keyword
import re
from dataclasses import dataclass
from typing import Any

_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
#: JSON schema keyword → pydantic's `Field` argument, by type.
_LIMITS = {
    "string": {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"},
    "number": {
        "minimum": "ge",
        "maximum": "le",
        "exclusiveMinimum": "gt",
        "exclusiveMaximum": "lt",
        "multipleOf": "multiple_of",
    },
    "array": {"minItems": "min_length", "maxItems": "max_length"},
}
_LIMITS["integer"] = _LIMITS["number"]
#: What pydantic's regular expressions (Rust's) cannot do.
_LOOKS_AROUND = re.compile(r"\(\?[=!<]|\\[1-9]")


@dataclass(frozen=True)
class PythonType:
    """`source` is the annotation, `needs` the dotted names that it uses, `objects` the classes to define before it.

    `limits`: arguments of pydantic's `Field` that say what the type cannot. `loose`: the schema said more, or said
    that anything may come, which OpenAI's strict schemas refuse.
    """

    source: str
    needs: frozenset[str] = frozenset()
    loose: bool = False
    objects: tuple[ObjectType, ...] = ()
    limits: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Property:
    """One entry of an object."""

    name: str
    type: PythonType
    required: bool
    description: str = ""


@dataclass(frozen=True)
class ObjectType:
    """An object whose properties are known: a `TypedDict`."""

    name: str
    description: str
    properties: tuple[Property, ...]

    @property
    def optional(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.properties if not p.required)


def python_type(entry: dict[str, Any], name: str) -> PythonType:
    """The annotation for a JSON type; `name`: what an object that is described here is to be called."""
    found = _type(entry, name)
    nullable = _nullable(entry)
    return _with(found, f"{found.source} | None") if nullable and "None" not in found.source.split(" | ") else found


def _nullable(entry: dict[str, Any]) -> bool:
    kinds, values = entry.get("type"), entry.get("enum")
    variants = entry.get("anyOf") or entry.get("oneOf")
    return (
        (isinstance(kinds, list) and "null" in kinds)
        or entry.get("nullable") is True
        or (isinstance(values, list) and None in values)
        or (isinstance(variants, list) and {"type": "null"} in variants)
    )


def _type(entry: dict[str, Any], name: str) -> PythonType:
    kinds = entry.get("type")
    kinds = [k for k in (kinds if isinstance(kinds, list) else [kinds]) if k != "null"]
    values = entry.get("enum", [entry["const"]] if "const" in entry else None)
    variants = entry.get("anyOf") or entry.get("oneOf")
    if isinstance(values, list) and values and all(isinstance(v, (str, int, bool, type(None))) for v in values):
        listed = ", ".join(literal(v) for v in values if v is not None)
        return PythonType(f"Literal[{listed}]", frozenset({"typing.Literal"}))
    if isinstance(variants, list) and variants and all(isinstance(v, dict) for v in variants):
        return _union([python_type(v, name) for v in variants if v.get("type") != "null"])
    if len(kinds) > 1:
        return _union([python_type({**entry, "type": k, "nullable": False}, name) for k in kinds])
    kind = str(kinds[0]) if kinds and kinds[0] is not None else "object" if "properties" in entry else ""
    if kind == "array":
        return _array(entry, name)
    if kind == "object":
        return _object(entry, name)
    return PythonType(_SCALARS.get(kind, "str"), limits=_limits(entry, kind))


def _union(parts: list[PythonType]) -> PythonType:
    """Limits hold for one of several types only: they are dropped, and the union is loose for it."""
    return PythonType(
        " | ".join(dict.fromkeys(p.source for p in parts)) or "str",
        frozenset(n for p in parts for n in p.needs),
        any(p.loose or p.limits for p in parts),
        tuple(o for p in parts for o in p.objects),
    )


def _array(entry: dict[str, Any], name: str) -> PythonType:
    items = entry.get("items")
    inner = python_type(items, _one_of(name)) if isinstance(items, dict) else PythonType("str", loose=True)
    source, needs = annotated(inner)
    return PythonType(f"list[{source}]", needs, inner.loose, inner.objects, _limits(entry, "array"))


def _object(entry: dict[str, Any], name: str) -> PythonType:
    properties, more = entry.get("properties"), entry.get("additionalProperties")
    if isinstance(properties, dict) and properties and all(_can_be_attribute(n) for n in properties):
        required = entry.get("required")
        required = required if isinstance(required, list) else []
        listed = tuple(
            Property(
                n, python_type(p, name + camel(n)), n in required, text(p.get("description"))
            ) if isinstance(p, dict) else Property(n, PythonType("str"), n in required)
            for n, p in properties.items()
        )  # fmt: skip
        own = ObjectType(name, text(entry.get("description")), listed)
        inner = tuple(o for p in listed for o in p.type.objects)
        loose = any(p.type.loose for p in listed) or more is True or isinstance(more, dict)
        return PythonType(name, frozenset(), loose, (*inner, own))
    value = python_type(more, name) if isinstance(more, dict) and more else None
    if value is None:
        return PythonType("dict[str, Any]", frozenset({"typing.Any"}), True)
    return PythonType(f"dict[str, {value.source}]", value.needs, True, value.objects)


def _can_be_attribute(name: Any) -> bool:
    return isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)


def _limits(entry: dict[str, Any], kind: str) -> tuple[tuple[str, str], ...]:
    found = [
        (argument, literal(entry[key]))
        for key, argument in _LIMITS.get(kind, {}).items()
        if isinstance(entry.get(key), (int, float, str)) and not isinstance(entry[key], bool)
    ]
    found = [(a, v) for a, v in found if a != "pattern" or not _LOOKS_AROUND.search(v)]
    told = {k: entry[k] for k in ("format", "pattern") if isinstance(entry.get(k), str)}
    if "pattern" in told and any(a == "pattern" for a, _ in found):
        del told["pattern"]
    if told:
        listed = ", ".join(f"{literal(k)}: {literal(v)}" for k, v in told.items())
        found.append(("json_schema_extra", f"{{{listed}}}"))
    return tuple(found)


def annotated(
    type_: PythonType, description: str = "", optional: bool = False, alias: str = ""
) -> tuple[str, frozenset[str]]:
    """The annotation with what only pydantic's `Field` can say, and the names that it needs."""
    source, needs = type_.source, type_.needs
    if optional and "None" not in source.split(" | "):
        source = f"{source} | None"
    said = [(name, literal(text)) for name, text in (("alias", alias), ("description", description)) if text]
    told = [*said, *type_.limits]
    if not told:
        return source, needs
    arguments = ", ".join(f"{name}={value}" for name, value in told)
    return f"Annotated[{source}, Field({arguments})]", needs | {"typing.Annotated", "pydantic.Field"}


def typed_dict(type_: ObjectType, indent: str) -> tuple[str, frozenset[str]]:
    """The class as source, and the names that it needs.

    What may be left out may be None, too: strict schemas demand every property, so models send null instead. pydantic
    wants the TypedDict of typing_extensions below Python 3.12, and takes it above.
    """
    needs = {"typing_extensions.TypedDict"}
    lines = [f'{indent}"""{_docstring(type_.description)}"""', ""] if type_.description else []
    for one in type_.properties:
        source, its_needs = annotated(one.type, one.description, optional=not one.required)
        if not one.required:
            source, its_needs = f"NotRequired[{source}]", its_needs | {"typing_extensions.NotRequired"}
        needs |= its_needs
        lines.append(f"{indent}{one.name}: {source}")
    return "\n".join([f"class {type_.name}(TypedDict):", *lines, ""]), frozenset(needs)


def _docstring(description: str) -> str:
    escaped = description.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'{escaped[:-1]}\\"' if escaped.endswith('"') else escaped


def _with(found: PythonType, source: str) -> PythonType:
    return PythonType(source, found.needs, found.loose, found.objects, found.limits)


def camel(name: str) -> str:
    """`order_number` → `OrderNumber`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"\W|_", name) if part)


def _one_of(name: str) -> str:
    """What one of several is called: `Stops` → `Stop`, `Entries` → `Entry`, `Address` → `AddressItem`."""
    if name.endswith("ies") and len(name) > 4:
        return f"{name[:-3]}y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else f"{name}Item"


def literal(value: Any) -> str:
    """A value as source, with double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # whose strings are Python's, too
    return repr(value)


def text(value: Any) -> str:
    """A description in one line."""
    return " ".join(value.split()) if isinstance(value, str) else ""

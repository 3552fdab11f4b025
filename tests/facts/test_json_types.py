"""What a JSON schema says comes out of the annotation that pydantic reads: types, choices, limits, descriptions."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lk_migrate.facts.json_types import annotated, literal, python_type, typed_dict

Schema = dict[str, Any]

SCHEMAS: list[Schema] = [
    {"type": "string"},
    {"type": "integer", "minimum": 1, "maximum": 3},
    {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5},
    {"type": "string", "enum": ["today", 'say "no"', "back\\slash"]},
    {"type": "string", "minLength": 2, "maxLength": 8, "pattern": "^[A-Z]+$"},
    {"type": "string", "format": "date"},
    {"type": "string", "pattern": "^(?!x).*$"},
    {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
    {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "maxItems": 2},
    {
        "type": "object",
        "description": 'What "it" is about.',
        "properties": {
            "text": {"type": "string", "description": "In their words."},
            "order": {"type": "string"},
            "place": {"type": "object", "properties": {"row": {"type": "integer"}}, "required": ["row"]},
        },
        "required": ["text"],
    },
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"town": {"type": "string"}, "at": {"type": "array", "items": {"type": "string"}}},
            "required": ["town", "at"],
        },
    },
]


def built(entry: Schema) -> Schema:
    """The schema that pydantic makes of the annotation."""
    import typing

    import pydantic
    import typing_extensions

    type_ = python_type(entry, "Thing")
    names: dict[str, Any] = {**vars(typing), **vars(typing_extensions), "Field": pydantic.Field}
    needs: set[str] = set()
    for one in type_.objects:
        source, its = typed_dict(one, "    ")
        needs |= its
        exec(compile(source, "typed_dict", "exec", dont_inherit=True), names)
    source, its = annotated(type_)
    missing = {n.rpartition(".")[2] for n in needs | its} - names.keys()
    assert not missing
    schema: Schema = pydantic.TypeAdapter(eval(source, names)).json_schema()
    return plain(schema, schema)


def plain(schema: Schema, root: Schema) -> Schema:
    """Without references, titles, and `null` as a way to say that something may be left out."""
    if "$ref" in schema:
        rest = {k: v for k, v in schema.items() if k != "$ref"}
        return plain({**root["$defs"][schema["$ref"].rpartition("/")[2]], **rest}, root)
    options = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(options) == 1:
        return plain({**options[0], **{k: v for k, v in schema.items() if k not in ("anyOf", "title")}}, root)
    found = {k: v for k, v in schema.items() if k not in ("title", "$defs")}
    if "const" in found:
        found["enum"] = [found.pop("const")]
    if "items" in found:
        found["items"] = plain(found["items"], root)
    if "properties" in found:
        found["properties"] = {name: plain(one, root) for name, one in found["properties"].items()}
    return found


@pytest.mark.parametrize("entry", SCHEMAS, ids=str)
def test_a_schema_survives_its_annotation(entry: Schema) -> None:
    assert built(entry) == entry


@pytest.mark.parametrize(
    ("entry", "source"),
    [
        ({"type": "object"}, "dict[str, Any]"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "dict[str, float]"),
        ({"type": "object", "properties": {"two words": {"type": "string"}}}, "dict[str, Any]"),
        ({"type": "object", "properties": {"class": {"type": "string"}}}, "dict[str, Any]"),
        ({"type": "array"}, "list[str]"),
    ],
)
def test_what_an_annotation_cannot_say_is_loose(entry: Schema, source: str) -> None:
    type_ = python_type(entry, "Thing")
    assert type_.source == source and type_.loose


@pytest.mark.parametrize(
    ("entry", "source"),
    [
        ({"type": ["string", "null"]}, "str | None"),
        ({"type": "string", "nullable": True}, "str | None"),
        ({"type": ["string", "integer"]}, "str | int"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "str | None"),
        ({"enum": ["a", None]}, 'Literal["a"] | None'),
        ({"const": 3}, "Literal[3]"),
        ({}, "str"),
    ],
)
def test_unions_and_nulls(entry: Schema, source: str) -> None:
    assert python_type(entry, "Thing").source == source


@given(st.text())
def test_a_literal_is_the_text_again(text: str) -> None:
    assert ast.literal_eval(literal(text)) == text

"""Whatever the schema, the arguments are valid for it."""

from __future__ import annotations

import datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lk_migrate.verify.standin.arguments import arguments_for
from lk_migrate.verify.strategies import arguments, drawn


def parameters(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


SCHEMAS = {
    "nothing": parameters(),
    "enum": parameters(kind={"type": "string", "enum": ["a", "b"]}),
    "const": parameters(kind={"const": "only"}),
    "nullable enum": parameters(kind={"enum": [None, "b"]}),
    "strict optional": parameters(n={"anyOf": [{"type": "integer", "minimum": 5}, {"type": "null"}]}),
    "type list": parameters(n={"type": ["integer", "null"]}),
    "reference": {
        **parameters(slot={"$ref": "#/$defs/Slot"}),
        "$defs": {"Slot": parameters(day={"type": "string", "format": "date"}, n={"type": "integer"})},
    },
    "array of references": {
        **parameters(slots={"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/Slot"}}),
        "$defs": {"Slot": parameters(n={"type": "number", "exclusiveMinimum": 0, "maximum": 0.2})},
    },
    "tuple": parameters(pair={"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}),
    "unique": parameters(tags={"type": "array", "uniqueItems": True, "minItems": 2, "items": {"enum": ["x", "y"]}}),
    "pattern": parameters(code={"type": "string", "pattern": r"^\d{5}$"}),
    "long": parameters(text={"type": "string", "minLength": 200}),
    "short": parameters(name={"type": "string", "maxLength": 3}),
    "multiple": parameters(n={"type": "integer", "minimum": 7, "multipleOf": 5}),
    "all of": parameters(n={"allOf": [{"type": "integer"}, {"minimum": 3}]}),
    "free object": parameters(data={"type": "object", "additionalProperties": True}),
    "anything": parameters(data={}),
    "exclusive": parameters(n={"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5}),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_arguments_fit_their_schema(name: str) -> None:
    jsonschema.validate(arguments_for(SCHEMAS[name]), SCHEMAS[name])


@pytest.mark.parametrize("name", SCHEMAS)
def test_generated_arguments_fit_their_schema(name: str) -> None:
    talks = drawn({"tool": SCHEMAS[name]}, 20, 2, 4)
    assert len(talks) == 20
    for talk in talks:
        for _, found in talk:
            jsonschema.validate(found, SCHEMAS[name])


bounds = st.integers(-1000, 1000)
numbers = st.builds(
    lambda kind, low, span: {"type": kind, "minimum": low, "maximum": low + span},
    st.sampled_from(["integer", "number"]),
    bounds,
    st.integers(0, 50),
)
strings = st.builds(
    lambda low, span: {"type": "string", "minLength": low, "maxLength": low + span},
    st.integers(0, 80),
    st.integers(0, 5),
)
leaves = st.one_of(
    numbers, strings, st.just({"type": "boolean"}), st.just({"type": "null"}), st.just({"enum": ["x", 2]})
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda low, items: {"type": "array", "minItems": low, "items": items}, st.integers(0, 3), inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda schemas: {"anyOf": schemas}),
        st.dictionaries(st.sampled_from(["day", "email", "n", "other"]), inner).map(
            lambda properties: parameters(**properties)
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(trees)
def test_arguments_fit_any_schema(schema: dict[str, Any]) -> None:
    whole = parameters(value=schema)
    jsonschema.validate(arguments_for(whole), whole)


@settings(max_examples=100, deadline=None)
@given(trees, st.data())
def test_generated_arguments_fit_any_schema(schema: dict[str, Any], data: st.DataObject) -> None:
    whole = {**parameters(value=schema, optional=schema), "required": ["value"]}
    jsonschema.validate(data.draw(arguments(whole)), whole)


def test_a_recursive_schema_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    assert "next" in arguments_for(node)
    assert len(drawn({"tool": node}, 3, 1, 2)) == 3


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("email", lambda text: "@" in text),
        ("customer_email", lambda text: "@" in text),
        ("start_date", datetime.date.fromisoformat),
        ("phoneNumber", lambda text: text.startswith("+")),
        ("appointment_time", lambda text: datetime.time.fromisoformat(text)),
    ],
)
def test_names_give_plausible_strings(name: str, check: Any) -> None:
    assert check(arguments_for(parameters(**{name: {"type": "string"}}))[name])


def test_a_name_that_only_contains_a_word_is_not_taken_for_it() -> None:
    given_text = arguments_for(parameters(validate={"type": "string"}))["validate"]
    assert given_text == "a stand-in text"


def test_optional_properties_are_left_out() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    assert arguments_for({**schema, "required": ["a"]}).keys() == {"a"}

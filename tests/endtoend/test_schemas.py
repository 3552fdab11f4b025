"""The model is offered what it was offered before: names, descriptions, types, choices, what is required."""

from __future__ import annotations

import json
from typing import Any

import pytest
from endtoend_support import ALL_AGENTS, Converted, Talked

Schema = dict[str, Any]


def resolved(schema: Schema, root: Schema) -> Schema:
    """Without references and without `null` as a way to say that something may be left out."""
    if "$ref" in schema:
        rest = {k: v for k, v in schema.items() if k != "$ref"}
        return resolved({**root["$defs"][schema["$ref"].rpartition("/")[2]], **rest}, root)
    if "allOf" in schema and len(schema["allOf"]) == 1:
        return resolved({**schema["allOf"][0], **{k: v for k, v in schema.items() if k != "allOf"}}, root)
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(options) == 1:
        return resolved({**options[0], **{k: v for k, v in schema.items() if k != "anyOf"}}, root)
    return schema


def shape(schema: Schema, root: Schema) -> Schema:
    """What the model is told of a value, but its wording."""
    schema = resolved(schema, root)
    found = {key: schema[key] for key in ("type", "enum") if key in schema}
    if "const" in schema:
        found["enum"] = [schema["const"]]
    if "items" in schema:
        found["items"] = shape(schema["items"], root)
    if schema.get("properties"):
        found["properties"] = {name: shape(one, root) for name, one in schema["properties"].items()}
        found["required"] = sorted(schema.get("required", ()))
    return found


def tools(schemas: list[Schema]) -> dict[str, Schema]:
    return {
        one["name"]: {
            "description": " ".join(one.get("description", "").split()),
            "parameters": shape(one["parameters"], one["parameters"]),
            "told": {
                name: " ".join(resolved(p, one["parameters"]).get("description", "").split())
                for name, p in one["parameters"].get("properties", {}).items()
            },
        }
        for one in schemas
    }


#: (app, agent, tool, what of it) → the finding that says so: its rule, and words of its message.
DIFFERS = {
    ("switchboard", "day", "send_fax", "name"): ("LK112", "offered `send_fax`, which nothing here does"),
}


#: Second names of a tool: there is one description for both.
OTHER_NAMES = {"wakeup_call"}


def differing(app: str, agent: str, talked: Talked) -> dict[tuple[str, str, str, str], tuple[Any, Any]]:
    before, after = (tools(answers[agent][0]["schemas"]) for answers in talked(app))
    found: dict[tuple[str, str, str, str], tuple[Any, Any]] = {}
    for name in before.keys() | after.keys():
        if name not in before or name not in after:
            found[app, agent, name, "name"] = before.get(name), after.get(name)
            continue
        for what in ("parameters", "told"):
            if before[name][what] != after[name][what]:
                found[app, agent, name, what] = before[name][what], after[name][what]
    return found


@pytest.mark.parametrize(("app", "agent"), ALL_AGENTS)
def test_names_and_parameters_are_what_they_were(app: str, agent: str, talked: Talked) -> None:
    known = {key for key in DIFFERS if key[:2] == (app, agent)}
    found = differing(app, agent, talked)
    assert found.keys() == known, {k: v for k, v in found.items() if k not in known}


@pytest.mark.parametrize(("app", "agent"), ALL_AGENTS)
def test_descriptions_are_what_they_were(app: str, agent: str, talked: Talked, converted: Converted) -> None:
    """Where there was none but the name put into words, the name put into words will do; then a finding says so."""
    before, after = (tools(answers[agent][0]["schemas"]) for answers in talked(app))
    notes = [f.message for f in converted(app).plan.findings if f.rule == "LK113"]
    for name in before.keys() & after.keys():
        old, new = before[name]["description"], after[name]["description"]
        words = name.replace("_", " ")
        if old in ("", words) and new != old:
            # (one tool of two names is described by the first of them)
            assert new.rstrip(".").lower().replace(" ", "") == words.replace(" ", "")
            assert any(f"`{name}`" in note for note in notes) or name in OTHER_NAMES, name
        else:
            assert new == old, name


@pytest.mark.parametrize("key", DIFFERS, ids="-".join)
def test_a_difference_is_reported(key: tuple[str, str, str, str], converted: Converted) -> None:
    rule, words = DIFFERS[key]
    assert any(f.rule == rule and words in f.message for f in converted(key[0]).plan.findings)


def test_the_comparison_sees_what_matters() -> None:
    """Types, choices, what is required, what is nested: each alone makes two tools differ."""
    base = {"type": "object", "properties": {"a": {"type": "string", "enum": ["x"]}}, "required": ["a"]}
    others: list[Schema] = [
        {**base, "required": []},
        {**base, "properties": {"a": {"type": "string", "enum": ["x", "y"]}}},
        {**base, "properties": {"a": {"type": "integer"}}},
        {**base, "properties": {"a": {"type": "array", "items": {"type": "string"}}}},
        {**base, "properties": {"b": base["properties"]["a"]}, "required": ["b"]},  # type: ignore[index]
    ]
    shapes = [json.dumps(shape(one, one)) for one in [base, *others]]
    assert len(set(shapes)) == len(shapes)

"""The model is offered what it was offered before: names, descriptions, parameters, types, choices, what is required."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Converted, Talked
from endtoend_support import ALL_AGENTS

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


@pytest.mark.parametrize(("app", "agent"), ALL_AGENTS)
def test_show(app: str, agent: str, talked: Talked, converted: Converted) -> None:
    before, after = (tools(answers[agent][0]["schemas"]) for answers in talked(app))
    print(app, agent, before.keys() - after.keys(), after.keys() - before.keys())
    for name in before:
        for key in before[name]:
            old, new = before[name][key], after.get(name, {}).get(key)
            if old != new:
                print(name, key, json.dumps(old, ensure_ascii=False), "=>", json.dumps(new, ensure_ascii=False))
    assert 0

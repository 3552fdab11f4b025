"""Arguments that a model might give a tool, made from the tool's JSON schema. Pure and deterministic."""

from __future__ import annotations

import re
from typing import Any

Schema = dict[str, Any]

#: By the JSON-schema `format` of a string.
_BY_FORMAT = {
    "date": "2031-05-14",
    "date-time": "2031-05-14T10:30:00Z",
    "time": "10:30:00",
    "duration": "PT30M",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000001",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
    "binary": "AAAA",
    "byte": "AAAA",
}

#: By a word in the parameter's name, first match wins: a tool that parses its input should get something to
#: parse.
_BY_NAME = (
    ("email", "ada@example.com"),
    ("phone", "+15550100123"),
    ("mobile", "+15550100123"),
    ("timezone", "Europe/Berlin"),
    ("datetime", "2031-05-14T10:30:00"),
    ("date", "2031-05-14"),
    ("weekday", "Wednesday"),
    ("day", "tomorrow"),
    ("time", "10:30"),
    ("month", "May"),
    ("year", "2031"),
    ("url", "https://example.com/"),
    ("first_name", "Ada"),
    ("last_name", "Lovelace"),
    ("name", "Ada Lovelace"),
    ("city", "Berlin"),
    ("location", "Berlin"),
    ("address", "1 Example Street"),
    ("zip", "10115"),
    ("postal", "10115"),
    ("country", "Germany"),
    ("language", "en"),
    ("currency", "EUR"),
    ("query", "What are your opening hours?"),
    ("question", "What are your opening hours?"),
    ("topic", "opening hours"),
    ("reason", "check-up"),
    ("option", "1"),
    ("slot", "1"),
    ("number", "1"),
    ("amount", "1"),
    ("id", "1"),
)
_ANY_TEXT = "a stand-in text"
_DEPTH = 12  # deeper than any schema of a tool; ends recursive ones


def arguments_for(schema: Schema) -> dict[str, Any]:
    """Arguments valid for the `parameters` of a tool: every required property, with plausible values.

    Optional properties are left out; those of OpenAI's strict mode are all required, and nullable ones that
    stand for a default get null, as a model would give them.
    """
    value = _value(schema, "", schema, 0)
    return value if isinstance(value, dict) else {}


def value_for(schema: Any, name: str, root: Schema) -> Any:
    """A value of the parameter `name`, valid for its part of the schema `root`."""
    return _value(schema, name, root, 0)


def resolved(schema: Schema, root: Schema) -> Schema:
    """The schema, with what its `$ref` names in `root`."""
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#"):
        return schema
    target: Any = root
    for part in reference.lstrip("#/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        target = target.get(key, {}) if isinstance(target, dict) else {}
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {**target, **rest} if isinstance(target, dict) else rest


def _is_null(schema: Schema) -> bool:
    return schema.get("type") == "null" or ("const" in schema and schema["const"] is None)


def merged(schema: Schema, root: Schema) -> Schema:
    """A schema with what its `allOf` adds; what it says itself goes before."""
    found: Schema = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        found = {**resolved(part, root), **found}
    return found


def _value(schema: Any, name: str, root: Schema, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _DEPTH:
        return None if schema is not True else _text({}, name)
    schema = resolved(schema, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return next((value for value in schema["enum"] if value is not None), None)
    if schema.get("examples"):
        return schema["examples"][0]
    for union in ("anyOf", "oneOf"):
        branches = [resolved(branch, root) for branch in schema.get(union, ()) if isinstance(branch, dict)]
        if branches:
            solid = [branch for branch in branches if not _is_null(branch)]
            return _value(solid[0], name, root, depth + 1) if solid else None
    if schema.get("allOf"):
        return _value(merged(schema, root), name, root, depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind == "object" or (kind is None and "properties" in schema):
        return _object(schema, root, depth)
    if kind == "array":
        return _array(schema, name, root, depth)
    if kind in ("integer", "number"):
        return _number(schema, kind, name)
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    return _text(schema, name)


def _object(schema: Schema, root: Schema, depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    wanted = [name for name in schema.get("required", ()) if name in properties]
    return {name: _value(properties[name], name, root, depth + 1) for name in wanted}


def _array(schema: Schema, name: str, root: Schema, depth: int) -> list[Any]:
    fixed = schema.get("prefixItems")
    if isinstance(fixed, list):
        return [_value(item, name, root, depth + 1) for item in fixed]
    count = max(int(schema.get("minItems", 1)), min(1, int(schema.get("maxItems", 1))))
    item = schema.get("items", True)
    values = [_value(item, name.rstrip("s"), root, depth + 1) for _ in range(count)]
    if schema.get("uniqueItems") and len(values) > 1:
        choices = resolved(item, root).get("enum") if isinstance(item, dict) else None
        return choices[:count] if choices else [f"{value} {n}" if n else value for n, value in enumerate(values)]
    return values


def _number(schema: Schema, kind: str, name: str) -> int | float:
    step = schema.get("multipleOf") or (1 if kind == "integer" else 0.5)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None and high is None and step == 1 and re.search(r"(?:^|_)year$", name.lower()):
        return 2031
    if low is None:
        value = step if high is None or high >= step else high
    else:
        value = low if "minimum" in schema else low + step
        remainder = value % step
        if remainder:
            value += step - remainder
    if high is not None and (value > high or ("exclusiveMaximum" in schema and value >= high)):
        bottom = low if low is not None else high - 2 * step
        value = (bottom + high) / 2 if kind == "number" else high - (1 if "exclusiveMaximum" in schema else 0)
    return int(value) if kind == "integer" else float(value)


def _text(schema: Schema, name: str) -> str:
    text = _BY_FORMAT.get(schema.get("format", "")) or _by_pattern(schema.get("pattern")) or _by_name(name)
    shortest, longest = int(schema.get("minLength", 0)), schema.get("maxLength")
    if len(text) < shortest:
        text = (text * (shortest // max(len(text), 1) + 1))[:shortest]
    return text if longest is None else text[: int(longest)]


def _by_name(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    for word, text in _BY_NAME:
        if re.search(rf"(?:^|_){word}(?:s?$|s?_|\d)", snake):
            return text
    return _ANY_TEXT


def _by_pattern(pattern: object) -> str | None:
    """The first of our plausible strings that matches; patterns in tool schemas are rare and simple."""
    if not isinstance(pattern, str):
        return None
    candidates = [text for _, text in _BY_NAME] + list(_BY_FORMAT.values())
    candidates += ["1", "12", "123", "1234", "12345", "123456", "A1", "ABC", "abc", "ABC123", "ABC-123"]
    try:
        return next((text for text in candidates if re.search(pattern, text)), None)
    except re.error:
        return None

"""Hypothesis strategies made from tools' JSON schemas: arguments that a model may give, steps, conversations.

Half of the values are the usual ones of `standin.arguments`, which tools can do something with; the others are what a
model should not say but does, and the ends of what the schema allows. No strategy rejects what it drew, so every
schema gives as many conversations as are asked for. Importing Hypothesis takes a third of a second: import this late.
"""

from __future__ import annotations

import datetime
import math
import re
import tempfile
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, configuration, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

from lk_migrate.verify.conversations import Conversation, Step
from lk_migrate.verify.standin.arguments import Schema, merged, resolved, value_for

Values = st.SearchStrategy[Any]

_ODD_TEXTS = (
    "",
    " ",
    "no",
    "yes",
    "tomorrow",
    "Friday",
    "2",
    "two",
    "last",
    "morning",
    "10:30",
    "ada@example.com",
    "Zoë Ñandú",
)
_ODD_NUMBERS = (0, 1, 2, 5, -1, 99)
_NULLS = (None, "null", {"type": "null"}, {"const": None})
_SPAN = 99  # how far from a bound numbers are drawn: code that counts up to one should come to an end
_LONGEST_TEXT = 200  # characters: longer ones are only drawn when the schema wants them
_MORE_ITEMS = 3  # of an array, than it must have
_DEPTH = 4  # of nested values; deeper ones, and those of recursive schemas, are the usual ones
_DAYS = st.dates(datetime.date(2024, 1, 1), datetime.date(2035, 12, 31)).map(datetime.date.isoformat)
_TIMES = st.times().map(lambda time: time.replace(microsecond=0).isoformat())
_BY_FORMAT: dict[str, Values] = {
    "date": st.sampled_from(["2024-02-29", "2031-12-31"]) | _DAYS,
    "time": st.sampled_from(["00:00:00", "23:59:59"]) | _TIMES,
    "date-time": st.tuples(_DAYS, _TIMES).map(lambda both: f"{both[0]}T{both[1]}Z"),
    "email": st.sampled_from(["ada@example.com", "a@b.example", "Ada.Lovelace+test@mail.example.com"]),
    "uuid": st.uuids().map(str),
}


class _Steady(HypothesisProvider):
    """Draws without the constants that Hypothesis reads from the loaded modules' source: every run draws the same."""

    def _maybe_draw_constant(self, *_: Any, **__: Any) -> None:
        return None


def drawn(schemas: dict[str, Schema], count: int, shortest: int, longest: int) -> list[Conversation]:
    """`count` conversations of `shortest` to `longest` calls of the tools, given as name → parameters.

    The same in every run. Nothing is printed, or kept on the disk."""
    found: list[Conversation] = []
    AVAILABLE_PROVIDERS["lk-migrate"] = f"{__name__}.{_Steady.__name__}"
    with tempfile.TemporaryDirectory(prefix="lk-migrate-") as home:  # for patterns, a table of Unicode is put there
        configuration.set_hypothesis_home_dir(home)
        try:

            @seed(0)
            @settings(
                backend="lk-migrate",
                max_examples=count,
                phases=[Phase.generate],
                database=None,
                deadline=None,
                verbosity=Verbosity.quiet,
                suppress_health_check=list(HealthCheck),
            )
            @given(st.lists(steps(schemas), min_size=shortest, max_size=longest))
            def collect(conversation: list[Step]) -> None:
                found.append(tuple(conversation))

            collect()
        finally:
            configuration.set_hypothesis_home_dir(None)
    return found


def steps(schemas: dict[str, Schema]) -> st.SearchStrategy[Step]:
    """A call of one of the tools, given as name → parameters."""
    return st.one_of([st.tuples(st.just(name), arguments(schema)) for name, schema in schemas.items()])


def arguments(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments valid for a tool's parameters; optional ones come and go."""
    return _object(resolved(schema, schema), schema, 0)


def _value(schema: Any, name: str, root: Schema, depth: int) -> Values:
    usual = value_for(schema, name, root)
    if not isinstance(schema, dict) or depth > _DEPTH:
        return st.just(usual)
    schema = resolved(schema, root)
    if "const" in schema:
        return st.just(schema["const"])
    if schema.get("enum"):
        return st.sampled_from(schema["enum"])
    for union in ("anyOf", "oneOf"):
        if schema.get(union):
            return st.one_of([_value(branch, name, root, depth + 1) for branch in schema[union]])
    if schema.get("allOf"):
        return _value(merged(schema, root), name, root, depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        return st.one_of([_value({**schema, "type": one}, name, root, depth) for one in kind])
    if kind == "object" or (kind is None and "properties" in schema):
        return _object(schema, root, depth)
    if kind == "array":
        return st.just(usual) | _array(schema, name, root, depth, usual)
    if kind == "integer":
        return st.just(usual) | _integer(schema, usual)
    if kind == "number":
        return st.just(usual) | _number(schema, usual)
    if kind == "boolean":
        return st.booleans()
    if kind == "string":
        return _text(schema, usual)
    return st.just(usual)


def _object(schema: Schema, root: Schema, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    properties: dict[str, Any] = schema.get("properties", {})
    required, optional = {}, {}
    for key, one in properties.items():
        if key in schema.get("required", ()):
            required[key] = _value(one, key, root, depth + 1)
        else:
            optional[key] = _value(_solid(one, root), key, root, depth + 1)
    return st.fixed_dictionaries(required, optional=optional).map(
        lambda found: {key: found[key] for key in properties if key in found}
    )


def _solid(schema: Any, root: Schema) -> Any:
    """A schema without null: what is optional is left out instead, for the old code's schema may know no null there."""
    if not isinstance(schema, dict):
        return schema
    schema = resolved(schema, root)
    for key in ("anyOf", "oneOf", "type", "enum"):
        choices = schema.get(key)
        solid = [one for one in choices if one not in _NULLS] if isinstance(choices, list) else []
        schema = {**schema, key: solid} if solid else schema
    return schema


def _array(schema: Schema, name: str, root: Schema, depth: int, usual: list[Any]) -> Values:
    fixed = schema.get("prefixItems")
    if isinstance(fixed, list):
        return st.tuples(*(_value(item, name, root, depth + 1) for item in fixed)).map(list)
    least = int(schema.get("minItems", 0))
    most = min(int(schema.get("maxItems", least + _MORE_ITEMS)), least + _MORE_ITEMS)
    item = _value(schema.get("items", True), name.rstrip("s"), root, depth + 1)
    if most < least:
        return st.just(usual)
    if not schema.get("uniqueItems"):
        return st.lists(item, min_size=least, max_size=most)

    def distinct(found: list[Any]) -> list[Any]:
        once = [one for number, one in enumerate(found) if one not in found[:number]]
        return once if len(once) >= least else usual

    return st.lists(item, min_size=least, max_size=most).map(distinct)


def _integer(schema: Schema, usual: Any) -> Values:
    step = schema.get("multipleOf", 1)
    if not isinstance(step, int) or step < 1:
        return st.just(usual)
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None and "exclusiveMinimum" in schema:
        low = math.floor(schema["exclusiveMinimum"]) + 1
    if high is None and "exclusiveMaximum" in schema:
        high = math.ceil(schema["exclusiveMaximum"]) - 1
    most = math.floor(high / step) if high is not None else None
    least = math.ceil(low / step) if low is not None else min(-1, most if most is not None else 0)
    most = max(least, 0) + _SPAN if most is None else most
    if most < least:
        return st.just(usual)
    ends = {least, min(least + 1, most), max(most - 1, least), most}
    odd = ends.union(number for number in _ODD_NUMBERS if least <= number <= most)
    counts = st.sampled_from(sorted(odd)) | st.integers(least, min(most, least + _SPAN))
    return counts.map(lambda count: count * step)


def _number(schema: Schema, usual: Any) -> Values:
    if "multipleOf" in schema:
        return _integer(schema, usual).map(float)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    least = float(low) if low is not None else min(-1.0, high if high is not None else 0.0)
    most = float(high) if high is not None else max(least, 0.0) + _SPAN

    def allowed(number: float) -> bool:
        over = number > least if "exclusiveMinimum" in schema else number >= least
        return over and (number < most if "exclusiveMaximum" in schema else number <= most)

    odd = [float(one) for one in (least, most, *_ODD_NUMBERS) if allowed(float(one))] or [usual]
    if least >= most:
        return st.sampled_from(odd)
    short = st.floats(least, most).map(lambda number: round(number, 2))
    return st.sampled_from(odd) | short.map(lambda number: number if allowed(number) else usual)


def _text(schema: Schema, usual: str) -> Values:
    least = int(schema.get("minLength", 0))
    most = int(schema.get("maxLength", max(least, _LONGEST_TEXT)))
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        return _matching(pattern, least, most, usual)
    if "format" in schema:
        others = _BY_FORMAT.get(schema["format"], st.just(usual))
        return st.just(usual) | others.map(lambda text: text if least <= len(text) <= most else usual)
    odd = st.sampled_from(_ODD_TEXTS) | st.lists(st.sampled_from(_ODD_TEXTS), max_size=3).map(" ".join)
    texts = st.just(usual) | odd.map(lambda text: _sized(text, min(max(len(text), least), most)))
    if "minLength" in schema or "maxLength" in schema:
        ends = [least, min(most, max(least, _LONGEST_TEXT))]
        texts |= st.sampled_from(ends).map(lambda length: _sized(usual, length))
    return texts


def _sized(text: str, length: int) -> str:
    text = text or "a"
    return (text * (length // len(text) + 1))[:length]


def _matching(pattern: str, least: int, most: int, usual: str) -> Values:
    """Texts that match; the usual one where the pattern is none of Python's."""
    try:
        expression = re.compile(pattern)
        texts = st.from_regex(expression, fullmatch=True, alphabet=st.characters(min_codepoint=32, max_codepoint=126))
        texts.validate()
    except Exception:
        return st.just(usual)
    fitting = texts.map(lambda text: text if least <= len(text) <= most else usual)
    return st.just(usual) | fitting if expression.search(usual) else fitting

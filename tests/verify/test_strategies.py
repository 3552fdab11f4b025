"""Conversations that are generated from the tools' schemas."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lk_migrate.verify.conversations import Conversation
from lk_migrate.verify.strategies import drawn

BOOK: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]},
        "count": {"type": "integer", "minimum": 3, "maximum": 9000},
        "note": {"type": "string"},
        "day": {"type": "string", "format": "date"},
        "code": {"type": "string", "pattern": r"^\d{5}$"},
    },
    "required": ["kind", "count"],
}
TOOLS = {"book": BOOK, "cancel": {"type": "object", "properties": {}}, "rebook": BOOK}


@pytest.fixture(scope="module")
def talks() -> list[Conversation]:
    return drawn(TOOLS, 40, 2, 8)


def values(schema: dict[str, Any]) -> list[Any]:
    whole = {"type": "object", "properties": {"value": schema}, "required": ["value"]}
    return [found["value"] for talk in drawn({"tool": whole}, 40, 2, 8) for _, found in talk]


def test_there_are_as_many_as_asked_for_of_every_length_and_with_every_tool(talks: list[Conversation]) -> None:
    assert len(talks) == 40
    assert {len(talk) for talk in talks} == {2, 3, 4, 5, 6, 7, 8}
    assert {tool for talk in talks for tool, _ in talk} == TOOLS.keys()


def test_optional_arguments_come_and_go_in_the_order_of_the_schema(talks: list[Conversation]) -> None:
    booked = [list(found) for talk in talks for tool, found in talk if tool != "cancel"]
    order = list(BOOK["properties"])
    assert order in booked and ["kind", "count"] in booked
    assert all(names == [name for name in order if name in names] for names in booked)


def test_what_is_optional_is_left_out_and_not_null() -> None:
    """The old code's schema may know no null there, so that it never was given one."""
    maybe = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    order = {"type": "object", "properties": {"number": maybe, "size": {"type": ["integer", "null"]}}}
    found = values({**order, "required": ["size"]})
    assert {type(one["size"]) for one in found} == {int, type(None)}
    assert {type(one.get("number", 0)) for one in found} == {str, int}


def test_they_are_the_same_in_another_process_and_leave_nothing_behind(
    tmp_path: Path, talks: list[Conversation]
) -> None:
    """Hypothesis draws also what it finds in the source of the loaded modules, where that is not turned off."""
    (tmp_path / "other.py").write_text("\n".join(f"X{number} = {number + 3}" for number in range(900)))
    script = f"import other\nfrom lk_migrate.verify.strategies import drawn\nprint(drawn({TOOLS!r}, 40, 2, 8))"
    done = subprocess.run(
        [sys.executable, "-B", "-c", script],
        cwd=tmp_path,
        env={"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == (f"{talks}\n", "")
    assert [file.name for file in tmp_path.iterdir()] == ["other.py"]


@pytest.mark.parametrize(
    ("schema", "ends"),
    [
        ({"type": "integer"}, {0, 1, 2, 5, -1, 99}),
        ({"type": "integer", "minimum": 3, "maximum": 9000}, {3, 4, 8999, 9000}),
        ({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 10, "multipleOf": 2}, {4, 8}),
        ({"type": "integer", "maximum": -7}, {-7}),
        ({"type": "number"}, {0.0, -1.0, 99.0}),
        ({"type": "number", "minimum": 0.5, "maximum": 2.5}, {0.5, 1.0, 2.5}),
        ({"type": "string"}, {"", " ", "no", "Zoë Ñandú"}),
        ({"type": "string", "format": "date"}, {"2024-02-29", "2031-12-31"}),
        ({"type": "string", "format": "time"}, {"00:00:00", "23:59:59"}),
        ({"type": "string", "format": "email"}, {"ada@example.com", "a@b.example"}),
        ({"type": "boolean"}, {True, False}),
        ({"enum": ["x", None, 3]}, {"x", None, 3}),
        ({"type": ["boolean", "null"]}, {True, False, None}),
        ({"anyOf": [{"const": "x"}, {"type": "null"}]}, {"x", None}),
    ],
    # (a set's order is not the same in all processes: read from the source, or from what was compiled)
    ids=lambda given: str(given) if isinstance(given, dict) else f"{len(given)} ends",
)
def test_odd_values_and_the_ends_of_what_is_allowed_are_tried(schema: dict[str, Any], ends: set[Any]) -> None:
    assert ends <= set(values(schema))


def test_lengths_go_to_their_ends() -> None:
    texts = values({"type": "string", "minLength": 2, "maxLength": 30})
    assert {len(text) for text in texts} >= {2, 30}
    assert max(map(len, values({"type": "string", "maxLength": 1_000_000}))) == 200  # for a person to read
    assert {len(found) for found in values({"type": "array", "items": {}, "minItems": 1, "maxItems": 2})} == {1, 2}
    assert [] in values({"type": "array", "items": {}})


def test_a_pattern_is_matched_in_more_than_one_way() -> None:
    codes = set(values({"type": "string", "pattern": r"^[A-Z]{2}-\d{4}$"}))
    assert len(codes) > 20 and all(code.isascii() for code in codes)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": r"\p{L}+"},
        {"type": "integer", "minimum": 5, "maximum": 2},
        {"type": "number", "minimum": 5, "maximum": 2},
        {"type": "array", "minItems": 3, "maxItems": 2, "items": {}},
        {"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "boolean"}},
    ],
    ids=str,
)
def test_a_schema_that_nothing_fits_gives_conversations_too(schema: dict[str, Any]) -> None:
    assert values(schema)

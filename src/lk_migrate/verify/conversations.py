"""Conversations to compare two versions of an agent by: lists of tool calls, made from the tools' schemas.

Pure and deterministic. The plain ones first (every tool alone, then all in a row), then random ones, whose
arguments are sometimes what a model should not say but does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lk_migrate.verify.standin.arguments import Schema, arguments_for
from lk_migrate.verify.standin.script import Tool, in_calling_order

Step = tuple[str, dict[str, Any]]  # a tool's name, and its arguments
Conversation = tuple[Step, ...]

_LONGEST = 8  # steps of a random conversation
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
#: What a schema may say for us to know its other values.
_PLAIN = frozenset({"type", "title", "description", "default"})
_ODD_NUMBERS = (0, 1, 2, 5, -1, 99)


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool of the new version, and the method behind it."""

    name: str
    method: str
    schema: Schema


def conversations(offers: list[Offer], count: int, seed: int = 0) -> list[Conversation]:
    """The plain ones and `count` random ones."""
    if not offers:
        return []
    by_name = {offer.name: offer for offer in offers}
    ordered = [by_name[tool.name] for tool in in_calling_order(Tool(o.name, "", o.schema) for o in offers)]
    usual = [(offer.name, arguments_for(offer.schema)) for offer in ordered]
    alone = [(step,) for step in usual]
    dice = random.Random(seed)
    drawn = [tuple(_step(dice, ordered) for _ in range(dice.randint(2, _LONGEST))) for _ in range(count)]
    return [*alone, tuple(usual), tuple(usual) + tuple(usual), *drawn]


def _step(dice: random.Random, offers: list[Offer]) -> Step:
    offer = dice.choice(offers)
    arguments = arguments_for(offer.schema)
    properties = offer.schema.get("properties", {})
    for name, schema in properties.items():
        if name not in arguments and dice.random() < 0.5:  # an optional one
            arguments.update(arguments_for({"type": "object", "properties": {name: schema}, "required": [name]}))
        if name in arguments and dice.random() < 0.5:
            arguments[name] = _odd(dice, schema, arguments[name])
    return offer.name, arguments


def _odd(dice: random.Random, schema: Schema, usual: Any) -> Any:
    """Another value that the schema allows; the usual one where the schema says more than we read."""
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return _odd(dice, dice.choice([one for one in branches if one.get("type") != "null"] or [schema]), usual)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    if not _PLAIN.issuperset(schema):
        return usual
    if isinstance(usual, bool):
        return not usual
    if isinstance(usual, int):
        return dice.choice(_ODD_NUMBERS)
    if isinstance(usual, float):
        return float(dice.choice(_ODD_NUMBERS))
    if isinstance(usual, str):
        return dice.choice(_ODD_TEXTS)
    return usual


def shortest(conversation: Conversation, differs: Callable[[Conversation], bool]) -> Conversation:
    """The conversation without the steps that its difference does not need. `differs` is asked at most once a step."""
    for number in reversed(range(len(conversation))):
        without = conversation[:number] + conversation[number + 1 :]
        if without and differs(without):
            conversation = without
    return conversation


def said(conversation: Conversation) -> Iterator[str]:
    """Each step as a person would write the call."""
    for tool, arguments in conversation:
        yield f"{tool}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"

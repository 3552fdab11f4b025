"""Conversations to compare two versions of an agent by: lists of tool calls, made from the tools' schemas.

Deterministic. The plain ones first (every tool alone, then all in a row), then ones that Hypothesis generates, whose
arguments are sometimes what a model should not say but does.

A difference is shrunk here (`shortest`), not by Hypothesis: each try runs both versions, and steps are what a person
reads first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lk_migrate.verify.standin.arguments import Schema, arguments_for
from lk_migrate.verify.standin.script import Tool, in_calling_order

Step = tuple[str, dict[str, Any]]  # a tool's name, and its arguments
Conversation = tuple[Step, ...]

_SHORTEST, _LONGEST = 2, 8  # steps of a generated conversation


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool of the new version, and the method behind it."""

    name: str
    method: str
    schema: Schema


def conversations(offers: list[Offer], count: int) -> list[Conversation]:
    """The plain ones and `count` generated ones."""
    if not offers:
        return []
    from lk_migrate.verify.strategies import drawn  # Hypothesis: only where something is compared

    by_name = {offer.name: offer for offer in offers}
    ordered = [by_name[tool.name] for tool in in_calling_order(Tool(o.name, "", o.schema) for o in offers)]
    usual = [(offer.name, arguments_for(offer.schema)) for offer in ordered]
    alone = [(step,) for step in usual]
    generated = drawn({offer.name: offer.schema for offer in ordered}, count, _SHORTEST, _LONGEST)
    return [*alone, tuple(usual), tuple(usual) + tuple(usual), *generated]


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

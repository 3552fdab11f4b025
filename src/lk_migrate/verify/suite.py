"""`lk-migrate tests`: a file of tests for each agent, for the person to keep."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from lk_migrate.model import UserError
from lk_migrate.verify.context import Clock, Context
from lk_migrate.verify.conversations import Conversation, Offer, conversations
from lk_migrate.verify.run import Options, prepared
from lk_migrate.verify.sides import Impossible, Side, side
from lk_migrate.verify.standin.arguments import arguments_for
from lk_migrate.verify.standin.script import Script
from lk_migrate.verify.standin.server import serve

_WIDTH = 100  # columns of a line of the tables
_ANSWERS_IN = 60.0  # seconds for the project to be imported
_DRAWN = 4  # generated conversations, besides the one of all tools
_LATER = 100 * 86_400.0  # seconds: another day, week and month


def suite(options: Options, tell: Callable[[str], None]) -> tuple[dict[str, str], list[str]]:
    """The text of each file of tests by its path relative to the root, and what could not be tested and why.

    Runs the project's code, on a copy, as `verify` does. Raises UserError when it cannot be imported."""
    files: dict[str, str] = {}
    left: list[str] = []
    with (
        prepared(options, tell) as context,
        serve(Script()) as server,
        side(context, "tests", context.workspace, server) as new,
    ):
        tell("the project's agents")
        try:
            found = new.answer(new.tell("describe", files=context.app_files, main=context.main), Clock(_ANSWERS_IN))
        except Impossible as error:
            raise UserError(f"the agents cannot be imported: {error}; `lk-migrate verify` says more.") from error
        for agent in found["agents"]:
            if "error" in agent:
                left.append(f"{agent['name']}: {agent['error']}")
            elif not agent["module"].replace(".", "").isidentifier():
                left.append(f"{agent['name']}: {agent['path']} has no importable name")
            else:
                tell(f"the tools of {agent['name']}")
                files[f"tests/test_{_snake(agent['name'])}.py"] = _render(context, agent, _played(new, agent))
    return files, left


def _snake(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.replace(".", "_")).lower()
    return f"{snake}_" if keyword.iskeyword(snake) else snake


@dataclass(frozen=True)
class _Played:
    """What the tests expect: the tools that refuse a first call, and conversations with what was answered."""

    refuses: list[str]
    conversations: list[list[tuple[Any, ...]]]


def _played(new: Side, agent: dict[str, Any]) -> _Played:
    tools = agent["tools"]
    offers = [Offer(tool["name"], tool["method"], tool["schema"]) for tool in tools]
    alone = len(offers)
    talks = conversations(offers, _DRAWN)
    talks = talks[: alone + 1] + talks[alone + 2 :]  # everything twice says little more than once
    methods = {tool["name"]: tool["method"] for tool in tools}
    job = {"class": agent, "methods": methods, "gates": [], "conversations": talks}
    try:
        # Once more on another day, and with what the first time left on the disk: what then differs is not asserted.
        clock = Clock(_ANSWERS_IN)
        first, second = (new.answer(new.tell("converse", **job, later=later), clock) for later in (0.0, _LATER))
    except Impossible:
        return _Played([], [])
    played = list(zip(talks, first["conversations"], second["conversations"], strict=True))
    refuses = [talk[0][0] for talk, outcomes, _ in played[:alone] if "raised" in outcomes[-1]]
    return _Played(refuses, [_steps(*one) for one in played[alone:]])


def _steps(talk: Conversation, first: list[Any], second: list[Any]) -> list[tuple[Any, ...]]:
    """Each call with its answer, up to a handover: there another agent begins. `...` for an answer that may differ."""
    steps: list[tuple[Any, ...]] = []
    for (tool, arguments), one, other in zip(talk, first[1:], second[1:], strict=True):
        if "raised" in one or "raised" in other:
            answer: Any = ...
        elif isinstance(one["returned"], (str, int, type(None))):
            answer = one["returned"] if one["returned"] == other["returned"] else ...
        else:
            break
        steps.append((tool, arguments, answer))
    return steps


def _render(context: Context, agent: dict[str, Any], played: _Played) -> str:
    tools = {one["name"]: {"description": one["description"], "parameters": one["schema"]} for one in agent["tools"]}
    calls = {one["name"]: arguments_for(one["schema"]) for one in agent["tools"]}
    needed = [one["import"] for one in agent["build"] if one["import"]]
    base = Path(context.main).parent.as_posix() if context.main else "."
    ours = sorted({f"from {agent['module']} import {agent['name']}", *(one for one in needed if "unittest" not in one)})
    template = (
        resources.files("lk_migrate").joinpath("templates").joinpath("test_agent.py.j2").read_text(encoding="utf-8")
    )
    return (
        Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
        .from_string(template)
        .render(
            agent=agent,
            plain_imports=["from unittest.mock import MagicMock"],
            project_imports=ours,
            base="" if base == "." else f" / {_literal(base)}",
            tools=_literal(tools),
            calls=_literal(calls),
            refuses=_literal(played.refuses),
            conversations=_literal([one for one in played.conversations if one]),
            arguments=", ".join(f"{one['name']}={one['written']}".lstrip("=") for one in agent["build"]),
            userdata="MagicMock()",
        )
    )


def _literal(value: Any, indent: int = 0) -> str:
    """A value as source, in the usual layout."""
    flat = _flat(value)
    if not isinstance(value, (dict, list, tuple)) or not value or indent + len(flat) <= _WIDTH:
        return flat
    inner = " " * (indent + 4)
    pairs = [f"{_flat(key)}: " for key in value] if isinstance(value, dict) else [""] * len(value)
    items = value.values() if isinstance(value, dict) else value
    lines = [f"{inner}{key}{_literal(one, indent + 4)},\n" for key, one in zip(pairs, items, strict=True)]
    opening, closing = {dict: ("{", "}"), list: ("[", "]"), tuple: ("(", ")")}[type(value)]
    return f"{opening}\n{''.join(lines)}{' ' * indent}{closing}"


def _flat(value: Any) -> str:
    """In one line, with the quotes that formatters like."""
    if isinstance(value, str):
        text = repr(value)
        return text if '"' in value or "\\" in text or text[0] == '"' else f'"{text[1:-1]}"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flat(key)}: {_flat(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flat, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_flat, value)) + ("," if len(value) == 1 else "") + ")"
    return "..." if value is ... else repr(value)

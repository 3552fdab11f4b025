"""`lk-migrate tests`: a file of tests for each agent, for the person to keep."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from lk_migrate.model import UserError
from lk_migrate.verify.context import Clock, Context
from lk_migrate.verify.run import Options, prepared
from lk_migrate.verify.sides import Impossible, Side, side
from lk_migrate.verify.standin.arguments import arguments_for
from lk_migrate.verify.standin.script import Script
from lk_migrate.verify.standin.server import serve

_WIDTH = 100  # columns of a line of the tables
_ANSWERS_IN = 60.0  # seconds for the project to be imported


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
                files[f"tests/test_{_snake(agent['name'])}.py"] = _render(context, agent, _refusing(new, agent))
    return files, left


def _snake(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.replace(".", "_")).lower()
    return f"{snake}_" if keyword.iskeyword(snake) else snake


def _refusing(new: Side, agent: dict[str, Any]) -> list[str]:
    """The tools that raise when they are called before anything else."""
    tools = agent["tools"]
    job = {"class": agent, "methods": {tool["name"]: tool["method"] for tool in tools}, "gates": []}
    talks = [[(tool["name"], arguments_for(tool["schema"]))] for tool in tools]
    try:
        played = new.answer(new.tell("converse", **job, conversations=talks), Clock(_ANSWERS_IN))["conversations"]
    except Impossible:
        return []
    return [tool["name"] for tool, outcomes in zip(tools, played, strict=True) if "raised" in outcomes[-1]]


def _render(context: Context, agent: dict[str, Any], refuses: list[str]) -> str:
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
            base="" if base == "." else f" / {base!r}",
            tools=_literal(tools),
            calls=_literal(calls),
            refuses=_literal(refuses),
            arguments=", ".join(f"{one['name']}={one['written']}".lstrip("=") for one in agent["build"]),
            userdata="MagicMock()",
        )
    )


def _literal(value: Any, indent: int = 0) -> str:
    """A value as source, in the usual layout."""
    flat = repr(value)
    if not isinstance(value, (dict, list)) or not value or indent + len(flat) <= _WIDTH:
        return flat
    inner = " " * (indent + 4)
    pairs = [f"{key!r}: " for key in value] if isinstance(value, dict) else [""] * len(value)
    items = value.values() if isinstance(value, dict) else value
    lines = [f"{inner}{key}{_literal(one, indent + 4)},\n" for key, one in zip(pairs, items, strict=True)]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{''.join(lines)}{' ' * indent}{closing}"

"""The project's agents and their tools as data, and instances of them built with stand-in arguments."""

from __future__ import annotations

import ast
import contextlib
import inspect
import textwrap
import typing
from pathlib import Path
from typing import Any

from lk_migrate_child import build, loading
from lk_migrate_child.build import stand_in
from lk_migrate_child.calling import context_names
from lk_migrate_child.events import in_project
from lk_migrate_child.plain import plain


def describe(job: dict[str, Any]) -> dict[str, Any]:
    """The agents of the files of a job, each with its tools, or why it cannot be built."""
    trees = {}
    for file in job["files"]:
        with contextlib.suppress(SyntaxError, ValueError, OSError):
            trees[file] = ast.parse(Path(file).read_bytes())
    for module in loading.to_import(trees, job["main"]):
        module.load()
    agents = []
    for cls in build.agent_classes():
        if inspect.isabstract(cls):
            continue
        path = in_project(inspect.getsourcefile(cls) or "")
        line = inspect.getsourcelines(cls)[1]
        about = {"module": cls.__module__, "name": cls.__qualname__, "path": path, "line": line, "members": dir(cls)}
        try:
            tools = [_described(name, tool) for name, tool in tools_of(built(cls)).items()]
            agents.append({**about, "tools": tools, "build": _arguments(cls), "greets": _greets(cls)})
        except Exception as error:
            agents.append({**about, "error": f"it cannot be built alone: {plain(error)}"})
    return {"agents": agents}


def offered(instance: Any) -> dict[str, dict[str, Any] | None]:
    """What a model may have been offered, with the parameters of the framework's tools; None for a method that takes a
    context, which may have been a tool by hand."""
    from livekit.agents import Agent
    from livekit.agents.llm.tool_context import FunctionTool, RawFunctionTool

    if isinstance(instance, Agent):
        return {name: _described(name, tool)["schema"] for name, tool in tools_of(instance).items()}
    found: dict[str, dict[str, Any] | None] = {}
    for name, member in inspect.getmembers(instance):
        if isinstance(member, (FunctionTool, RawFunctionTool)):
            found[member.id] = _described(name, member)["schema"]
        elif not name.startswith("_") and inspect.iscoroutinefunction(member) and context_names(member):
            found[name] = None
    return found


def _described(name: str, tool: Any) -> dict[str, Any]:
    from livekit.agents.llm import utils

    function = inspect.unwrap(getattr(tool, "_func", tool))
    raw = getattr(tool.info, "raw_schema", None)
    schema = raw or utils.build_legacy_openai_schema(tool, internally_tagged=True)
    return {
        "name": name,
        "method": function.__name__,
        "description": schema.get("description") or "",
        "schema": schema.get("parameters", {}),
    }


def tools_of(agent: Any) -> dict[str, Any]:
    """A built agent's tools by the names that the model knows."""
    from livekit.agents.llm import ToolContext

    return dict(ToolContext(agent.tools).function_tools)


def _made(name: str, annotation: Any) -> tuple[Any, str, str]:
    """An argument for a constructor, how one writes it, and the import that this needs.

    Classes of the project are built if they can be, so that tools have something to work with."""
    for one in (annotation, *typing.get_args(annotation)):
        if isinstance(one, type) and in_project(_source(one)) is not None:
            for way in ("", ".from_env", ".create", ".default"):
                try:
                    value = getattr(one, way[1:])() if way else one()
                except Exception:
                    continue
                return value, f"{one.__qualname__}{way}()", f"from {one.__module__} import {one.__qualname__}"
    value = stand_in(name, annotation)
    if value is None or isinstance(value, (bool, int, float, str, bytes)) or value in ([], {}, (), set()):
        return value, repr(value), ""
    return value, f"MagicMock(name={name!r})", "from unittest.mock import MagicMock"


def _source(cls: type) -> str:
    try:
        return inspect.getsourcefile(cls) or ""
    except (TypeError, OSError):
        return ""


def _wanted(cls: type) -> list[tuple[inspect.Parameter, Any]]:
    """The constructor's parameters that get an argument, with their annotations: the required, and classes of ours."""
    try:
        hints = typing.get_type_hints(inspect.getattr_static(cls, "__init__"))
    except Exception:
        hints = {}
    found = []
    for parameter in inspect.signature(cls).parameters.values():
        annotation = hints.get(parameter.name, parameter.annotation)
        ours = any(isinstance(a, type) and in_project(_source(a)) for a in (annotation, *typing.get_args(annotation)))
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.default is parameter.empty or ours:
            found.append((parameter, annotation))
    return found


def built(cls: type) -> Any:
    """An agent built with stand-in arguments. Raises what its constructor raises."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter, annotation in _wanted(cls):
        value, _, _ = _made(parameter.name, annotation)
        if parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(value)
        else:
            named[parameter.name] = value
    return cls(*positional, **named)


def _arguments(cls: type) -> list[dict[str, str]]:
    """What `built` calls the class with, as source."""
    found = []
    for parameter, annotation in _wanted(cls):
        _, written, needs = _made(parameter.name, annotation)
        name = "" if parameter.kind is parameter.POSITIONAL_ONLY else parameter.name
        found.append({"name": name, "written": written, "import": needs})
    return found


def _greets(cls: type) -> bool:
    """Whether it speaks as soon as it has the floor, unconditionally as far as one can see."""
    hook = cls.__dict__.get("on_enter")
    if hook is None:
        return False
    body = ast.parse(textwrap.dedent(inspect.getsource(hook))).body[0]
    calls = [one.value for one in getattr(body, "body", []) if isinstance(one, ast.Expr)]
    calls = [one.value if isinstance(one, ast.Await) else one for one in calls]
    names = {one.func.attr for one in calls if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)}
    return bool(names & {"say", "generate_reply"})

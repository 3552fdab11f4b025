"""Building the project's agents and the schemas of their tools, as `AgentSession` would."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any
from unittest.mock import MagicMock

from lk_migrate_child import network
from lk_migrate_child.events import in_project, place_of_traceback

Result = tuple[str, str, str, dict[str, Any]]  # name, status, detail, place


def _project_modules() -> list[types.ModuleType]:
    modules = [m for m in list(sys.modules.values()) if isinstance(getattr(m, "__file__", None), str)]
    return [m for m in modules if in_project(str(m.__file__)) is not None]


def agent_classes() -> list[type]:
    """The Agent subclasses that the project's imported modules define, in order of module and line."""
    from livekit.agents import Agent

    found: dict[str, type] = {}
    for module in _project_modules():
        for value in list(vars(module).values()):
            if isinstance(value, type) and issubclass(value, Agent) and value.__module__ == module.__name__:
                found.setdefault(f"{in_project(str(module.__file__))}:{value.__qualname__}", value)
    return sorted(found.values(), key=lambda cls: (_place(cls).get("path", ""), _place(cls).get("line", 0)))


def _place(thing: Any) -> dict[str, Any]:
    """Where a class or a function is defined, if in the project."""
    target = inspect.unwrap(getattr(thing, "_func", thing))
    try:
        path = in_project(inspect.getsourcefile(target) or "")
        line = inspect.getsourcelines(target)[1]
    except (TypeError, OSError):
        return {}
    return {"path": path, "line": line} if path else {}


def check_agent(cls: type) -> Iterator[Result]:
    """Its tools as the class declares them, then the built agent's tools together."""
    from livekit.agents.llm.tool_context import find_function_tools

    bad = 0
    tools = find_function_tools(cls)
    for tool in tools:
        for result in check_tool(cls.__name__, tool):
            bad += result[1] == "failed"
            yield result
    if inspect.isabstract(cls):
        yield cls.__name__, "skipped", "it is an abstract class", _place(cls)
        return
    agent, (status, detail, place) = _construct(cls)
    if agent is None:
        heirs: list[type] = cls.__subclasses__()
        if status == "failed" and heirs:
            status, detail = "skipped", f"it is the base of {heirs[0].__name__}, and not built alone: {detail}"
        yield cls.__name__, status, detail, place
        return
    bad_together = list(_check_together(cls, agent))
    yield from bad_together
    if not bad and not bad_together:
        count = len(_function_tools(agent))
        yield cls.__name__, "ok", f"it constructs; {count} tool{'s' * (count != 1)}", _place(cls)


def _function_tools(agent: Any) -> dict[str, Any]:
    from livekit.agents.llm import ToolContext

    return ToolContext(agent.tools).function_tools


def _check_together(cls: type, agent: Any) -> Iterator[Result]:
    try:
        tools = _function_tools(agent)
    except ValueError as error:  # "duplicate function name: x": the session would not start
        yield cls.__name__, "failed", str(error), _place(cls)
        return
    declared = {id(getattr(tool, "_func", None)) for tool in _declared(cls)}
    for tool in tools.values():
        if id(getattr(tool, "_func", None)) not in declared:
            yield from check_tool(cls.__name__, tool)


def _declared(cls: type) -> list[Any]:
    from livekit.agents.llm.tool_context import find_function_tools

    return list(find_function_tools(cls))


def check_tool(owner: str, tool: Any) -> Iterator[Result]:
    """Whether the framework can call it, and describe it to a model. Nothing is yielded for a sound tool."""
    from livekit.agents.llm import ToolContext

    function = getattr(tool, "_func", tool)
    name = f"{owner}.{tool.id}"
    if not inspect.iscoroutinefunction(inspect.unwrap(function)):
        yield (
            name,
            "failed",
            "it is a plain function: the framework awaits tools, so make it `async def`",
            _place(tool),
        )
    try:
        # Outside a class's instance the first parameter is `self`, which no schema is built for.
        bound = tool.__get__(object()) if owner and _is_method(function) else tool
        ToolContext([bound]).parse_function_tools("openai", strict=True)
    except KeyError as error:
        yield (
            name,
            "failed",
            f"its parameter {error} has no annotation, so no schema can be built",
            _place(tool),
        )
    except Exception as error:
        yield name, "failed", f"no schema can be built: {_one_line(error)}", _place(tool)


def _is_method(function: Any) -> bool:
    parameters = list(inspect.signature(function).parameters)
    return bool(parameters) and parameters[0] == "self"


def check_loose_tools() -> Iterator[Result]:
    """Tools that are module-level functions."""
    from livekit.agents.llm.tool_context import FunctionTool, RawFunctionTool

    for module in _project_modules():
        for tool in list(vars(module).values()):
            if isinstance(tool, (FunctionTool, RawFunctionTool)) and tool.__module__ == module.__name__:
                yield from check_tool("", tool)


def _construct(cls: type) -> tuple[Any, tuple[str, str, dict[str, Any]]]:
    """An instance, or why there is none. Stand-in arguments that do not fit are no fault of the class."""
    parameters = [
        p
        for p in inspect.signature(cls).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    try:
        hints = typing.get_type_hints(inspect.getattr_static(cls, "__init__"))
    except Exception:
        hints = {}
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in parameters:
        value = stand_in(parameter.name, hints.get(parameter.name, parameter.annotation))
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[parameter.name] = value
        else:
            positional.append(value)
    before = len(network.refused)
    try:
        return cls(*positional, **named), ("ok", "", {})
    except Exception as error:
        place = place_of_traceback(error.__traceback__) or _place(cls)
        if network.refused[before:]:
            asks = ", ".join(dict.fromkeys(network.refused[before:]))
            return None, ("skipped", f"it asks {asks} when it is built, out of reach here: {_one_line(error)}", place)
        if parameters:
            given = ", ".join(p.name for p in parameters)
            return None, (
                "skipped",
                f"cannot be built alone (stand-ins for {given}): {_one_line(error)}",
                place,
            )
        return None, ("failed", f"it does not construct: {_one_line(error)}", place)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


_SIMPLE: dict[Any, Any] = {
    str: "stand-in",
    int: 1,
    float: 1.0,
    bool: False,
    bytes: b"",
    list: [],
    dict: {},
    set: set(),
    tuple: (),
}


def stand_in(name: str, annotation: Any, depth: int = 0) -> Any:
    """A value for a constructor's parameter, from its annotation, else from its name."""
    if annotation in _SIMPLE:
        return type(_SIMPLE[annotation])(_SIMPLE[annotation])
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        if type(None) in arguments:
            return None
        return stand_in(name, arguments[0], depth)
    if origin is typing.Literal:
        return arguments[0]
    if origin is typing.Annotated:
        return stand_in(name, arguments[0], depth)
    if origin in _SIMPLE:
        return type(_SIMPLE[origin])()
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return next(iter(annotation))
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type) and depth < 4:
        try:
            hints = typing.get_type_hints(annotation)
            return annotation(
                **{
                    field.name: stand_in(field.name, hints.get(field.name), depth + 1)
                    for field in dataclasses.fields(annotation)
                    if field.init
                    and field.default is dataclasses.MISSING
                    and field.default_factory is dataclasses.MISSING
                }
            )
        except Exception:
            return MagicMock(spec=annotation)
    if isinstance(annotation, type) and annotation is not inspect.Parameter.empty:
        if annotation.__module__.startswith("livekit.") and annotation.__name__ == "ChatContext":
            return annotation()
        return MagicMock(spec=annotation)
    words = ("instruction", "prompt", "name", "text", "message", "language", "id")
    return "stand-in" if any(word in name.lower() for word in words) else MagicMock(name=name)

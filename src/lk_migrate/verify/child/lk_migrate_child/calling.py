"""Calling a tool as the framework does: arguments from JSON by the annotations, the context where it is wanted."""

from __future__ import annotations

import inspect
import re
import typing
from typing import Any


def remember_models() -> None:
    """The framework makes a tool's model of arguments anew for each call; here it is made once for each tool."""
    from livekit.agents.llm import utils

    make = utils.function_arguments_to_pydantic_model
    made: dict[tuple[Any, str], Any] = {}

    def remembered(function: Any) -> Any:
        code = getattr(inspect.unwrap(getattr(function, "_func", function)), "__code__", None)
        key = (code, str(inspect.signature(function)))
        if code is None:
            return make(function)
        if key not in made:
            made[key] = make(function)
        return made[key]

    utils.function_arguments_to_pydantic_model = remembered  # type: ignore[assignment]


def call(function: Any, arguments: dict[str, Any], turn: Any) -> Any:
    """What the tool returns, maybe an awaitable. Raises what it raises, and what does not fit its annotations."""
    from livekit.agents import function_tool
    from livekit.agents.llm import utils
    from livekit.agents.llm.tool_context import FunctionTool, RawFunctionTool

    if isinstance(function, RawFunctionTool):
        return function(arguments)
    tool = function
    if not isinstance(function, FunctionTool):
        if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values()):
            return function(**_by_name(function, arguments, turn))
        try:
            tool = function_tool(function)
        except Exception:
            return function(**_by_name(function, arguments, turn))
    try:
        args, kwargs = utils.prepare_function_arguments(fnc=tool, json_arguments=arguments, call_ctx=turn)  # type: ignore[arg-type]
    except KeyError:  # a parameter without an annotation
        return function(**_by_name(function, arguments, turn))
    return tool(*args, **kwargs)


def _by_name(function: Any, arguments: dict[str, Any], turn: Any) -> dict[str, Any]:
    """For what the framework cannot describe: what is annotated is converted, as it is for the new code's tool."""
    parameters = inspect.signature(function).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    context = dict.fromkeys(context_names(function), turn)
    try:
        hints = typing.get_type_hints(function)
    except Exception:
        hints = {}
    given = {name: value for name, value in arguments.items() if takes_all or name in parameters}
    return {**{name: _converted(value, hints.get(name)) for name, value in given.items()}, **context}


def context_names(function: Any) -> list[str]:
    """The parameters that are called as run contexts are."""
    return [name for name in inspect.signature(function).parameters if re.fullmatch(r"(run_)?(ctx|context)", name)]


def _converted(value: Any, hint: Any) -> Any:
    from pydantic import TypeAdapter

    if hint is None:
        return value
    try:
        return TypeAdapter(hint).validate_python(value)
    except Exception:
        return value

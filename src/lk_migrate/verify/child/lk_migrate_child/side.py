"""`python -m lk_migrate_child.side`: one side of the comparison, the old code or the new, in its own process.

Reads commands from standard input, one JSON object a line with `do` and `id`; each is answered by an observation
`reply`. `describe` lists the agents and their tools; `converse` plays conversations (lists of tool calls, one for
each turn of the user, on a fresh instance each) and answers what was returned, raised and kept after each step.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import functools
import importlib
import inspect
import json
import os
import re
import sys
import textwrap
import typing
from pathlib import Path
from typing import Any

from lk_migrate_child import pins
from lk_migrate_child.build import stand_in
from lk_migrate_child.events import emit, in_project
from lk_migrate_child.plain import plain

_STEP_IN = 5.0  # seconds; sleeps are no time here
Outcome = dict[str, Any]


class Anything:
    """A session, a room, a job: has every attribute, may be called and awaited, and does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return Anything()

    def __await__(self) -> Any:
        return iter(())

    def __iter__(self) -> Any:
        return iter(())

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *error: object) -> None:
        return None

    def __str__(self) -> str:
        return "anything"


@functools.lru_cache(maxsize=1)
def _turn_class() -> type:
    from livekit.agents import RunContext

    class Turn(RunContext):  # type: ignore[type-arg]
        """A context of one turn of the user, which has its utterance under every name by which it ever was known."""

        session = function_call = property(lambda self: Anything())
        userdata = property(lambda self: self.__dict__["kept"])
        speech_handle = property(lambda self: self.__dict__["speech"])

        def __init__(self, number: int, userdata: Anything) -> None:
            speech = Anything()
            speech.__dict__.update(id=f"speech_{number}", speech_id=f"speech_{number}")
            self.__dict__.update(speech_id=f"speech_{number}", speech=speech, turn_id=number, kept=userdata)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return Anything()

    return Turn


def _describe(job: dict[str, Any]) -> dict[str, Any]:
    from lk_migrate_child import build, loading

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
            tools = [_described(name, tool) for name, tool in _tools(_instance(cls)).items()]
            agents.append({**about, "tools": tools, "build": _arguments(cls), "greets": _greets(cls)})
        except Exception as error:
            agents.append({**about, "error": f"it cannot be built alone: {plain(error)}"})
    return {"agents": agents}


def _offered(instance: Any) -> dict[str, dict[str, Any] | None]:
    """What a model may have been offered, with the parameters of the framework's tools; None for a method that takes a
    context, which may have been a tool by hand."""
    from livekit.agents import Agent
    from livekit.agents.llm.tool_context import FunctionTool, RawFunctionTool

    if isinstance(instance, Agent):
        return {name: _described(name, tool)["schema"] for name, tool in _tools(instance).items()}
    found: dict[str, dict[str, Any] | None] = {}
    for name, member in inspect.getmembers(instance):
        if isinstance(member, (FunctionTool, RawFunctionTool)):
            found[member.id] = _described(name, member)["schema"]
        elif not name.startswith("_") and inspect.iscoroutinefunction(member) and _context_names(member):
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


def _tools(agent: Any) -> dict[str, Any]:
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


def _instance(cls: type) -> Any:
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
    """What `_instance` calls the class with, as source."""
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


def _find(about: dict[str, Any]) -> type:
    found: Any = importlib.import_module(about["module"])
    for part in about["name"].split("."):
        found = getattr(found, part)
    if not isinstance(found, type):
        raise TypeError(f"{about['name']} is no class")
    return found


async def _converse(job: dict[str, Any]) -> dict[str, Any]:
    try:
        cls = _find(job["class"])
        first = _instance(cls)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return {"impossible": plain(error)}
    methods: dict[str, str] = job["methods"]
    lacking = [name for name, method in methods.items() if _callable(first, name, method) is None]
    return {
        "lacking": lacking,
        "offered": _offered(first),
        "conversations": [await _conversation(cls, steps, methods, job["gates"]) for steps in job["conversations"]],
    }


async def _conversation(cls: type, steps: list[Any], methods: dict[str, str], gates: list[str]) -> list[Outcome]:
    pins.again()
    instance = _instance(cls)
    userdata = Anything()
    refused: dict[str, Any] = {}
    for name in gates:
        _listen_to(instance, name, refused)
    outcomes: list[Outcome] = [{"state": _state(instance, userdata)}]
    for number, (tool, arguments) in enumerate(steps):
        refused.clear()
        function = _callable(instance, tool, methods[tool])
        outcome = await _step(function, arguments, _turn_class()(number, userdata))
        refusal = next((name for name, said in refused.items() if said and said == outcome.get("returned")), None)
        state = _state(instance, userdata)
        outcomes.append({**outcome, "state": state, **({"refused_by": refusal} if refusal else {})})
    return outcomes


def _listen_to(instance: Any, name: str, heard: dict[str, Any]) -> None:
    """Note what a gate answers: a refusal is what the tool then returns."""
    original = getattr(instance, name, None)
    if not inspect.ismethod(original):
        return

    def method(*args: Any, **kwargs: Any) -> Any:
        answer = original(*args, **kwargs)
        heard[name] = plain(answer)
        return answer

    async def coroutine_method(*args: Any, **kwargs: Any) -> Any:
        answer = await original(*args, **kwargs)
        heard[name] = plain(answer)
        return answer

    try:
        setattr(instance, name, coroutine_method if inspect.iscoroutinefunction(original) else method)
    except AttributeError:
        return


def _callable(instance: Any, tool: str, method: str) -> Any:
    from livekit.agents import Agent

    if isinstance(instance, Agent):
        found = _tools(instance).get(tool)
        if found is not None:
            return found
    return getattr(instance, method, None) or getattr(instance, tool, None)


async def _step(function: Any, arguments: dict[str, Any], turn: Any) -> Outcome:
    try:
        result = _call(function, arguments, turn)
        if inspect.isawaitable(result):
            result = await asyncio.wait_for(result, _STEP_IN)
        return {"returned": plain(result)}
    except asyncio.TimeoutError:
        return {"raised": f"no end within {_STEP_IN:.0f} s"}
    except Exception as error:
        return {"raised": plain(error)}


def _call(function: Any, arguments: dict[str, Any], turn: Any) -> Any:
    """As the framework calls a tool: arguments from JSON by the annotations, the context where it is wanted."""
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
    context = dict.fromkeys(_context_names(function), turn)
    try:
        hints = typing.get_type_hints(function)
    except Exception:
        hints = {}
    given = {name: value for name, value in arguments.items() if takes_all or name in parameters}
    return {**{name: _converted(value, hints.get(name)) for name, value in given.items()}, **context}


def _context_names(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if re.fullmatch(r"(run_)?(ctx|context)", name)]


def _converted(value: Any, hint: Any) -> Any:
    from pydantic import TypeAdapter

    if hint is None:
        return value
    try:
        return TypeAdapter(hint).validate_python(value)
    except Exception:
        return value


def _state(instance: Any, userdata: Anything) -> dict[str, Any]:
    """The instance's own attributes, without the framework's, and what tools put into the session's userdata."""
    from livekit.agents import Agent

    framework = vars(Agent(instructions=""))  # by hand, one of these names was the person's; here it is hidden
    own = {name: value for name, value in vars(instance).items() if name not in framework}
    mine = {name: plain(value) for name, value in own.items() if not inspect.isroutine(value)}
    kept = {f"userdata.{name}": plain(value) for name, value in vars(userdata).items()}
    return {**mine, **kept, "instructions": plain(getattr(instance, "instructions", None))}


async def _serve() -> None:
    from livekit.agents import Agent

    Agent.session = property(lambda self: Anything())  # type: ignore[assignment,method-assign]
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        job = json.loads(line)
        try:
            answer = _describe(job) if job["do"] == "describe" else await _converse(job)
        except Exception as error:
            answer = {"error": plain(error)}
        emit("reply", id=job["id"], **answer)


def main() -> None:
    """Serve until standard input ends."""
    root = str(Path.cwd())
    entry = os.environ.get("LK_MIGRATE_MAIN", "")
    sys.path[:] = [path for path in sys.path if path not in ("", root)]
    sys.path.insert(0, root)
    if entry:
        sys.path.insert(0, str((Path(root) / entry).parent))
        sys.argv = [entry]
    pins.install()
    asyncio.run(_serve())
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

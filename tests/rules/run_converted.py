"""Runs converted fixtures on the installed LiveKit, in a process of their own: `run_converted.py FOLDER…`.

Each folder holds a `main.py`. It is imported; then every agent class is built, and every function is called with
stand-ins for what its parameters say. Printed: one JSON line per folder with what was called, what was warned about
(log records of `livekit*` and DeprecationWarnings), and the error that stopped it, if any.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import json
import logging
import sys
import types
import typing
import warnings
from typing import Any
from unittest import mock


class Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


class Anything(mock.MagicMock):
    """Stands for what is not LiveKit's: a dashboard, a room, a participant."""

    def __bool__(self) -> bool:
        return True

    def __await__(self) -> Any:
        return asyncio.sleep(0).__await__()


def stub_plugins() -> None:
    """Packages that are not installed here; what they make is anything."""
    for name in ("dotenv", "fastapi"):
        if importlib.util.find_spec(name) is None:
            sys.modules[name] = types.ModuleType(name)
            sys.modules[name].__getattr__ = lambda attribute: Anything()  # type: ignore[method-assign]
    for name in ("noise_cancellation", "google", "google.realtime", "deepgram"):
        try:
            importlib.import_module(f"livekit.plugins.{name}")
        except ImportError:
            module = types.ModuleType(f"livekit.plugins.{name}")
            module.__getattr__ = lambda attribute: Anything()  # type: ignore[method-assign]
            module.__path__ = []
            sys.modules[f"livekit.plugins.{name}"] = module
            parent, _, child = f"livekit.plugins.{name}".rpartition(".")
            setattr(sys.modules[parent], child, module)


def stand_in(parameter: inspect.Parameter, hints: dict[str, Any]) -> Any:
    """A value for a parameter, by its annotation, else by its name."""
    from livekit.agents import Agent, AgentSession, RunContext, tts
    from livekit.plugins import openai

    if parameter.default is not inspect.Parameter.empty:
        return parameter.default
    hint = hints.get(parameter.name)
    options = [hint, *typing.get_args(hint)]
    for kind, make in (
        (AgentSession, lambda: AgentSession()),
        (Agent, lambda: Agent(instructions="x")),
        (bool, lambda: True),
        (float, lambda: 1.0),
        (int, lambda: 2),
        (str, lambda: "x"),
    ):
        if any(o is kind for o in options):
            return make()
    if parameter.name in ("options", "turns", "td"):
        return {"endpointing": {"min_delay": 0.5}} if parameter.name == "options" else "vad"
    if parameter.name in ("vad", "participant", "words"):
        return None
    if typing.get_origin(hint) is list:
        return []
    if hint is tts.TTS:
        return openai.TTS()
    if hint is RunContext:
        return Anything(speech_handle=Anything(num_steps=1))
    return Anything()


async def start(self: Any, agent: Any, **kwargs: Any) -> None:
    """What `AgentSession.start` does with its options, without a room."""
    from livekit.agents import room_io

    old = {k: kwargs.pop(k) for k in ("room_input_options", "room_output_options") if k in kwargs}
    known = {"capture_run", "room", "room_options", "session_host", "record"}
    assert not set(kwargs) - known, f"unknown keywords: {set(kwargs) - known}"
    from livekit.agents import NOT_GIVEN

    self._agent = agent
    agent._activity = Anything()
    options = room_io.RoomOptions._ensure_options(kwargs.get("room_options", NOT_GIVEN), **old)
    options.get_audio_input_options(), options.get_text_output_options(), options.get_audio_output_options()


def run_app(server: Any) -> None:
    """What `cli.run_app` needs of a server before it serves."""
    from livekit.agents import AgentServer

    assert isinstance(server, AgentServer), f"not a server: {server!r}"
    assert server._entrypoint_fnc is not None, "the server has no rtc_session"


async def exercise(module: types.ModuleType, called: list[str]) -> None:
    from livekit.agents import Agent, AgentServer

    for name, value in list(vars(module).items()):
        if getattr(value, "__module__", None) != module.__name__ and not inspect.isfunction(value):
            continue
        if inspect.isclass(value) and issubclass(value, Agent):
            required = inspect.signature(value).parameters.values()
            if all(p.default is not p.empty or p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in required):
                value()
                called.append(name)
        elif inspect.isfunction(value) and value.__module__ == module.__name__:
            arguments = {}
            hints = typing.get_type_hints(value)
            for parameter in inspect.signature(value).parameters.values():
                if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                    arguments[parameter.name] = stand_in(parameter, hints)
            result = value(**arguments)
            if inspect.iscoroutine(result):
                await result
            called.append(name)
        elif isinstance(value, AgentServer):
            assert value._entrypoint_fnc is not None, "the server has no rtc_session"
            called.append(name)


async def run(folder: str, records: Records) -> dict[str, Any]:
    from livekit.agents import AgentSession, cli

    records.messages.clear()
    called: list[str] = []
    error = ""
    before = set(sys.modules)
    sys.path.insert(0, folder)
    with (
        warnings.catch_warnings(record=True) as caught,
        mock.patch.object(AgentSession, "start", start),
        mock.patch.object(cli, "run_app", run_app),
    ):
        warnings.simplefilter("always")
        try:
            await exercise(importlib.import_module("main"), called)
        except Exception as problem:
            error = f"{type(problem).__name__}: {problem}"
    sys.path.remove(folder)
    for name in set(sys.modules) - before:
        if not name.startswith("livekit") and str(getattr(sys.modules[name], "__file__", "")).startswith(folder):
            del sys.modules[name]
    deprecations = [str(w.message) for w in caught if issubclass(w.category, DeprecationWarning)]
    warned = [m for m in (*records.messages, *deprecations) if "deprecated" in m.lower()]
    return {"folder": folder, "called": called, "warned": warned, "error": error}


async def main() -> None:
    records = Records()
    logging.getLogger("livekit").addHandler(records)
    logging.getLogger("livekit").propagate = False
    stub_plugins()
    for folder in sys.argv[1:]:
        print(json.dumps(await run(folder, records)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())

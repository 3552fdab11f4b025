"""Runs entrypoints against a recording session: one JSON request a line in, one JSON answer a line out.

A request has `folder` and, optionally, `metadata` (the job's), `console` (a fake job?), `fail`, `module`,
`entrypoint`. The real livekit-agents is imported, once; only `AgentSession` is replaced, before main.py sees it.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import io
import json
import sys
import traceback
from types import SimpleNamespace
from typing import Any

import livekit.agents
from livekit.agents import Agent
from livekit.agents.utils import is_given

scenario: dict[str, Any] = {}
trace: list[Any] = []
DEFAULTS = {"user_away_timeout": 15.0}


def plain(value: Any) -> Any:
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, Agent):
        return f"{type(value).__name__}: {value.instructions}"
    return f"<{type(value).__name__}>"


def given(options: dict[str, Any]) -> dict[str, Any]:
    return {
        k: plain(v)
        for k, v in sorted(options.items())
        if is_given(v) and k != "max_tool_steps" and DEFAULTS.get(k, object()) != v
    }


class RecordingSession:
    def __init__(self, **options: Any) -> None:
        trace.append(["session", given(options)])
        self.options = SimpleNamespace(max_tool_steps=options.get("max_tool_steps", 3))
        self.handlers: list[tuple[str, Any]] = []
        sessions.append(self)

    def on(self, event: str, callback: Any = None) -> Any:
        def register(function: Any) -> Any:
            trace.append(["on", event])
            self.handlers.append((event, function))
            return function

        return register if callback is None else register(callback)

    async def start(self, agent: Any = None, **options: Any) -> None:
        trace.append(["start", plain(agent), given({k: v for k, v in options.items() if k != "room"})])
        if scenario.get("fail") == "start":
            raise RuntimeError("no room")

    def _speak(self, *args: Any, **options: Any) -> Any:
        trace.append(["speak", plain(args), given(options)])

        async def done() -> None:
            return None

        return done()

    say = generate_reply = _speak


class Context:
    def __init__(self) -> None:
        self.job = SimpleNamespace(metadata=json.dumps(scenario.get("metadata", {})))
        self.room = SimpleNamespace(
            name="room",
            metadata="",
            on=lambda e: lambda f: f,
            remote_participants={"a": "caller"},
            local_participant=SimpleNamespace(identity="agent"),
        )
        self.proc = SimpleNamespace(userdata={"vad": "loaded"})
        self.callbacks: list[Any] = []

    def is_fake_job(self) -> bool:
        return bool(scenario.get("console"))

    async def connect(self, **options: Any) -> None:
        trace.append(["connect", given(options)])

    async def wait_for_participant(self, **options: Any) -> Any:
        if scenario.get("console"):
            await asyncio.sleep(60)
        trace.append(["wait", given(options)])
        return SimpleNamespace(identity="anna", metadata="", attributes={}, kind=0)

    def add_shutdown_callback(self, callback: Any) -> None:
        trace.append(["shutdown callback"])
        self.callbacks.append(callback)

    def shutdown(self, reason: str = "") -> None:
        trace.append(["shutdown", reason])


sessions: list[RecordingSession] = []
livekit.agents.AgentSession = RecordingSession  # type: ignore[assignment,misc]


async def run() -> None:
    context = Context()
    main = importlib.import_module(scenario.get("module", "main"))
    try:
        await asyncio.wait_for(getattr(main, scenario.get("entrypoint", "entrypoint"))(context), 10)
    except Exception as error:
        trace.append(["raised", type(error).__name__, str(error)])
    for session in sessions:
        for event, handler in session.handlers:
            with contextlib.suppress(AttributeError):  # an event of this harness has no payload
                handler(SimpleNamespace(event=event))
    for callback in context.callbacks:
        await callback()


def answer(request: dict[str, Any]) -> dict[str, Any]:
    scenario.clear()
    scenario.update(request)
    trace.clear()
    sessions.clear()
    sys.path.insert(0, request["folder"])
    importlib.invalidate_caches()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            asyncio.run(run())
    finally:
        sys.path.remove(request["folder"])
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(request["folder"]):
                del sys.modules[name]
    return {"trace": trace, "printed": printed.getvalue().splitlines()}


for line in sys.stdin:
    try:
        print(json.dumps(answer(json.loads(line))), flush=True)
    except Exception:
        print(json.dumps({"error": traceback.format_exc()}), flush=True)

"""Runs a converted app (argv[1] is its folder) and the questions that stand on stdin; see test_v0_run.py."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import os
import sys
import textwrap
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock

os.environ.setdefault("OPENAI_API_KEY", "none")
sys.path.insert(0, sys.argv[1])

from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    StopResponse,
    llm,
    room_io,
)

started: dict[str, Any] = {}
said: list[Any] = []
replies: list[Any] = []
sessions: list[AgentSession] = []
warnings: list[str] = []


class Deprecations(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.name.startswith("livekit") and ("deprecated" in text or "will be removed" in text):
            warnings.append(text)


def message(role: Any, text: str) -> llm.ChatMessage:
    return llm.ChatMessage(role=role, content=[text])


def watch() -> None:
    """Check calls of the session against their signatures, and keep them from reaching for a room or a network."""
    start = AgentSession.start
    signatures = {name: inspect.signature(getattr(AgentSession, name)) for name in ("start", "say", "generate_reply")}

    async def start_here(self: AgentSession, *args: Any, **kwargs: Any) -> None:
        bound = signatures["start"].bind(self, *args, **kwargs)
        started.update({"room_options": None, **bound.arguments})
        options = bound.arguments.get("room_options")
        assert options is None or isinstance(options, room_io.RoomOptions), options
        sessions.append(self)
        if not isinstance(self.llm, llm.RealtimeModel):
            await start(self, bound.arguments["agent"])

    def say(self: AgentSession, *args: Any, **kwargs: Any) -> MagicMock:
        signatures["say"].bind(self, *args, **kwargs)
        said.append((args, kwargs))
        return MagicMock()

    def generate_reply(self: AgentSession, *args: Any, **kwargs: Any) -> MagicMock:
        signatures["generate_reply"].bind(self, *args, **kwargs)
        replies.append((args, kwargs))
        return MagicMock()

    AgentSession.start = start_here  # type: ignore[method-assign, assignment]
    AgentSession.say = say  # type: ignore[method-assign, assignment]
    AgentSession.generate_reply = generate_reply  # type: ignore[method-assign, assignment]


async def run() -> None:
    watch()
    logging.getLogger().addHandler(Deprecations())
    import main as module

    participant = SimpleNamespace(identity="guest")
    proc = SimpleNamespace(userdata={})
    if hasattr(module, "prewarm"):
        module.prewarm(proc)
    ctx = SimpleNamespace(
        room=MagicMock(), proc=proc, connect=AsyncMock(), add_shutdown_callback=MagicMock(),
        wait_for_participant=AsyncMock(return_value=participant),
    )  # fmt: skip
    await module.entrypoint(ctx)
    agent, session = started["agent"], sessions[-1]
    tools = llm.ToolContext(agent.tools)
    schemas = {s["function"]["name"]: s["function"] for s in tools.parse_function_tools("openai")}
    questions = "async def ask():\n" + textwrap.indent(json.load(sys.stdin), "    ")
    names = {**globals(), "module": module, "agent": agent, "session": session, "schemas": schemas}
    exec(compile(questions, "<questions>", "exec"), names)
    await names["ask"]()
    assert not warnings, warnings
    print("ok", asyncio.current_task() is not None, AgentStateChangedEvent, ConversationItemAddedEvent, StopResponse)


asyncio.run(run())
os._exit(0)

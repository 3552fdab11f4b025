"""Runs inside a converted app: its own entrypoint makes the session, a model that always wants a tool talks to it.

One job a line on stdin, {"metadata": …, "environment": …}; one answer a line:
    {"agent": class, "calls": tool calls in one utterance, "rounds": …, "parallel": what the model was told,
     "sessions": how many were made, "deprecated": what was said about old API, "options": given to AgentSession}
Only the network is missing: the job's context is made up, and the model is ours.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path.cwd()))

import livekit.agents
from livekit.agents import APIConnectOptions, llm
from livekit.agents.llm.utils import build_legacy_openai_schema

from lk_migrate.verify.standin.arguments import arguments_for

SAID: list[str] = []
MADE: list[Any] = []
UTTERANCE = "Call one tool after the other."


class Listener(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if "deprecat" in record.getMessage().lower():
            SAID.append(record.getMessage())


def show_warning(message: Any, category: type[Warning], filename: str, *rest: Any) -> None:
    if issubclass(category, DeprecationWarning) and filename.startswith(str(Path.cwd())):
        SAID.append(f"{Path(filename).name}: {message}")


logging.getLogger().addHandler(Listener())
warnings.simplefilter("always")
warnings.showwarning = show_warning  # type: ignore[assignment]


class Greedy(llm.LLM):
    """Answers the utterance with a tool call as long as it may, everything else with a word."""

    def __init__(self) -> None:
        super().__init__()
        self.offered: list[bool] = []

    def chat(self, *, chat_ctx: llm.ChatContext, tools: Any = None, tool_choice: Any = None, **rest: Any) -> Any:
        said = [item.text_content for item in chat_ctx.items if item.type == "message" and item.role == "user"]
        asked = bool(said) and said[-1] == UTTERANCE
        may = tool_choice != "none" and bool(tools)
        if asked:
            self.offered.append(may)
        options = rest.get("conn_options") or APIConnectOptions()
        return GreedyStream(self, asked and may, chat_ctx=chat_ctx, tools=tools or [], conn_options=options)


class GreedyStream(llm.LLMStream):
    def __init__(self, model: llm.LLM, call: bool, **rest: Any) -> None:
        super().__init__(model, **rest)
        self._call = call

    async def _run(self) -> None:
        delta = llm.ChoiceDelta(role="assistant", content="Yes.")
        if self._call:
            tool = build_legacy_openai_schema(self._tools[0])["function"]
            number, arguments = len(self._chat_ctx.items), json.dumps(arguments_for(tool["parameters"]))
            one = llm.FunctionToolCall(name=tool["name"], arguments=arguments, call_id=f"call_{number}")
            delta = llm.ChoiceDelta(role="assistant", tool_calls=[one])
        self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=delta))


class Session(livekit.agents.AgentSession):  # type: ignore[type-arg]
    """The real session with our model, and without a room."""

    def __init__(self, **options: Any) -> None:
        self.given, self.greedy = options, Greedy()
        super().__init__(**{**options, "llm": self.greedy})
        MADE.append(self)

    async def start(self, agent: Any, **options: Any) -> Any:  # type: ignore[override]
        return await super().start(agent)


livekit.agents.AgentSession = Session  # type: ignore[misc]


class Context:
    """As much of a console's job as an entrypoint may ask for."""

    def __init__(self, metadata: dict[str, Any], userdata: dict[str, Any]) -> None:
        self.job = SimpleNamespace(metadata=json.dumps(metadata), id="job")
        here, there = SimpleNamespace(identity="agent"), SimpleNamespace(identity="caller", attributes={})
        self.room = SimpleNamespace(
            name="console",
            metadata="",
            on=lambda *a: lambda f: f,
            local_participant=here,
            remote_participants={"caller": there},
        )
        self.proc = SimpleNamespace(userdata=userdata)
        self.log_context_fields: dict[str, Any] = {}

    def is_fake_job(self) -> bool:
        return True

    async def connect(self, **options: Any) -> None:
        return None

    async def wait_for_participant(self, **options: Any) -> Any:
        await asyncio.sleep(3600)

    def add_shutdown_callback(self, callback: Any) -> None:
        return None

    def shutdown(self, reason: str = "") -> None:
        raise AssertionError(f"the job ends itself: {reason}")


async def answer(job: dict[str, Any]) -> dict[str, Any]:
    MADE.clear()
    SAID.clear()
    main = importlib.import_module("main")
    process = SimpleNamespace(userdata={})
    main.prewarm(process)
    await asyncio.wait_for(main.entrypoint(Context(job.get("metadata", {}), process.userdata)), 20)
    session = MADE[-1]
    result = await asyncio.wait_for(session.run(user_input=UTTERANCE), 20)
    calls = sum(event.type == "function_call" for event in result.events)
    found = {
        "agent": type(session.current_agent).__name__,
        "calls": calls,
        "rounds": sum(session.greedy.offered),
        "parallel": getattr(session.given["llm"]._opts, "parallel_tool_calls", None),
        "sessions": len(MADE),
        "options": sorted(session.given),
        "deprecated": list(SAID),
    }
    await session.aclose()
    return found


for line in sys.stdin:
    request = json.loads(line)
    os.environ.update(request.get("environment", {}))
    print(json.dumps(asyncio.run(answer(request)), default=str), flush=True)

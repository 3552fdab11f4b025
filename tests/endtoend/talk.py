"""Runs inside an app, legacy or converted: calls its agents' tools as a session would, and tells what happened.

`python talk.py APP [SUPPORT_MODULE …] < jobs`, in the app's folder. Each line of stdin is a job, answered by a line:
    {"agent": …, "calls": [[tool, arguments], …]} → {"results": […], "state": {…}, "public": {…}}
    {"agent": …, "schemas": true}                 → {"schemas": [{"name": …, "description": …, "parameters": …}]}
Every call is the first of an utterance. A legacy assistant that is no Agent is called the way its own app does it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import importlib
import inspect
import json
import sys
import tempfile
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path.cwd()))
APP, SUPPORT = sys.argv[1], sys.argv[2:]

from livekit.agents import Agent, RunContext  # noqa: E402
from livekit.agents.llm import RawFunctionTool  # noqa: E402
from livekit.agents.llm.utils import (  # noqa: E402
    build_legacy_openai_schema,
    prepare_function_arguments,
)


def helper(name: str) -> Any:
    """What the legacy main.py defines; a conversion may have moved it to a support module."""
    for module in ("main", *SUPPORT):
        found = getattr(importlib.import_module(module), name, None)
        if found is not None:
            return found
    raise LookupError(f"{name} is in none of main, {', '.join(SUPPORT)}")


def make_clinic(agent: str) -> Any:
    from services import Assistant, RAGAssistant  # type: ignore[import-not-found]
    from services.calendar_service import CalendarService  # type: ignore[import-not-found]

    calendar = CalendarService.from_env()
    if agent == "Assistant":
        return Assistant(instructions="Be kind.", calendar=calendar)
    return RAGAssistant("Be kind.", "kb-default", "demo", calendar=calendar, call_id="call_1")


def make_switchboard(agent: str) -> Any:
    from assistants import AfterHoursAssistant, SwitchboardAssistant  # type: ignore[import-not-found]

    db = f"{tempfile.mkdtemp()}/test.db"
    helper("init_db")(db)
    if agent == "night":
        return AfterHoursAssistant(helper("VoicemailStore")(db))
    directory, voicemail, hours = helper("Directory"), helper("VoicemailStore"), helper("OPENING_HOURS")
    return SwitchboardAssistant("Hello", directory(db), voicemail(db), hours, db)


def make_mixins(agent: str) -> Any:
    from agents import DESKS  # type: ignore[import-not-found]
    from store import Deps  # type: ignore[import-not-found]

    return DESKS[agent](Deps())


MAKE = {"clinic": make_clinic, "switchboard": make_switchboard, "mixins": make_mixins}
WRAP = {"clinic": "build_livekit_agent", "mixins": "as_agent"}  # what the legacy main.py calls


def tools_of(assistant: Any) -> dict[str, Any]:
    """The tools that the model is offered, by name; empty for an app that calls its own dispatcher."""
    if not isinstance(assistant, Agent):
        if APP == "switchboard":
            return {}
        assistant = helper(WRAP[APP])(assistant)
    return {tool.info.name: tool for tool in assistant.tools}


class Context(RunContext):  # type: ignore[type-arg]
    """What legacy code looks at, and what the framework accepts as its own."""

    def __init__(self, utterance: str) -> None:
        self.speech_id = utterance

    @property
    def speech_handle(self) -> Any:
        return SimpleNamespace(id=self.speech_id)


async def call(assistant: Any, tools: dict[str, Any], utterance: str, name: str, arguments: dict[str, Any]) -> Any:
    """One call as the model asks for it."""
    if hasattr(assistant, "begin_turn"):
        assistant.begin_turn(utterance)
    context = Context(utterance)
    try:
        if not tools:
            result = assistant.handle_tool_call(name, arguments)
        else:
            text = json.dumps(arguments)
            args, kwargs = prepare_function_arguments(fnc=tools[name], json_arguments=text, call_ctx=context)
            result = tools[name](*args, **kwargs)
        return await result if inspect.isawaitable(result) else result
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def schemas_of(assistant: Any) -> list[dict[str, Any]]:
    if not isinstance(assistant, Agent) and APP == "switchboard":
        return [tool["function"] for tool in assistant.tools]
    return [
        tool.info.raw_schema if isinstance(tool, RawFunctionTool) else build_legacy_openai_schema(tool)["function"]
        for tool in tools_of(assistant).values()
    ]


def plain(value: Any, depth: int = 0) -> Any:
    """Anything as JSON, the same in two processes; objects of the app by their fields."""
    if isinstance(value, str) and value.startswith(tempfile.gettempdir()):
        return "<temporary>"
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, dict):
        return {str(k): plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v, depth + 1) for v in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and depth < 5:
        fields = {f.name: plain(getattr(value, f.name), depth + 1) for f in dataclasses.fields(value)}
        return {"": type(value).__name__, **fields}
    return "<callable>" if callable(value) else f"<{type(value).__name__}>"


def state_of(assistant: Any) -> dict[str, Any]:
    """The assistant's own attributes; the framework's are left out, and how a legacy one got its tools."""
    frameworks = set(vars(Agent(instructions="")))
    return {k: plain(v) for k, v in vars(assistant).items() if k not in frameworks}


def public_of(assistant: Any) -> dict[str, Any]:
    """What the app itself asks an assistant for, once a call is over."""
    names = ("booking_state", "webhook_payload", "progress", "open_questions", "shift_report", "messages")
    found = {name: plain(getattr(assistant, name)()) for name in names if hasattr(assistant, name)}
    return {"instructions": assistant.instructions, **found}


async def answer(job: dict[str, Any]) -> dict[str, Any]:
    numbers = iter(range(10**6))
    uuid.uuid4 = lambda: uuid.UUID(int=next(numbers) << 96)  # type: ignore[assignment]
    assistant = MAKE[APP](job["agent"])
    if job.get("schemas"):
        return {"schemas": schemas_of(assistant)}
    tools = tools_of(assistant)
    results = [
        await call(assistant, tools, f"utterance {number}", name, arguments)
        for number, (name, arguments) in enumerate(job["calls"])
    ]
    return {"results": results, "state": state_of(assistant), "public": public_of(assistant)}


for line in sys.stdin:
    print(json.dumps(asyncio.run(answer(json.loads(line))), ensure_ascii=False), flush=True)

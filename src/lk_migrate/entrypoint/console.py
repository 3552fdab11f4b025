"""Console mode: `python main.py console` has a stand-in room in which no caller ever joins.

Read in livekit-agents 1.8.9: `ctx.is_fake_job()` is true there, `ctx.job.metadata` is empty and `ctx.room` a mock
(ipc/mock_room.py) whose one participant has mocks for attributes and never has the identity that was dialled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.walk import find

HELPERS = '''
@dataclass
class ConsoleCaller:
    """Stands in for the participant in `python main.py console`, where nobody joins the room."""

    identity: str = "console"
    name: str = "console"
    sid: str = "PA_console"
    metadata: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    kind: int = rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD
    track_publications: dict[str, Any] = field(default_factory=dict)


async def wait_for_caller(ctx: JobContext, **options: Any) -> Any:
    """`ctx.wait_for_participant(**options)`; in console mode, where it would wait for ever, a stand-in."""
    if ctx.is_fake_job():
        return ConsoleCaller(identity=options.get("identity") or "console")
    return await ctx.wait_for_participant(**options)
'''

READY = {
    "dataclass": "from dataclasses import dataclass, field",
    "field": "from dataclasses import dataclass, field",
    "rtc": "from livekit import rtc",
    "Any": "from typing import Any",
    "JobContext": "from livekit.agents import JobContext",
    "AgentSession": "from livekit.agents import AgentSession",
    "AgentServer": "from livekit.agents import AgentServer",
    "NOT_GIVEN": "from livekit.agents import NOT_GIVEN",
    "Agent": "from livekit.agents import Agent",
}


def wait_edits(module: Module, contexts: frozenset[str]) -> dict[cst.CSTNode, Callable[[Any], Any]]:
    """`ctx.wait_for_participant(…)` → `wait_for_caller(ctx, …)`; `contexts`: names of job contexts."""
    found: dict[cst.CSTNode, Callable[[Any], Any]] = {}
    for call in find(module.tree, cst.Call):
        func = call.func
        if (
            isinstance(func, cst.Attribute)
            and func.attr.value == "wait_for_participant"
            and isinstance(func.value, cst.Name)
            and func.value.value in contexts
        ):
            found[call] = _helped
    return found


def _helped(updated: cst.Call) -> cst.Call:
    assert isinstance(updated.func, cst.Attribute)
    first = cst.Arg(updated.func.value)
    args = [cst.Arg(a.value, keyword=cst.Name("identity")) if a.keyword is None and not a.star else a for a in updated.args]
    if args:
        first = first.with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
    return updated.with_changes(func=cst.Name("wait_for_caller"), args=[first, *args])

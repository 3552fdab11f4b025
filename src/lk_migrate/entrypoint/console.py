"""Console mode: `python main.py console` has a stand-in room in which no caller ever joins.

Read in livekit-agents 1.8.9: `ctx.is_fake_job()` is true there, `ctx.job.metadata` is empty and `ctx.room` a mock
(ipc/mock_room.py) whose one participant has mocks for attributes and never has the identity that was dialled.
"""

from __future__ import annotations

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

#: Names that generated code may need and the legacy main may not have → their imports.
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


def minds_console(node: cst.CSTNode, module: Module) -> bool:
    """Whether the function around `node` asks for console mode itself."""
    function = module.index.enclosing(node, cst.FunctionDef)
    return function is not None and any(a.attr.value == "is_fake_job" for a in find(function, cst.Attribute))


def only_if(line: cst.SimpleStatementLine, test: cst.BaseExpression) -> cst.If:
    """The statement under a condition, the comments above it above that."""
    return cst.If(test, cst.IndentedBlock([line.with_changes(leading_lines=[])]), leading_lines=line.leading_lines)


def through_helper(updated: cst.Call) -> cst.Call:
    """`ctx.wait_for_participant(…)` → `wait_for_caller(ctx, …)`."""
    assert isinstance(updated.func, cst.Attribute)
    first = cst.Arg(updated.func.value)
    if updated.args:
        first = first.with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
    return updated.with_changes(func=cst.Name("wait_for_caller"), args=[first, *updated.args])

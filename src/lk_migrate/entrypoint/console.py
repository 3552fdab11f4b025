"""Console mode: `python main.py console` has a stand-in room in which no caller ever joins.

Read in livekit-agents 1.8.9: `ctx.is_fake_job()` is true there, `ctx.job.metadata` is empty and `ctx.room` a mock
(ipc/mock_room.py) whose one participant has mocks for attributes and never has the identity that was dialled.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.classes import is_self_attribute, methods, self_name
from lk_migrate.facts.imports import dotted
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


def holds_context(node: cst.CSTNode, attribute: str, module: Module) -> bool:
    """Whether `attribute` (`self.ctx`) is a `JobContext` in the method around `node`, as its class says.

    It is annotated so, or `__init__` and the others set it only to parameters that are.
    """
    function = module.index.enclosing(node, cst.FunctionDef)
    owner = module.index.enclosing(node, cst.ClassDef)
    instance, _, name = attribute.partition(".")
    if not isinstance(function, cst.FunctionDef) or not isinstance(owner, cst.ClassDef) or "." in name:
        return False
    if self_name(function) != instance:
        return False
    lines = (line.body for line in owner.body.body if isinstance(line, cst.SimpleStatementLine))
    fields = (small for line in lines for small in line if isinstance(small, cst.AnnAssign))
    if any(dotted(field.target) == name and _is_context(field.annotation) for field in fields):
        return True
    given = [kind for method in methods(owner) for kind in _given(method, name)]
    return bool(given) and all(given)


def _given(method: cst.FunctionDef, name: str) -> Iterator[bool]:
    """Whether it is a `JobContext` that a method sets the attribute to, for each time that it does."""
    instance = self_name(method)
    params = {p.name.value: p.annotation for p in (*method.params.params, *method.params.kwonly_params)}
    for line in find(method.body, cst.AnnAssign):
        if is_self_attribute(line.target, instance, name):
            yield _is_context(line.annotation)
    for assign in find(method.body, cst.Assign):
        if any(is_self_attribute(t.target, instance, name) for t in assign.targets):
            yield isinstance(assign.value, cst.Name) and _is_context(params.get(assign.value.value))


def _is_context(annotation: cst.Annotation | None) -> bool:
    return annotation is not None and (dotted(annotation.annotation) or "").rpartition(".")[2] == "JobContext"


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

"""Attributes that a session, a job or a tool's context does not have are marked.

`session.wait_for_disconnection()`, `ctx.participant` of a `RunContext`, `agent.say(…)`: written from memory, or meant
for another object. They raise AttributeError where they stand, which is often deep in a call. `session.on_message = …`
raises nothing, and nobody ever calls it. What is there under another name is asked for by that: the room, by the job.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import libcst as cst

from lk_migrate.facts.agent_class import Role
from lk_migrate.facts.agents import agent_of, find_agents
from lk_migrate.facts.callbacks import CALLBACKS_TODAY
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.importers import importing
from lk_migrate.facts.instances import AGENT_CLASSES, instance_of, where_objects_may_be
from lk_migrate.facts.own_attributes import is_own_attribute, is_own_attribute_of_others
from lk_migrate.facts.project import Project
from lk_migrate.facts.public_names import closest, public_names
from lk_migrate.facts.realtime import CREATE, RESPOND, raw_call, raw_sessions
from lk_migrate.facts.renames import holders
from lk_migrate.facts.v0_evidence import speaks_of_0x
from lk_migrate.facts.v0_names import Kind
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v0.guards import is_guarded

_CLASSES = {
    "AgentSession": "`session.history`, `session.current_agent` and its events say what there is",
    "JobContext": "a job has `room`, `proc`, `job` and `api`",
    "RunContext": "a tool's context has `session`, `userdata`, `speech_handle` and `function_call`; the room is "
    "`get_job_context().room`",
}
#: What is asked for by another word than today's, or by the name of what is near → what does it.
_MEANT = {
    ("AgentSession", "speak"): "`session.say(…)` speaks a text",
    ("AgentSession", "stop_speaking"): "`session.interrupt()` stops the speech",
    ("AgentSession", "stop"): "`await session.aclose()` ends it, `session.interrupt()` stops the speech",
    ("AgentSession", "close"): "`await session.aclose()` ends it",
    ("AgentSession", "wait_for_inactive"): "`await session.wait_for_idle()` waits until nothing is said or done",
    ("JobContext", "disconnect"): "`ctx.shutdown()` ends the job",
    ("JobContext", "userdata"): "what a process keeps is in `ctx.proc.userdata`",
}
#: What is read of it under another name, word for word the same thing: a name of its own, or what it is reached by.
_SAID = {
    ("AgentSession", "room"): "livekit.agents.get_job_context",
    ("RunContext", "room"): "livekit.agents.get_job_context",
    ("JobContext", "job_process"): "proc",
    ("JobContext", "process"): "proc",
}
#: What 0.x asked of its one object, which was called the agent, and a session is asked for today.
_OF_THE_SESSION = {
    "start": "an `AgentSession` with its models is started with it, `await session.start(agent=agent, room=ctx.room)`",
    "say": "the session speaks, `session.say(…)`",
    "generate_reply": "the session speaks, `session.generate_reply(…)`",
    "on": "events are the session's, `session.on(…)`",
}


def paths(project: Project) -> frozenset[str]:
    """Where objects may be, and where an assistant may be asked what a session is asked for."""
    found = project.fact(where_objects_may_be)
    if not find_agents(project):
        return found
    near = project.files if project.fact(speaks_of_0x) else importing(project, project.paths_with([b"livekit"]))
    return found.union(
        path for path in project.paths_with(f".{name}".encode() for name in _OF_THE_SESSION) if path in near
    )


_TRIGGERS = (b"session", b"Session", b"ctx", b"Context", b"Agent", *(f".{name}".encode() for name in _OF_THE_SESSION))
rule = Rule("LK206", Edition.V0, __doc__, triggers=_TRIGGERS, since="1.0.0", paths=paths)


@rule.on(cst.Attribute)
def attribute(node: cst.Attribute, file: File) -> Iterator[Change]:
    """Only on what the code shows to be such an object."""
    name = node.attr.value
    if name.startswith("_") or name in _in_all() or not isinstance(node.value, (cst.Name, cst.Attribute)):
        return
    if name[:1].isupper():
        return  # a class: a module of that name is meant
    if _is_of_0x(node.value, file) or _is_of_a_raw_session(node, file):
        return
    raw = file.project.fact(holdings).has(file.module, node.value, Kind.REALTIME_SESSION)
    if raw and not _is_hook(node, file) and not _becomes_the_session(node, file):
        return
    kind = "AgentSession" if raw else instance_of(file.project, file.module, node.value)
    if kind is None and name in _OF_THE_SESSION and _becomes_an_agent(node.value, file):
        kind = "Agent"
    if kind in AGENT_CLASSES and name in _OF_THE_SESSION and not is_own_attribute(file.project, file.path, name):
        yield Todo(node, f"an `{kind}` has no `{name}`: {_OF_THE_SESSION[name]}.")
        return
    if kind not in _CLASSES or name in _known(kind) or _is_told(node, file):
        return
    if kind == "AgentSession" and name in CALLBACKS_TODAY and _is_hook(node, file):
        yield Todo(node, f"nothing ever calls `{name}` of a session: {CALLBACKS_TODAY[name]}.")
    elif kind == "AgentSession" and _is_hook(node, file):
        yield Todo(
            node,
            f"nothing ever calls `{name}` of a session: register the handler with `session.on(…)`, or take it out.",
        )
    elif not is_own_attribute_of_others(file.project, file.path, name) and not is_guarded(node, name, file):
        said = _SAID.get((kind, name))
        if said is not None and _is_read(node, file):
            yield _in_todays_words(node, kind, said, file)
            return
        if (kind, name) == ("AgentSession", "close") and _is_awaited(node, file):
            called = cst.Name("aclose")
            yield Rewrite(node, lambda updated: updated.with_changes(attr=called), "`close` of a session is `aclose`")
            return
        meant = _MEANT.get((kind, name))
        near = closest(name, _known(kind)) if meant is None else ""
        yield Todo(node, f"`{kind}` has no `{name}`{near}: {meant or _CLASSES[kind]}.")


def _is_read(node: cst.Attribute, file: File) -> bool:
    return not isinstance(file.parent(node), (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.Del))


def _is_awaited(node: cst.Attribute, file: File) -> bool:
    """`await session.close()`, given nothing."""
    call = file.parent(node)
    return isinstance(call, cst.Call) and not call.args and isinstance(file.parent(call), cst.Await)


def _in_todays_words(node: cst.Attribute, kind: str, said: str, file: File) -> Change:
    """`session.room` → `get_job_context().room`; `ctx.process` → `ctx.proc`."""
    if "." not in said:
        return Rewrite(
            node, lambda updated: updated.with_changes(attr=cst.Name(said)), f"`{node.attr.value}` is `{said}`"
        )
    job = cst.Call(cst.parse_expression(file.use(said)))
    return Rewrite(node, lambda updated: updated.with_changes(value=job), f"`{kind}` has no `room`: it is the job's")


def _becomes_an_agent(node: cst.BaseExpression, file: File) -> bool:
    """Whether it is an object of an assistant that other rules make an `Agent`."""
    held = file.project.fact(holders).of(file.module, node)
    agents = [agent_of(file.project, each) for each in held.classes]
    return held.certain and bool(agents) and all(a is not None and a.role is not Role.MIXIN for a in agents)


def _becomes_the_session(node: cst.Attribute, file: File) -> bool:
    """Whether the raw session's variable stands for the `AgentSession` afterwards."""
    sessions = file.project.fact(raw_sessions)
    return isinstance(node.value, cst.Name) and sessions.is_session(file.module, node.value)


def _known(kind: str) -> frozenset[str]:
    return public_names()[f"livekit.agents.{kind}()."]


@cache
def _in_all() -> frozenset[str]:
    """What all of them have: no need to ask whose it is."""
    first, *rest = map(_known, _CLASSES)
    return first.intersection(*rest)


def _is_of_0x(node: cst.CSTNode, file: File) -> bool:
    """0.x objects are the business of other rules."""
    return file.project.fact(holdings).has(file.module, node, Kind.PIPELINE, Kind.MULTIMODAL, Kind.CALL_CONTEXT)


def _is_of_a_raw_session(node: cst.Attribute, file: File) -> bool:
    """`session.conversation.item.create(…)`, `session.response.create()`: LK260 says them in today's words."""
    if node.attr.value not in (CREATE[0], RESPOND[0]):
        return False
    line = file.statement(node)
    return any(raw_call(file.project, file.module, line, path) is not None for path in (CREATE, RESPOND))


def _is_told(node: cst.Attribute, file: File) -> bool:
    """Whether a marker above speaks of it already: another rule's, of a first run, when the object was of 0.x."""
    lines = getattr(file.statement(node), "leading_lines", ())
    comments = " ".join(line.comment.value for line in lines if line.comment is not None)
    named = node.attr.value in comments or ("LK203" in comments and _is_hook(node, file))
    return "lk-migrate" in comments and named and rule.id not in comments


def _is_hook(node: cst.Attribute, file: File) -> bool:
    """`session.on_message = handler`; `session.before_llm_cb = handler`, a keyword of the 0.x agent."""
    if not isinstance(file.parent(node), cst.AssignTarget):
        return False
    return node.attr.value.startswith("on_") or node.attr.value in CALLBACKS_TODAY

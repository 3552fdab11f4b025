"""Listeners that need each request's metrics listen to the session's models instead (LK310).

Checked on 1.8.9 (`livekit/agents/voice/agent_activity.py`): `metrics_collected` of a session is its models' own
`metrics_collected`, wrapped in an event, plus `EOUMetrics` that the session makes at the end of a user's turn. The
models' event is not deprecated and gives the metrics object itself; what `EOUMetrics` told stands on the user's
`ChatMessage.metrics`. Listeners of one emitter run in the order of registration, and the session's own, which sets
`speech_id`, comes with `session.start()`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.metrics import Registration
from lk_migrate.facts.session_models import SessionModels, agent_model, session_models
from lk_migrate.facts.walk import find, own_scope
from lk_migrate.rewrite.arguments import find_keyword
from lk_migrate.rewrite.changes import Change, Note, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v1.metrics_handlers import EOU, Handler, handler_of
from lk_migrate.rules.v1.model_listeners import Placement, is_registration, registered


def to_components(registration: Registration, converted: frozenset[cst.Call], file: File) -> Iterator[Change]:
    """Listen to the session's models. `converted`: the registrations of the file that are rewritten this way."""
    line = _line(registration, file)
    if line is None:
        yield Todo(registration.call, _BY_HAND)
        return
    placement = _placement(registration, line, file)
    if placement is None or (isinstance(registration.function, cst.FunctionDef) and registration.function.asynchronous):
        yield Todo(registration.call, _BY_HAND)
        return
    handler = handler_of(registration, converted, file)
    if handler.words & EOU and isinstance(registration.function, cst.Lambda):
        yield Todo(registration.call, _BY_HAND)
        return
    yield from handler.changes
    yield from registered(registration, line, placement, handler, file)
    yield Note(registration.call, _note(placement.models, handler))


_BY_HAND = (
    "`metrics_collected` on a session is deprecated: register the listener on the models that the session uses, "
    '`model.on("metrics_collected", ...)`; it gets the metrics object itself, not an event. A realtime model tells '
    "its metrics on `session.current_agent.realtime_llm_session`, after `session.start()`. Latency per turn is on "
    "`ChatMessage.metrics` (`conversation_item_added`)."
)


def _line(registration: Registration, file: File) -> cst.BaseStatement | None:
    """The statement that is the registration: the decorated function, or a line of its own."""
    parent = file.parent(registration.call)
    if isinstance(parent, cst.Decorator):
        function = file.parent(parent)
        if not isinstance(function, cst.FunctionDef) or len(registration.call.args) != 1:
            return None
        return function if sum(is_registration(d.decorator) for d in function.decorators) == 1 else None
    line = file.parent(parent) if isinstance(parent, cst.Expr) else None
    if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 and len(registration.call.args) == 2:
        return line
    return None


def _placement(registration: Registration, line: cst.BaseStatement, file: File) -> Placement | None:
    models = session_models(file.project, file.module, registration.session)
    if models in (SessionModels.PIPELINE, SessionModels.UNKNOWN):
        return Placement(None, models)
    start = _start(registration, line, file)
    if start is not None and models is SessionModels.AGENT and _starts_realtime(start, file):
        models = SessionModels.REALTIME
    return Placement(start, models) if start is not None else None


def _starts_realtime(start: cst.SimpleStatementLine, file: File) -> bool:
    """Whether the agent that the session starts with brings a realtime model."""
    call = next(find(start, cst.Call))
    agent = find_keyword(call, "agent") or next((a for a in call.args if a.keyword is None), None)
    return agent is not None and agent_model(file.project, file.module, agent.value) is SessionModels.REALTIME


def _start(registration: Registration, line: cst.BaseStatement, file: File) -> cst.SimpleStatementLine | None:
    """`await session.start(…)` after the registration, in the same function."""
    scope = file.enclosing(line, cst.FunctionDef)
    name = dotted(registration.session)
    block = file.parent(line)
    if scope is None or (not isinstance(line, cst.FunctionDef) and len(getattr(block, "body", ())) < 2):
        return None
    position = file.module.span(line).end_line
    for node in own_scope(scope):
        if not isinstance(node, cst.SimpleStatementLine) or file.module.span(node).line <= position:
            continue
        small = node.body[0]
        value = small.value if isinstance(small, cst.Expr) and len(node.body) == 1 else None
        call = value.expression if isinstance(value, cst.Await) else None
        if isinstance(call, cst.Call) and name is not None and dotted(call.func) == f"{name}.start":
            return node
    return None


def _note(models: SessionModels, handler: Handler) -> str:
    parts = ["Metrics come from the session's own models now."]
    if models is SessionModels.AGENT:
        parts = ["Metrics come from the models of the agent that the session starts with now."]
    elif models is SessionModels.REALTIME:
        parts = ["Metrics come from the realtime session of the agent that the session starts with now."]
    elif models is SessionModels.UNKNOWN:
        parts.append("A realtime model tells its own on `session.current_agent.realtime_llm_session` after the start.")
    parts.append("Agents with models of their own (after a handoff) need the listener registered on these, too.")
    if not handler.words & EOU:
        parts.append("End-of-utterance delays are on the user's `ChatMessage.metrics` (`conversation_item_added`).")
    return " ".join(parts)

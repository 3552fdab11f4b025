"""Handlers of old events of which it isn't sure what they are to do today (shared by LK240's handlers)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import libcst as cst

from lk_migrate.facts.handlers import EVENTS, Registration, handlers
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.walk import find
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.markers import has_marker
from lk_migrate.rules.v0.event_guards import Guard

#: What the payloads of 0.x had: messages (with today's names beside them), and lists of calls.
_MESSAGE_DETAILS = frozenset(
    {"role", "content", "text_content", "id", "name", "tool_call_id", "tool_calls", "tool_exception", "copy"}
    | {"type", "interrupted", "created_at", "metrics", "extra"}
)
#: What was said, of a message that never had it under this name.
SAID = "text"
#: What a call of a tool had in 0.x (`CalledFunction`, its `FunctionCallInfo`), and has today (`FunctionCall`).
CALL_DETAILS = frozenset(
    {"call_info", "function_info", "tool_call_id", "raw_arguments", "arguments", "result", "exception", "task"}
    | {"id", "type", "name", "call_id", "created_at", "extra", "group_id", "model_dump", "model_dump_json"}
)


def doubt(known: Registration, guard: Guard, file: File) -> str:
    """What a person has to decide about a registration, "" when it is clear what becomes of it."""
    if _was_never_emitted(known, file):
        return (
            f"a realtime session never emitted `{known.event}`, only the agent did: this handler never ran, and does "
            f"not run now. If it should, register it for `{guard.event}`; a `generate_reply(user_input=…)` in it adds "
            "a user's message, too, and would call it again."
        )
    more = _unknown_argument(known)
    if more is not None:
        return (
            f"`{known.event}` is `{guard.event}` now, and its handler gets one argument, the event: say in it what "
            f"`{more.name.value}` is to be, and register it for that."
        )
    strange = _unknown_detail(known, file)
    if strange is not None and strange.attr.value == "item" and guard.event == "conversation_item_added":
        role = "user" if known.event.startswith("user") else "assistant"
        return (
            f"a session never emitted `{known.event}`, so this handler never ran. It reads the `item` of "
            f"`conversation_item_added`: register it for that, and return unless `item.role` is `{role}`."
        )
    if strange is not None:
        return (
            f"`{known.event}` is `{guard.event}` now. No version gave its handler something that has "
            f"`.{strange.attr.value}`, so it isn't sure what is meant: take it from the `{guard.event_type}`."
        )
    return ""


def any_doubt(registrations: Iterable[Registration], file: File) -> bool:
    """Whether a handler has to stay as it is because of one of its registrations."""
    return any(
        _was_never_emitted(known, file)
        or _unknown_argument(known) is not None
        or _unknown_detail(known, file) is not None
        for known in registrations
    )


def takes_the_event(function: cst.FunctionDef, file: File) -> bool:
    """Whether a handler of old events is written anew, with the event as its only parameter."""
    found = file.project.fact(handlers)
    mine = found.of.get(function, [])
    return any(r.event in EVENTS for r in mine) and function not in found.shared and not any_doubt(mine, file)


def _was_never_emitted(known: Registration, file: File) -> bool:
    """`model.sessions[0].on("user_speech_committed")`: of these events the raw session told those of tools only.

    Once it is an AgentSession the marker remembers it. Source: livekit-plugins-openai's and -google's realtime sessions
    before 1.0, and `MultimodalAgent`.
    """
    if known.event.startswith("function_calls"):
        return False
    return known.kinds == {Kind.REALTIME_SESSION} or has_marker(file.statement(known.call), "LK240")


def _unknown_argument(known: Registration) -> cst.Param | None:
    """What a handler takes beside the one thing that it was given, and reads: without it, it would fail."""
    if not isinstance(known.function, cst.FunctionDef):
        return None
    names = {n.value for n in find(known.function.body, cst.Name)}
    more = (p for p in payload_of(known.function)[1:] if p.default is None)
    return next((p for p in more if p.name.value in names), None)


def _unknown_detail(known: Registration, file: File) -> cst.Attribute | None:
    """What a handler on a session reads that no payload of the event ever had: it was written by guess."""
    function = known.function
    if known.kinds != {Kind.SESSION} or not isinstance(function, cst.FunctionDef):
        return None
    payload = payload_of(function)[:1]
    details = frozenset(dir(list)) if known.event.startswith("function_calls") else _MESSAGE_DETAILS | set(dir(str))
    if payload and says_text(function, payload[0]) and function not in file.project.fact(handlers).shared:
        details |= {SAID} | _asked_for(function, payload[0], ("hasattr",))
    for node in find(function.body, cst.Attribute) if payload else ():
        if dotted(node.value) == payload[0].name.value and node.attr.value not in details:
            return node
    if known.event.startswith("function_calls"):
        return next((n for n in details_of_calls(function) if n.attr.value not in CALL_DETAILS), None)
    return None


def says_text(function: cst.FunctionDef, payload: cst.Param) -> bool:
    """Whether a handler reads `msg.text`, which no message had: it can mean nothing but what was said."""
    name = payload.name.value
    read = (n.attr.value == SAID and dotted(n.value) == name for n in find(function.body, cst.Attribute))
    return any(read) or SAID in _asked_for(function, payload, ("hasattr", "getattr"))


def _asked_for(function: cst.FunctionDef, payload: cst.Param, by: Sequence[str]) -> frozenset[str]:
    """What a handler looks for before it reads it: `msg.timestamp if hasattr(msg, "timestamp") else None`."""
    return frozenset(
        text_of(call.args[1].value) or ""
        for call in find(function.body, cst.Call)
        if dotted(call.func) in by and len(call.args) > 1 and dotted(call.args[0].value) == payload.name.value
    )


def details_of_calls(function: cst.FunctionDef) -> Iterator[cst.Attribute]:
    """What is read of each call in a loop over the calls that a handler is given: `call.name`."""
    payload = payload_of(function)[:1]
    loops: list[cst.For | cst.CompFor] = []
    if payload:
        loops = [*find(function.body, cst.For), *find(function.body, cst.CompFor)]
    items = {dotted(loop.target) for loop in loops if dotted(loop.iter) == payload[0].name.value}
    if items:
        yield from (node for node in find(function.body, cst.Attribute) if dotted(node.value) in items)


def payload_of(function: cst.FunctionDef) -> list[cst.Param]:
    """The parameters of a handler, `self` left out."""
    params = [*function.params.posonly_params, *function.params.params]
    return params[1:] if is_bound_with(params) else params


def is_bound_with(params: Sequence[cst.Param]) -> bool:
    """Whether the first one is what a method is called on; nobody says of which type that is."""
    return bool(params) and params[0].name.value in ("self", "cls") and params[0].annotation is None

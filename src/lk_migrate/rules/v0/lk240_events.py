"""Events of 0.x agents are now fewer events of the session, with an object that says what happened.

`user_started_speaking` and `user_stopped_speaking` are `user_state_changed`, what was said is
`conversation_item_added`, tools are `function_tools_executed` and `tool_execution_updated`. A handler keeps its body
behind a guard. A session accepts unknown event names in silence, so a handler with an old name is never called: in
files that are half migrated, too. An async handler, of the agent's events or of the room's, is called by a plain one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from lk_migrate.facts.handlers import EVENTS, Handlers, Registration, handlers
from lk_migrate.facts.holdings import holdings, where_0x_may_be
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.project import Project
from lk_migrate.facts.said_params import is_taken_for_text
from lk_migrate.facts.v0_names import CALL_CONTEXTS, Kind, llm_name
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.bodies import insert_first
from lk_migrate.rewrite.changes import Change, Note, Remove, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v0.event_doubts import any_doubt, doubt, is_bound_with, payload_of
from lk_migrate.rules.v0.event_guards import Guard, guard_of


def paths(project: Project) -> frozenset[str]:
    """All files when an old event is handled, else those that may ask for a hook which never existed."""
    if any(r.event in EVENTS for r in project.fact(handlers).registrations.values()):
        return frozenset(project.files)
    return project.fact(where_0x_may_be) & project.paths_with([b"hasattr", b"room.on("])


rule = Rule(
    "LK240",
    Edition.V0,
    __doc__,
    triggers=(*(name.encode() for name in EVENTS), b"def ", b"hasattr"),
    since="1.0.0",
    safety=Safety.REVIEW,
    paths=paths,
)


def events_of(registrations: list[Registration]) -> frozenset[str]:
    return frozenset(r.event for r in registrations if r.event in EVENTS)


@rule.on(cst.Call)
def registration(call: cst.Call, file: File) -> Iterator[Change]:
    """The event's name where the handler is registered."""
    found = file.project.fact(handlers)
    known = found.registrations.get(call)
    if known is None and (dotted(call.func) or "").endswith("room.on") and call.args:
        event = text_of(call.args[0].value)
        if event in EVENTS:
            yield Todo(
                call,
                f"a room never emitted `{event}`, only the agent did: this handler never ran, and does not run now. If "
                f"it should, register it with the session, for `{EVENTS[event]}`.",
            )
        return
    if known is None or known.event not in EVENTS or known.function is None:
        if known is not None and known.event in EVENTS:
            yield Todo(
                call,
                f"`{known.event}` is `{EVENTS[known.event]}` now: give it a handler that takes that event's object.",
            )
        return
    mine = found.of[known.function]
    events = events_of(mine)
    guard = guard_of(events)
    if guard is None:
        names = ", ".join(f"`{e}`" for e in sorted(events))
        yield Todo(
            call,
            f"one handler of {names} cannot take today's events: write one per event (`{EVENTS[known.event]}`, …).",
        )
        return
    unsure = doubt(known, guard, file)
    if unsure:
        yield Todo(call, unsure)
        return
    through = is_called_through(known.function, found)
    if known.decorates and (through or _is_second(call, mine, guard)):
        return
    again = None if through or known.decorates else _as_before(call, guard.event, mine, file)
    if again is not None:
        yield Remove(again, f"`{guard.event}` has this handler already, which tells the events apart itself")
        return
    if through:  # each call has a lambda of its own, for its own event: two of them for both would run it twice
        guard = guard_of(frozenset({known.event})) or guard
    name = call.args[0]
    quote = file.code(name.value)[0]
    yield Rewrite(
        name,
        lambda updated: updated.with_changes(value=cst.SimpleString(f"{quote}{guard.event}{quote}")),
        f"`{known.event}` is `{guard.event}` now",
    )
    if through:
        task = f"{file.use('asyncio')}.create_task" if is_async(known.function) else ""
        yield Rewrite(
            call,
            lambda updated: _through_lambda(updated, known, guard, task, file),
            "the handler gets what it used to get" + (", in a task: handlers must not be async" if task else ""),
        )


def is_async(function: cst.CSTNode | None) -> bool:
    """Whether it is an `async def`, which neither generation accepts as a handler."""
    return isinstance(function, cst.FunctionDef) and function.asynchronous is not None


def is_called_through(function: cst.CSTNode | None, found: Handlers) -> bool:
    """Whether the handler stays as it is, called by what is registered in its place: others call it, or it is async."""
    return is_async(function) or (isinstance(function, cst.FunctionDef) and function in found.shared)


def _as_before(call: cst.Call, event: str, mine: list[Registration], file: File) -> cst.SimpleStatementLine | None:
    """The statement, if it registers the handler a second time for what is one event now, on the same emitter."""
    statement = file.statement(call)
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) > 1:
        return None
    if not isinstance(file.parent(call), cst.Expr) or not (dotted(call.func) or "").endswith(".on"):
        return None
    block = file.parent(statement)
    same = [
        r.call
        for r in mine
        if not r.decorates
        and EVENTS.get(r.event) == event
        and file.parent(file.statement(r.call)) is block
        and file.code(r.call.func) == file.code(call.func)
    ]
    return statement if same and call is not same[0] else None


def _is_second(call: cst.Call, mine: list[Registration], guard: Guard) -> bool:
    """A second decorator for the same new event goes with `decorators`."""
    same = [r.call for r in mine if r.decorates and EVENTS.get(r.event) == guard.event]
    return len(same) > 1 and call is not same[0]


def _through_lambda(updated: cst.Call, known: Registration, guard: Guard, task: str, file: File) -> cst.Call:
    value = file.code(known.call.args[1].value)
    value = cst.Module([]).code_for_node(updated.args[1].value) if len(updated.args) > 1 else value
    function = known.function
    assert isinstance(function, cst.FunctionDef)
    call = f"{value}({argument(known, guard, file, function)})"
    if task:
        call = f"{task}({call})"
    text = f"lambda ev: {call} if {guard.only.format(ev='ev')} else None" if guard.only else f"lambda ev: {call}"
    args = [updated.args[0], updated.args[1].with_changes(value=cst.parse_expression(text)), *updated.args[2:]]
    return updated.with_changes(args=args)


def argument(known: Registration, guard: Guard, file: File, function: cst.FunctionDef) -> str:
    """What a handler that stays as it is gets handed from `ev`, "" for nothing."""
    wants = payload_of(function)
    return _given(known, guard, file, wants[0]).format(ev="ev") if wants else ""


@rule.on(cst.Lambda)
def lambda_handler(node: cst.Lambda, file: File) -> Iterator[Change]:
    """`agent.on("agent_started_speaking", lambda: …)`."""
    mine = file.project.fact(handlers).of.get(node)
    if not mine or not events_of(mine):
        return
    guard = guard_of(events_of(mine))
    if guard is None or len(mine) != 1:
        return
    params = list(node.params.params)
    if len(params) > 1 or (params and (guard.message or guard.text)):
        yield Todo(node, "this handler gets an event now: write it as a function.")
        return
    only = guard.only.format(ev="ev")
    kept = [p for p in params if p.default is not None]  # (`lambda call=call: …` holds what was there)

    def apply(updated: cst.Lambda) -> cst.Lambda:
        body = updated.body
        if only:
            body = cst.IfExp(test=cst.parse_expression(only), body=body, orelse=cst.Name("None"))
        return updated.with_changes(
            params=cst.Parameters(params=[cst.Param(cst.Name("ev")), *kept]),
            whitespace_after_lambda=cst.SimpleWhitespace(" "),
            body=body,
        )

    yield Rewrite(node, apply, f"the handler takes the event `{guard.event}`")


@rule.on(cst.FunctionDef)
def function_handler(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """A handler's parameter, and the guard at the top of its body."""
    found = file.project.fact(handlers)
    mine = found.of.get(node)
    if not mine or is_called_through(node, found) or not events_of(mine):
        return
    guard = guard_of(events_of(mine))
    if guard is None or any_doubt(mine, file):
        return
    second = [r.call for r in mine if r.decorates and _is_second(r.call, mine, guard)]
    event_type = file.use(f"livekit.agents.{guard.event_type}")
    payload = payload_of(node)
    taken = {n.value for n in find(node, cst.Name)}
    ev = next(n for n in ("ev", "event", "session_event") if n not in taken)
    lines = []
    if guard.skip:
        lines.append(f"if {guard.skip.format(ev=ev)}:\n    return\n")
    if payload and not _is_read(payload[0], node):
        pass  # what the handler was given, if anything, and never looked at
    elif payload and guard.message:
        given = _given(mine[0], guard, file, payload[0]).format(ev=ev)
        lines.append(f"{payload[0].name.value} = {given}\n")
    elif payload and payload[0].default is None:
        yield Todo(node, f"`{payload[0].name.value}` is given nothing by `{guard.event}`: take it from elsewhere.")
    if len(payload) > 1 and any(p.default is None for p in payload[1:]):
        yield Todo(node, f"a handler of `{guard.event}` gets one argument, the event.")
    statements = [cst.parse_statement(line) for line in lines]
    yield Rewrite(
        node,
        lambda updated: _guarded(updated, node, ev, event_type, statements, second),
        f"the handler takes the event `{guard.event}`",
    )
    if "function_calls_finished" in events_of(mine) or "function_calls_collected" in events_of(mine):
        yield Note(node, "The calls are `FunctionCall` items now: `name`, `arguments` (a JSON text), `call_id`.")


def _is_read(param: cst.Param, node: cst.FunctionDef) -> bool:
    """Whether the body says the parameter's name at all."""
    return any(name.value == param.name.value for name in find(node.body, cst.Name))


def _given(known: Registration, guard: Guard, file: File, param: cst.Param | None) -> str:
    """What the handler's parameter is, in the terms of the event."""
    if param is not None and param.annotation is not None:
        if known.function is not None and is_taken_for_text(param, known.function):
            return guard.text
        if file.full_name(param.annotation.annotation) in CALL_CONTEXTS and isinstance(known.call.func, cst.Attribute):
            # 0.7 handed over the context of the calls, which has the session's `userdata` (LK216).
            return file.project.fact(pipelines).spelled(known.module, known.call.func.value)
        if llm_name(file.full_name(param.annotation.annotation)) == "ChatMessage":
            return guard.message
    return guard.text if known.kinds == {Kind.MULTIMODAL} else guard.message


def _guarded(
    updated: cst.FunctionDef,
    original: cst.FunctionDef,
    ev: str,
    event_type: str,
    statements: Sequence[cst.BaseStatement],
    second: list[cst.Call],
) -> cst.FunctionDef:
    params = list(updated.params.params)
    own = params[:1] if is_bound_with(params) else []
    annotation = cst.Annotation(cst.parse_expression(event_type))
    param = cst.Param(cst.Name(ev), annotation=annotation, comma=cst.MaybeSentinel.DEFAULT)
    own = [p.with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))) for p in own]
    kept = _kept(original, statements)
    if kept:
        param = param.with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
    new = updated.params.with_changes(params=[*own, param, *kept], star_arg=cst.MaybeSentinel.DEFAULT, star_kwarg=None)
    decorators = [
        d for before, d in zip(original.decorators, updated.decorators, strict=True) if before.decorator not in second
    ]
    changed = updated.with_changes(params=new, decorators=decorators, whitespace_before_params=cst.SimpleWhitespace(""))
    return insert_first(changed, statements) if statements else changed


def _kept(node: cst.FunctionDef, statements: Sequence[cst.BaseStatement]) -> list[cst.Param]:
    """The parameters with a default that the body reads: an emitter gives a handler one argument, so they keep it."""
    given = {name.value for line in statements for name in find(line, cst.Name)}
    return [
        p.with_changes(comma=cst.MaybeSentinel.DEFAULT)
        for p in payload_of(node)
        if p.default is not None and _is_read(p, node) and p.name.value not in given
    ]


@rule.on(cst.If)
def guessed_hook(node: cst.If, file: File) -> Iterator[Change]:
    """`if hasattr(session, "on_user_speech"): …`: guards around hooks that never existed."""
    for call in find(node.test, cst.Call):
        if dotted(call.func) != "hasattr" or len(call.args) != 2:
            continue
        name = text_of(call.args[1].value)
        if name is None or not name.startswith("on_"):
            continue
        known = file.project.fact(holdings)
        if not known.has(file.module, call.args[0].value, Kind.SESSION, Kind.PIPELINE, Kind.MULTIMODAL):
            continue
        yield Todo(
            node,
            f"a session has no `{name}`, so this never runs: register a handler with `session.on(…)`, or take it out.",
        )

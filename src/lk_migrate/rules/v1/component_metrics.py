"""Listeners that need each request's metrics listen to the session's models instead (LK310).

Checked on 1.8.9 (`livekit/agents/voice/agent_activity.py`): `metrics_collected` of a session is its models' own
`metrics_collected`, wrapped in an event, plus `EOUMetrics` that the session makes at the end of a user's turn. The
models' event is not deprecated and gives the metrics object itself; what `EOUMetrics` told stands on the user's
`ChatMessage.metrics`. Listeners of one emitter run in the order of registration, and the session's own, which sets
`speech_id`, comes with `session.start()`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.framework import agents_name, library_name
from lk_migrate.facts.imports import bound_names, dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.metrics import Registration, is_docstring
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.session_models import SessionModels, agent_model, session_models
from lk_migrate.facts.walk import find, own_scope
from lk_migrate.rewrite.arguments import find_keyword
from lk_migrate.rewrite.changes import Change, Note, Remove, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import WIDTH
from lk_migrate.rules.v1.listener_words import given_to, own_words, words_reached

_EOU = frozenset(
    {"EOUMetrics", "eou_metrics", "end_of_utterance_delay", "transcription_delay", "on_user_turn_completed_delay"}
)
_FIELDS = frozenset(
    """
    type label request_id timestamp duration ttft cancelled completion_tokens prompt_tokens prompt_cached_tokens
    total_tokens tokens_per_second speech_id audio_duration streamed ttfb characters_count segment_id idle_time
    inference_duration_total inference_count input_tokens output_tokens
    """.split()  # noqa: SIM905
) | (_EOU - {"EOUMetrics", "eou_metrics"})


@dataclass(frozen=True)
class Handler:
    """What is registered on each model.

    `text`: how to spell it; `changes`: the edits of the function; `words`: names and strings in it, to see what it
    reads; `wraps`: the function and the event class, when the function still wants the event.
    """

    text: str
    changes: tuple[Change, ...]
    words: frozenset[str]
    wraps: tuple[str, str] | None = None


@dataclass(frozen=True)
class Placement:
    """`start`: the line after which the models are known, None when the session has them from the beginning."""

    start: cst.SimpleStatementLine | None
    models: SessionModels


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
    handler = _handler(registration, converted, file)
    if handler.words & _EOU and isinstance(registration.function, cst.Lambda):
        yield Todo(registration.call, _BY_HAND)
        return
    yield from handler.changes
    yield from _registered(registration, line, placement, handler, file)
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
        return function if sum(_is_registration(d.decorator) for d in function.decorators) == 1 else None
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


def _handler(registration: Registration, converted: frozenset[cst.Call], file: File) -> Handler:
    function = registration.function
    given = registration.call.args[1].value if len(registration.call.args) > 1 else None
    if function is None:
        assert given is not None
        method = (dotted(given) or "").rpartition(".")[2]  # `latency.handle_event`
        return _wrapped(file.code(given), words_reached([method], file) & (_EOU | {"speech_id"}), file)
    words = own_words(function) | (words_reached(given_to(function, registration.event), file) & _EOU)
    if isinstance(function, cst.Lambda):
        renaming = _renaming(registration, file)
        if renaming is None:
            return _wrapped(f"({file.code(function)})", words, file)
        return Handler("", renaming, words)
    name = file.code(given) if given is not None else function.name.value
    elsewhere = _is_used_elsewhere(function, registration, converted, file)
    changes = None if elsewhere else _renaming(registration, file)
    if changes is None:
        return _wrapped(name, words, file)
    return Handler(name, changes, words)


def _wrapped(text: str, words: frozenset[str], file: File) -> Handler:
    event = file.use("livekit.agents.MetricsCollectedEvent")
    return Handler(f"lambda m: {text}({event}(metrics=m))", (), words, (text, event))


def _is_used_elsewhere(
    function: cst.FunctionDef, registration: Registration, converted: frozenset[cst.Call], file: File
) -> bool:
    """Whether anything but these registrations calls the function: then it must go on taking an event."""
    name = function.name.value
    ours = {n for call in converted for arg in call.args[1:] for n in find(arg.value, cst.Name)}
    scope = file.enclosing(function, cst.FunctionDef) or file.module.tree
    mentions = {n for n in file.module.index.find(scope, cst.Name) if n.value == name and n is not function.name}
    others = [n for n in mentions - ours if not _is_same_name_only(n, file)]
    if others:
        return True
    if file.enclosing(function, cst.FunctionDef) is not None:
        return False
    word = name.encode()
    return any(word in data for path, data in file.project.files.items() if path != file.path and path.endswith(".py"))


def _is_same_name_only(name: cst.Name, file: File) -> bool:
    """A definition or keyword that merely has the same name."""
    parent = file.parent(name)
    return isinstance(parent, (cst.FunctionDef, cst.ClassDef, cst.Param)) or (
        isinstance(parent, cst.Arg) and parent.keyword is name
    )


def _uses(function: cst.FunctionDef | cst.Lambda, event: str, file: File) -> list[cst.Name]:
    found = []
    for name in find(function.body, cst.Name):
        parent = file.parent(name)
        is_attribute = isinstance(parent, cst.Attribute) and parent.attr is name
        if name.value == event and not is_attribute and not (isinstance(parent, cst.Arg) and parent.keyword is name):
            found.append(name)
    return found


def _renaming(registration: Registration, file: File) -> tuple[Change, ...] | None:
    """The function takes the metrics object: `ev.metrics` becomes the parameter. None when it needs the event."""
    function, event = registration.function, registration.event
    assert function is not None
    if not event:
        return ()
    params = [p for p in function.params.params if p.name.value == event]
    if file.project.fact(pipelines).holdings.is_v0_agent(file.module, registration.session):
        return _given_by_0x(function, event, file)
    unpacked = []
    for name in _uses(function, event, file):
        parent = file.parent(name)
        if not isinstance(parent, cst.Attribute) or isinstance(file.parent(parent), (cst.AssignTarget, cst.AugAssign)):
            return () if _takes_metrics(function, event, file) else None
        if parent.attr.value != "metrics":
            return () if _takes_metrics(function, event, file) else None
        unpacked.append(parent)
    if not params or not unpacked:
        return ()
    first = _bound_first(function, unpacked)
    takes_metrics = _annotated(params[0], "AgentMetrics", file)
    new = first[1] if first else event if takes_metrics else _fresh(function, file)
    changes: list[Change] = [_param(params[0], new, function, file)]
    if first:
        changes.append(Remove(first[0], f"the listener gets `{new}` itself"))
    else:
        changes += [
            Replace(
                node, lambda updated: cst.Name(new, lpar=updated.lpar, rpar=updated.rpar), f"`{new}` is handed over"
            )
            for node in unpacked
        ]
    return tuple(changes)


def _given_by_0x(function: cst.FunctionDef | cst.Lambda, event: str, file: File) -> tuple[Change, ...]:
    """What a listener took from the 0.x agent is what a model tells, but for two fields."""
    changes: list[Change] = []
    for name in _uses(function, event, file):
        read = file.parent(name)
        if isinstance(read, cst.Attribute) and read.attr.value == "sequence_id":
            changes.append(Replace(read.attr, lambda _: cst.Name("speech_id"), "`sequence_id` is `speech_id` now"))
        elif isinstance(read, cst.Attribute) and read.attr.value == "error":
            changes.append(Todo(read, "metrics have no `error`: a session tells errors with its event `error`."))
    return tuple(changes)


def _takes_metrics(function: cst.FunctionDef | cst.Lambda, event: str, file: File) -> bool:
    """0.x listeners took the metrics object; on a 1.x session they never worked, on a model they do."""
    attributes = [file.parent(n) for n in _uses(function, event, file)]
    fields = {a.attr.value for a in attributes if isinstance(a, cst.Attribute)}
    calls = [file.parent(a) for a in attributes if isinstance(a, cst.Arg)]
    known = all(
        isinstance(c, cst.Call)
        and (dotted(c.func) or "").rpartition(".")[2] in ("log_metrics", "collect", "isinstance", "type")
        for c in calls
    )
    return (
        known
        and len(calls) + sum(isinstance(a, cst.Attribute) for a in attributes) == len(attributes)
        and (fields <= _FIELDS - {"type"} or (not fields and bool(calls)))
    )


def _bound_first(
    function: cst.FunctionDef | cst.Lambda, unpacked: list[cst.Attribute]
) -> tuple[cst.SimpleStatementLine, str] | None:
    """`m = ev.metrics` opens the function and is its only use of the event: then the parameter is `m`."""
    if isinstance(function, cst.Lambda) or len(unpacked) != 1 or not isinstance(function.body, cst.IndentedBlock):
        return None
    body = [s for s in function.body.body if not is_docstring(s)]
    line = body[0] if len(body) > 1 else None
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1 or line.leading_lines:
        return None
    small = line.body[0]
    if isinstance(small, cst.Assign) and small.value is unpacked[0] and len(small.targets) == 1:
        target = small.targets[0].target
        if isinstance(target, cst.Name) and line.trailing_whitespace.comment is None:
            return line, target.value
    return None


def _fresh(function: cst.FunctionDef | cst.Lambda, file: File) -> str:
    taken = {n.value for n in find(function.body, cst.Name)}
    names = ("m", "collected") if isinstance(function, cst.Lambda) else ("agent_metrics", "collected_metrics")
    return next((n for n in names if n not in taken), "component_metrics")


def _annotated(param: cst.Param, name: str, file: File) -> bool:
    return param.annotation is not None and agents_name(file.project, file.module, param.annotation.annotation) == name


def _param(param: cst.Param, new: str, function: cst.FunctionDef | cst.Lambda, file: File) -> Change:
    annotation = param.annotation
    if annotation is not None and _says_event(annotation.annotation, file):
        kind = cst.parse_expression(file.use("livekit.agents.metrics.AgentMetrics"))
        annotation = annotation.with_changes(annotation=kind)
    return Replace(
        param,
        lambda updated: updated.with_changes(name=cst.Name(new), annotation=annotation),
        "a model's listener gets the metrics object itself",
    )


def _says_event(annotation: cst.BaseExpression, file: File) -> bool:
    if isinstance(annotation, cst.SimpleString):
        return str(string_value(annotation)).endswith("MetricsCollectedEvent")
    name = library_name(file.project, file.module, annotation) or dotted(annotation) or ""
    return name.rpartition(".")[2] == "MetricsCollectedEvent"


def _registered(
    registration: Registration, line: cst.BaseStatement, placement: Placement, handler: Handler, file: File
) -> Iterator[Change]:
    """The edits that take the old registration out and put the new one in its place, or after the start."""
    session = file.project.fact(pipelines).spelled(file.module, registration.session)
    told = _end_of_turn(session, handler, file) if handler.words & _EOU else []
    plan = _Loop(placement.models, handler, _loop_name(registration, file), line, file)
    message = "listens to the session's models: `metrics_collected` of a session is deprecated"
    if isinstance(line, cst.FunctionDef):

        def undecorated(updated: cst.FunctionDef) -> cst.FlattenSentinel[cst.BaseStatement] | cst.FunctionDef:
            kept = [d for d in updated.decorators if not _is_registration(d.decorator)]
            gone = next(d for d in updated.decorators if _is_registration(d.decorator))
            lines = [*updated.leading_lines, *gone.leading_lines, *updated.lines_after_decorators]
            own = updated.with_changes(decorators=kept, leading_lines=lines, lines_after_decorators=[])
            name = dotted(gone.decorator.func.value) or session  # type: ignore[attr-defined]
            here = plan.loop(name) if placement.start is None else []
            return cst.FlattenSentinel([own, *told, *here]) if here or told else own

        yield Rewrite(line, undecorated, message)
    elif placement.start is None:

        def in_place(updated: cst.SimpleStatementLine) -> cst.FlattenSentinel[cst.BaseStatement]:
            call = cst.ensure_type(cst.ensure_type(updated.body[0], cst.Expr).value, cst.Call)
            name = dotted(cst.ensure_type(call.func, cst.Attribute).value) or session
            given = None if handler.text else call.args[1].value
            first, *more = [*told, *plan.loop(name, given, blank=bool(told))]
            comment = updated.trailing_whitespace.comment
            above = [cst.EmptyLine(comment=comment)] if comment is not None else []
            lead = [*updated.leading_lines, *above]
            if told and not lead:
                lead = [cst.EmptyLine(indent=False)]
            first = first.with_changes(leading_lines=lead)
            return cst.FlattenSentinel([first, *more])

        yield Rewrite(line, in_place, message)
    else:
        yield Remove(line, message)
    if placement.start is not None:
        given = _edited(registration.call.args[1].value, handler.changes) if not handler.text else None

        def after_start(updated: cst.SimpleStatementLine) -> cst.FlattenSentinel[cst.BaseStatement]:
            more = told if not isinstance(line, cst.FunctionDef) else []
            return cst.FlattenSentinel([updated, *more, *plan.loop(session, given)])

        yield Rewrite(placement.start, after_start, "the models are known once the session has started")


class _Edits(cst.CSTTransformer):
    """Edits of a function that leaves its place: there, the engine no longer makes them."""

    def __init__(self, changes: Iterable[Change]) -> None:
        super().__init__()
        self.of = {change.node: change.apply for change in changes if isinstance(change, Replace)}

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> cst.CSTNode:  # type: ignore[override]
        apply = self.of.get(original_node)
        return updated_node if apply is None else apply(updated_node)


def _edited(function: cst.BaseExpression, changes: Iterable[Change]) -> cst.BaseExpression:
    edited = function.visit(_Edits(changes))
    assert isinstance(edited, cst.BaseExpression)
    return edited


def _is_registration(decorator: cst.BaseExpression) -> bool:
    return (
        isinstance(decorator, cst.Call)
        and bool(decorator.args)
        and isinstance(decorator.args[0].value, cst.SimpleString)
        and string_value(decorator.args[0].value) == "metrics_collected"
    )


def _loop_name(registration: Registration, file: File) -> str:
    scope = file.enclosing(registration.call, cst.FunctionDef) or file.module.tree
    taken = bound_names(scope) | set(file.module.definitions) | {i.local for i in file.module.imports}
    return next(n for n in ("model", "component", "session_model", "metrics_source") if n not in taken)


_ORDER = "# The session's own listener, which sets `speech_id`, is to run first."


@dataclass(frozen=True)
class _Loop:
    models: SessionModels
    handler: Handler
    name: str
    at: cst.CSTNode
    file: File

    def loop(
        self, session: str, function: cst.BaseExpression | None = None, *, blank: bool = True
    ) -> list[cst.BaseStatement]:
        """The statements that register the handler on the models of `session`."""
        file, name = self.file, self.name
        text = self.handler.text or cst.Module([]).code_for_node(function or cst.Name("None"))
        lines = []
        if "speech_id" in self.handler.words:
            loop = f"{file.use('asyncio')}.get_running_loop()"
            soon = f"{text}" if not self.handler.wraps and self.handler.text else f"({text})"
            lines.append(_ORDER)
            text = f"lambda m: {loop}.call_soon({soon}, m)"
        line = f'{name}.on("metrics_collected", {text})'
        if file.module.span(self.at).column + 8 + len(line) > WIDTH and "\n" not in text:
            lines += [f"{name}.on(", '    "metrics_collected",', f"    {text},", ")"]
        else:
            lines.append(line)
        # None, and a realtime model, have no `on`.
        condition = f"if isinstance({name}, {file.use('livekit.rtc')}.EventEmitter):"
        body = [condition, *("    " + line for line in lines)]
        if self.models is SessionModels.AGENT:
            head = [
                f"for owner in ({session}, {session}.current_agent):",
                f"    for {name} in (owner.stt, owner.llm, owner.tts, owner.vad):",
            ]
            text = "\n".join([*head, *("        " + line for line in body)])
        else:
            llm = "current_agent.realtime_llm_session" if self.models is SessionModels.REALTIME else "llm"
            head = [f"for {name} in ({session}.stt, {session}.{llm}, {session}.tts, {session}.vad):"]
            text = "\n".join([*head, *("    " + line for line in body)])
        statement = cst.parse_statement(text + "\n", config=file.module.tree.config_for_parsing)
        lead = [cst.EmptyLine(indent=False)] if blank else []
        return [statement.with_changes(leading_lines=lead)]


def _end_of_turn(session: str, handler: Handler, file: File) -> list[cst.BaseStatement]:
    """A listener that hands over what `EOUMetrics` told: it is on the user's message now."""
    event = file.use("livekit.agents.ConversationItemAddedEvent")
    metrics = f"""{file.use("livekit.agents.metrics.EOUMetrics")}(
    timestamp=ev.created_at,
    end_of_utterance_delay=report.get("end_of_turn_delay", 0.0),
    transcription_delay=report.get("transcription_delay", 0.0),
    on_user_turn_completed_delay=report["on_user_turn_completed_delay"],
    speech_id=speech.id if speech else None,
)"""
    if handler.wraps is None:
        call = _call(handler.text, metrics)
    else:
        function, wanted = handler.wraps
        call = _call(function, _call(wanted, f"metrics={metrics}"))
    text = f"""
@{session}.on("conversation_item_added")
def on_end_of_turn(ev: {event}):
    report = getattr(ev.item, "metrics", {{}})
    if "on_user_turn_completed_delay" in report:
        speech = {session}.current_speech
{textwrap.indent(call, " " * 8)}
"""
    statement = cst.parse_statement(text.lstrip("\n"), config=file.module.tree.config_for_parsing)
    return [statement.with_changes(leading_lines=[cst.EmptyLine(indent=False)])]


def _call(function: str, argument: str) -> str:
    """A call with its only argument on lines of its own."""
    return f"{function}(\n{textwrap.indent(argument, '    ')}\n)"


def _note(models: SessionModels, handler: Handler) -> str:
    parts = ["Metrics come from the session's own models now."]
    if models is SessionModels.AGENT:
        parts = ["Metrics come from the models of the agent that the session starts with now."]
    elif models is SessionModels.REALTIME:
        parts = ["Metrics come from the realtime session of the agent that the session starts with now."]
    elif models is SessionModels.UNKNOWN:
        parts.append("A realtime model tells its own on `session.current_agent.realtime_llm_session` after the start.")
    parts.append("Agents with models of their own (after a handoff) need the listener registered on these, too.")
    if not handler.words & _EOU:
        parts.append("End-of-utterance delays are on the user's `ChatMessage.metrics` (`conversation_item_added`).")
    return " ".join(parts)

"""How a listener is registered on the models of a session, in place of the session itself or after its start."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.imports import bound_names, dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.metrics import Registration
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.session_models import SessionModels
from lk_migrate.rewrite.changes import Change, Remove, Replace, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import WIDTH
from lk_migrate.rules.v1.metrics_handlers import EOU, Handler


@dataclass(frozen=True)
class Placement:
    """`start`: the line after which the models are known, None when the session has them from the beginning."""

    start: cst.SimpleStatementLine | None
    models: SessionModels


def registered(
    registration: Registration, line: cst.BaseStatement, placement: Placement, handler: Handler, file: File
) -> Iterator[Change]:
    """The edits that take the old registration out and put the new one in its place, or after the start."""
    session = file.project.fact(pipelines).spelled(file.module, registration.session)
    told = _end_of_turn(session, handler, file) if handler.words & EOU else []
    plan = _Loop(placement.models, handler, _loop_name(registration, file), line, file)
    message = "listens to the session's models: `metrics_collected` of a session is deprecated"
    if isinstance(line, cst.FunctionDef):

        def undecorated(updated: cst.FunctionDef) -> cst.FlattenSentinel[cst.BaseStatement] | cst.FunctionDef:
            kept = [d for d in updated.decorators if not is_registration(d.decorator)]
            gone = next(d for d in updated.decorators if is_registration(d.decorator))
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


def is_registration(decorator: cst.BaseExpression) -> bool:
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

"""`agent.start(room, participant)` becomes `await session.start(agent=…, room=…)` (part of LK202)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

from lk_migrate.facts.chat import chat_managers
from lk_migrate.facts.factories import is_the_same_elsewhere
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.pipelines import Construction, pipelines
from lk_migrate.facts.starts import is_start, is_taken_care_of, starts
from lk_migrate.facts.variables import binding_of, uses
from lk_migrate.rewrite.arguments import Comments, of_call
from lk_migrate.rewrite.changes import Change, Note, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import Entry, expression
from lk_migrate.rules.v0.lk202_agent_and_session import rule as split
from lk_migrate.rules.v0.transcription import text_output


@split.on(cst.Call)
def start(call: cst.Call, file: File) -> Iterator[Change]:
    """The call itself."""
    known = file.project.fact(pipelines)
    if not is_start(known, file.module, call) or not isinstance(call.func, cst.Attribute):
        return
    agent = known.agent_for(file.module, call.func.value)
    if agent is None:
        yield Todo(
            call,
            "`start` is a coroutine and wants the Agent: `await session.start(agent=…, room=…)`; "
            f"hand over the Agent that is made beside the session{_and_text(call, file)}.",
        )
        return
    if any(a.star for a in call.args) or any(
        a.keyword is not None and a.keyword.value not in ("room", "participant") for a in call.args
    ):
        yield Todo(
            call,
            f"write this as `await session.start(agent={agent}, room=…, room_options=…)`{_and_text(call, file)}.",
        )
        return
    construction = known.of(file.module, call.func.value)[0]
    entries, comments, problems = _room_options(call, construction, file)
    for problem in problems:
        yield Todo(call, problem)
    options = f"{_room_io(file)}.RoomOptions" if entries else ""
    indentation = file.module.span(file.statement(call)).column
    wrap = _wrapping(call, file)
    yield Rewrite(
        call,
        lambda updated: wrap(_started(updated, agent, entries, options, indentation)),
        "`start` takes the Agent, and is awaited",
    )
    statement = file.statement(call)
    if comments and isinstance(statement, cst.SimpleStatementLine):
        lines = [cst.EmptyLine(comment=cst.Comment(text)) for text in comments]
        yield Rewrite(
            statement,
            lambda updated: updated.with_changes(leading_lines=[*updated.leading_lines, *lines]),
            "comments follow their options",
        )
    waiting = _only_for_start(call, file)
    if waiting is not None:
        yield Rewrite(waiting, _without_target, "the session links the first participant itself")
    yield from _kept_value(call, file)
    if call in file.project.fact(starts).stuck:
        yield Note(call, "This function cannot await, so the session is started in a task: speak only after it runs.")


def _kept_value(call: cst.Call, file: File) -> Iterator[Change]:
    """`session = agent.start(…)` never gave anything: a variable that keeps nothing else can only mean the session."""
    parent = file.parent(call)
    assign = file.parent(parent) if isinstance(parent, cst.Await) else parent
    target = assign.targets[0].target if isinstance(assign, cst.Assign) else None
    if isinstance(target, cst.Name) and binding_of(file.module, target) in file.project.fact(pipelines).started:
        assert assign is not None
        yield Rewrite(assign, lambda updated: cst.Expr(updated.value), "`start` returns nothing (it never did)")
        return
    if not isinstance(parent, (cst.Expr, cst.Await)) and not is_taken_care_of(file.module, call):
        yield Todo(call, "`start` returns nothing (it never did): use the session itself instead of this value.")


def _and_text(call: cst.Call, file: File) -> str:
    """A handler of chat messages is called only when the session is told of it."""
    chat = file.project.fact(chat_managers).handler_near(file.module, file.enclosing(call, cst.FunctionDef))
    if chat is None:
        return ""
    option = f"room_io.RoomOptions(text_input=room_io.TextInputOptions(text_input_cb={chat.node.name.value}))"
    return f", with `room_options={option}`, without which `{chat.node.name.value}` is never called"


def _room_io(file: File) -> str:
    return file.use("livekit.agents.room_io")


def _wrapping(call: cst.Call, file: File) -> Callable[[cst.Call], cst.BaseExpression]:
    """What puts the coroutine to work: an `await`, or a task where nothing can be awaited."""
    if is_taken_care_of(file.module, call):
        return lambda updated: updated
    if call in file.project.fact(starts).stuck:
        task = f"{file.use('asyncio')}.create_task"
        return lambda updated: cst.Call(cst.parse_expression(task), [cst.Arg(updated)])
    return lambda updated: cst.Await(updated)


def _started(updated: cst.Call, agent: str, entries: tuple[Entry, ...], options: str, indentation: int) -> cst.Call:
    args = of_call(updated).items
    room = next(
        (a for i, a in enumerate(args) if i == 0 or (a.keyword is not None and a.keyword.value == "room")), None
    )
    func = cst.Module([]).code_for_node(updated.func)
    all_entries = [Entry("agent", cst.parse_expression(agent))]
    if room is not None:
        all_entries.append(Entry("room", room.value))
    if entries:
        all_entries.append(Entry("room_options", entries=entries, call=options))
    call = expression(Entry("", entries=tuple(all_entries), call=func), "", indentation, len("await "))
    assert isinstance(call, cst.Call)
    return call


def _room_options(
    call: cst.Call, construction: Construction, file: File
) -> tuple[tuple[Entry, ...], tuple[str, ...], list[str]]:
    """The fields of `RoomOptions`, the comments that belong to them, and what a person must decide."""
    entries: list[Entry] = []
    comments: list[str] = []
    problems: list[str] = []
    participant = _participant(call)
    if participant is not None and dotted(participant) != "None":
        identity = _identity(participant, file)
        if identity is not None:
            entries.append(Entry("participant_identity", identity))
    noise = construction.argument("noise_cancellation")
    elsewhere = construction.module is not file.module
    known = file.project.fact(pipelines).holdings
    if noise is not None and dotted(noise.value) != "None":
        comments += _comments(construction, noise).above
        value = noise.value
        if elsewhere and is_the_same_elsewhere(known, construction.module, noise):
            value, noise = _spelled_here(construction, noise, file), None
        entries.append(
            Entry(
                "audio_input",
                entries=(Entry("noise_cancellation", value),),
                call=f"{_room_io(file)}.AudioInputOptions",
            )
        )
    transcription = construction.argument("transcription")
    if transcription is not None:
        entry, problem = text_output(transcription.value, construction, file)
        if entry is not None:
            entries.append(entry)
        if problem:
            problems.append(problem)
        if elsewhere and is_the_same_elsewhere(known, construction.module, transcription):
            transcription = None
    chat = file.project.fact(chat_managers).handler_near(file.module, file.enclosing(call, cst.FunctionDef))
    if chat is not None:
        name = chat.node.name.value
        callback = name
        if file.module.span(chat.node).line > file.module.span(call).line:
            callback = f"lambda session, ev: {name}(session, ev)"
        entries.append(
            Entry(
                "text_input",
                entries=(Entry("text_input_cb", cst.parse_expression(callback)),),
                call=f"{_room_io(file)}.TextInputOptions",
            )
        )
    if elsewhere and (noise or transcription):
        problems.append(f"the room options come from {construction.module.path}: import what they name.")
    return tuple(entries), tuple(comments), problems


def _spelled_here(construction: Construction, arg: cst.Arg, file: File) -> cst.BaseExpression:
    """`noise_cancellation.BVC()` of another file, with the plugin imported here."""
    assert isinstance(arg.value, cst.Call)
    name = file.project.full_name(construction.module, arg.value.func)
    assert name is not None
    plugin, _, cls = name.rpartition(".")
    return cst.parse_expression(f"{file.use(plugin)}.{cls}()")


def _comments(construction: Construction, arg: cst.Arg) -> Comments:
    return of_call(construction.call).comments(list(construction.call.args).index(arg))


def _participant(call: cst.Call) -> cst.BaseExpression | None:
    for i, arg in enumerate(call.args):
        if (arg.keyword is not None and arg.keyword.value == "participant") or (arg.keyword is None and i == 1):
            return arg.value
    return None


def _identity(participant: cst.BaseExpression, file: File) -> cst.BaseExpression | None:
    """The identity to link to; None when it is simply the first participant."""
    if isinstance(participant, (cst.SimpleString, cst.FormattedString)):
        return participant
    if isinstance(participant, cst.Name):
        if participant.value.endswith("identity"):
            return participant
        if _is_first_participant(participant, file):
            return None
        if _is_text(participant, file):
            return participant
    if isinstance(participant, cst.Attribute) and participant.attr.value == "identity":
        return participant
    if isinstance(participant, cst.Await) and _is_plain_wait(participant):
        bracketed = participant.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        return cst.Attribute(bracketed, cst.Name("identity"))
    return cst.Attribute(participant, cst.Name("identity"))


def _is_first_participant(name: cst.Name, file: File) -> bool:
    """`participant = await ctx.wait_for_participant()`, and nothing else is ever put there."""
    binding = binding_of(file.module, name)
    values = []
    for use in uses(file.module, binding):
        parent = file.parent(use)
        if isinstance(parent, cst.AssignTarget):
            statement = file.parent(parent)
            values.append(statement.value if isinstance(statement, cst.Assign) else None)
        elif isinstance(parent, cst.Param) or getattr(parent, "target", None) is use:
            values.append(getattr(parent, "value", None))
    return len(values) == 1 and _is_plain_wait(values[0])


def _only_for_start(call: cst.Call, file: File) -> cst.SimpleStatementLine | None:
    """`participant = await ctx.wait_for_participant()`, if nothing but this call used the participant."""
    participant = _participant(call)
    if not isinstance(participant, cst.Name) or not _is_first_participant(participant, file):
        return None
    found = [u for u in uses(file.module, binding_of(file.module, participant)) if u is not participant]
    if len(found) != 1:
        return None
    line = file.enclosing(found[0], cst.SimpleStatementLine)
    return line if line is not None and len(line.body) == 1 and isinstance(line.body[0], cst.Assign) else None


def _without_target(updated: cst.SimpleStatementLine) -> cst.SimpleStatementLine:
    small = updated.body[0]
    assert isinstance(small, cst.Assign)
    return updated.with_changes(body=[cst.Expr(small.value)])


def _is_plain_wait(value: cst.CSTNode | None) -> bool:
    return (
        isinstance(value, cst.Await)
        and isinstance(value.expression, cst.Call)
        and not value.expression.args
        and (dotted(value.expression.func) or "").endswith(".wait_for_participant")
    )


def _is_text(name: cst.Name, file: File) -> bool:
    """Whether a parameter is annotated as `str`."""
    for use in uses(file.module, binding_of(file.module, name)):
        parent = file.parent(use)
        if isinstance(parent, cst.Param) and parent.annotation is not None:
            return dotted(parent.annotation.annotation) == "str"
    return False

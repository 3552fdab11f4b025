"""Realtime models: options that moved, and the raw session that is not handed out any more.

`model.sessions[0]` with `conversation.item.create(…)` and `response.create()` was the way to make a multimodal agent
speak; it is `session.generate_reply(…)` since 1.0. `openai.realtime.RealtimeModel` ignores names it does not know, so
old options are taken out rather than left without effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import libcst as cst

from lk_migrate.facts.among import called_so, foreign
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.prompts import prompts
from lk_migrate.facts.realtime import CREATE, RESPOND, raw_call, raw_sessions
from lk_migrate.facts.v0_names import REALTIME_MODELS, Kind
from lk_migrate.model import Action, Edition, Safety
from lk_migrate.rewrite.arguments import keyword, keyword_arg, without_keywords
from lk_migrate.rewrite.blocks import gap
from lk_migrate.rewrite.changes import Change, Note, Remove, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import Spot, fitting
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK260",
    Edition.V0,
    __doc__,
    triggers=(b"RealtimeModel", b".realtime", b".conversation.item", b".response.create"),
    since="1.0.0",
    safety=Safety.REVIEW,
)

_IGNORED = ("temperature", "input_audio_format", "output_audio_format", "loop")
_TURN = "openai.types.realtime.realtime_audio_input_turn_detection"
_OPTIONS = {
    "ServerVadOptions": (f"{_TURN}.ServerVad", "server_vad"),
    "SemanticVadOptions": (f"{_TURN}.SemanticVad", "semantic_vad"),
    "InputTranscriptionOptions": ("openai.types.realtime.AudioTranscription", ""),
}


@rule.on(cst.Call, among=foreign)
def model(call: cst.Call, file: File) -> Iterator[Change]:
    """The arguments of `openai.realtime.RealtimeModel(…)`."""
    name = file.full_name(call.func) or ""
    if not name.startswith("livekit.plugins.openai.") or name.replace(".with_azure", "") not in REALTIME_MODELS:
        return
    moved = file.project.fact(prompts).model_arguments
    gone = [keyword(a) for a in call.args if keyword(a) in _IGNORED]
    if gone:
        said = ", ".join(f"`{g}=`" for g in gone)
        yield Rewrite(
            call,
            lambda updated: without_keywords(updated, lambda a: keyword(a) in _IGNORED),
            f"the model ignores {said}",
            Action.REMOVED,
        )
    for arg in call.args:
        if keyword(arg) == "instructions" and arg not in moved:
            yield Todo(arg, "the model ignores `instructions=` now: move it to the Agent that talks through it.")
        elif keyword(arg) == "max_response_output_tokens":
            yield Todo(
                arg, "the model ignores `max_response_output_tokens=` here: call `model.update_options(…)` with it."
            )
    given = {keyword(a) for a in call.args}
    if "voice" not in given and not any(a.star for a in call.args):
        yield Note(call, 'The default voice is "marin" now; it was "alloy".')


@rule.on(cst.Call, among=foreign)
def options(call: cst.Call, file: File) -> Iterator[Change]:
    """`openai.realtime.ServerVadOptions(…)`: the OpenAI client's own classes."""
    name = file.full_name(call.func) or ""
    last = name.rpartition(".")[2]
    if not name.startswith("livekit.plugins.openai.realtime.") or last not in _OPTIONS:
        return
    target, kind = _OPTIONS[last]
    spelling = file.use(target)

    def apply(updated: cst.Call) -> cst.Call:
        args = list(updated.args)
        if kind:
            first = keyword_arg("type", cst.SimpleString(f'"{kind}"'))
            comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
            args = [first.with_changes(comma=comma), *args] if args else [first]
        return updated.with_changes(func=cst.parse_expression(spelling), args=args)

    yield Rewrite(call, apply, f"`{last}` is the OpenAI client's `{spelling}` now")


@rule.on(cst.Attribute, cst.Name, among=called_so(*_OPTIONS))
def option_types(node: cst.Attribute | cst.Name, file: File) -> Iterator[Change]:
    """`turn_detection: openai.realtime.ServerVadOptions` in an annotation."""
    last = node.attr.value if isinstance(node, cst.Attribute) else node.value
    if last not in _OPTIONS or file.enclosing(node, cst.Annotation) is None:
        return
    parent = file.parent(node)
    if isinstance(parent, cst.Attribute) or file.full_name(node) != f"livekit.plugins.openai.realtime.{last}":
        return
    spelling = file.use(_OPTIONS[last][0])
    yield Rewrite(node, lambda _: cst.parse_expression(spelling), f"`{last}` is the OpenAI client's `{spelling}` now")


@rule.on(cst.SimpleStatementLine)
def raw_session(line: cst.SimpleStatementLine, file: File) -> Iterator[Change]:
    """`session = model.sessions[0]`, and what is done with it, statement by statement."""
    found = file.project.fact(raw_sessions)
    gone = [small for small in line.body if small in found.aliases]
    if len(gone) == len(line.body):
        yield Replace(line, lambda _: gap(line.leading_lines), "the session itself takes its place", Action.REMOVED)
        return
    for small in gone:
        yield Remove(small, "the session itself takes its place")
    if _takes_raw_session(line, file):
        yield Todo(line, _NO_SESSION)
        return
    create = raw_call(file.project, file.module, line, CREATE)
    respond = raw_call(file.project, file.module, line, RESPOND)
    if create is not None:
        if not create.args or _next_response(line, file) is None:
            yield Todo(
                line,
                "`conversation` is gone; to add a message without a reply: "
                "`chat_ctx = agent.chat_ctx.copy()`, `chat_ctx.add_message(…)`, "
                "`await agent.update_chat_ctx(chat_ctx)`.",
            )
            return
        where = Spot("", file.module.span(line).column, 0)
        yield Rewrite(
            line, lambda updated: _reply_to(updated, where), "a message and a response are one `generate_reply`"
        )
    elif respond is not None:
        if not isinstance(line.body[-1], cst.Expr):
            yield Todo(line, "`generate_reply()` gives a handle, not a text: use an event to read what was said.")
        elif _previous_create(line, respond, file) is not None:
            yield Replace(line, lambda _: gap(line.leading_lines), "said by `generate_reply`", Action.REMOVED)
        else:
            yield Rewrite(line, _plain_reply, "a response is a `generate_reply`")


@rule.on(cst.Attribute, among=called_so("sessions"))
def sessions_of_a_model(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`model.sessions[0].response.cancel()`, without a variable for the session."""
    line = file.statement(node)
    if node.attr.value != "sessions" or file.enclosing(node, cst.Assign) in file.project.fact(raw_sessions).aliases:
        return
    if Kind.REALTIME_SESSIONS in file.project.fact(holdings).kinds(file.module, node):
        yield Todo(line, _NO_SESSION)


_NO_SESSION = (
    "a realtime model hands out no session of its own to talk through: run it in an `AgentSession(llm=model)`, and use "
    "`session.generate_reply(…)` and the session's events."
)


@rule.on(cst.Attribute, among=called_so(CREATE[0], RESPOND[0]))
def raw_use(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`self.session.conversation` of a raw session whose place no AgentSession takes."""
    owner = node.value
    if node.attr.value not in (CREATE[0], RESPOND[0]) or not isinstance(owner, (cst.Name, cst.Attribute)):
        return
    if not file.project.fact(holdings).has(file.module, owner, Kind.REALTIME_SESSION):
        return
    if not (isinstance(owner, cst.Name) and file.project.fact(raw_sessions).is_session(file.module, owner)):
        yield Todo(
            node,
            f"`{node.attr.value}` of a raw session is gone: an `AgentSession` says it with "
            "`generate_reply(user_input=…)` or `generate_reply(instructions=…)`, and tells the answer in an event.",
        )


def _takes_raw_session(line: cst.SimpleStatementLine, file: File) -> bool:
    """`self.session = model.create_session()` where no AgentSession takes its place."""
    small = line.body[0] if len(line.body) == 1 else None
    return (
        isinstance(small, cst.Assign)
        and isinstance(small.value, (cst.Call, cst.Subscript))
        and Kind.REALTIME_SESSION in file.project.fact(holdings).kinds(file.module, small.value)
    )


def _siblings(line: cst.CSTNode, file: File) -> tuple[list[cst.CSTNode], int]:
    block = file.parent(line)
    body = list(getattr(block, "body", ()))
    return body, body.index(line)


def _next_response(line: cst.CSTNode, file: File) -> cst.Call | None:
    """The `response.create()` that answers what the line adds: it follows, or follows the `if` whose branches all end
    so."""
    body, at = _siblings(line, file)
    for other in body[at + 1 : at + 4]:
        if raw_call(file.project, file.module, other, CREATE) is not None:
            return None
        found = raw_call(file.project, file.module, other, RESPOND)
        if found is not None and isinstance(other, cst.SimpleStatementLine) and isinstance(other.body[0], cst.Expr):
            return found
    choice = None if body[at + 1 :] else _choice(line, file)
    return _next_response(choice, file) if choice is not None and _creates(choice, file) else None


def _choice(line: cst.CSTNode, file: File) -> cst.If | None:
    """The whole `if` in a branch of which the statement stands."""
    _, *around = file.module.index.ancestors(line)
    for owner, above in pairwise(around):
        if isinstance(owner, cst.If) and not isinstance(above, cst.If):  # (an `elif` stands in the `if`)
            return owner
        if not isinstance(owner, (cst.If, cst.Else)):
            break
    return None


def _previous_create(line: cst.SimpleStatementLine, respond: cst.Call, file: File) -> cst.CSTNode | None:
    body, at = _siblings(line, file)
    for other in reversed(body[max(0, at - 3) : at]):
        if _creates(other, file):
            return other if _next_response(other, file) is respond else None
    return None


def _creates(node: cst.CSTNode, file: File) -> bool:
    """Whether it ends by adding a message, in whatever branch it is left."""
    if isinstance(node, cst.If):
        *_, last = node.body.body
        return node.orelse is not None and _creates(last, file) and _creates(node.orelse, file)
    if isinstance(node, cst.Else):
        *_, last = node.body.body
        return _creates(last, file)
    create = raw_call(file.project, file.module, node, CREATE)
    return create is not None and bool(create.args)


def _call_of(line: cst.SimpleStatementLine) -> cst.Call:
    small = line.body[0]
    assert isinstance(small, cst.Expr)
    value = small.value.expression if isinstance(small.value, cst.Await) else small.value
    assert isinstance(value, cst.Call)
    return value


def _plain_reply(updated: cst.SimpleStatementLine) -> cst.SimpleStatementLine:
    call = _call_of(updated)
    assert isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Attribute)
    func = cst.Attribute(call.func.value.value, cst.Name("generate_reply"))
    return updated.with_changes(body=[cst.Expr(cst.Call(func))])


def _reply_to(updated: cst.SimpleStatementLine, where: Spot) -> cst.SimpleStatementLine:
    call = _call_of(updated)
    func = call.func
    assert isinstance(func, cst.Attribute) and isinstance(func.value, cst.Attribute)
    assert isinstance(func.value.value, cst.Attribute)
    session = func.value.value.value
    message = call.args[0].value
    name, value = "user_input", message
    if isinstance(message, cst.Call):
        given = {keyword(a): a.value for a in message.args}
        content = given.get("content") or given.get("text")
        role = given.get("role")
        if content is not None:
            if isinstance(content, cst.List) and len(content.elements) == 1:
                content = content.elements[0].value
            value = content
            if text_of(role) != "user":
                name = "instructions"
    reply = cst.Call(cst.Attribute(session, cst.Name("generate_reply")), [keyword_arg(name, value)])
    return updated.with_changes(body=[cst.Expr(fitting(lambda call: call, reply, where))])

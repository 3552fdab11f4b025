"""`rtc.ChatManager` is now the session's text input.

Chat went from data packets to text streams (topic `lk.chat`) in livekit 0.20, and the class went with it. A session
listens to that topic by itself; a handler of one's own is `RoomOptions(text_input=TextInputOptions(text_input_cb=…))`.
A client without a session reads the streams of its room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

from lk_migrate.facts.chat import ChatHandler, chat_managers, is_kept, is_plain_send
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.walk import find
from lk_migrate.model import Action, Edition, Safety
from lk_migrate.rewrite.blocks import gap
from lk_migrate.rewrite.changes import Change, Note, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule


def paths(project: Project) -> frozenset[str]:
    """All files when one of them names the class: its objects are followed into others."""
    return frozenset(project.files if project.paths_with([b"ChatManager"]) else ())


rule = Rule(
    "LK250",
    Edition.V0,
    __doc__,
    triggers=(b"ChatManager", b"send_message"),
    since="1.0.0",
    safety=Safety.REVIEW,
    paths=paths,
)

_GONE = (
    "`ChatManager` is gone: a session answers `lk.chat` text by itself; for anything else use "
    '`RoomOptions(text_input=…)` and `room.local_participant.send_text(text, topic="lk.chat")`.'
)


@rule.on(cst.SimpleStatementLine)
def manager(line: cst.SimpleStatementLine, file: File) -> Iterator[Change]:
    """`chat = rtc.ChatManager(ctx.room)`."""
    known = file.project.fact(chat_managers)
    if line in known.created:
        if known.is_settled(line):
            yield Replace(line, lambda _: gap(line.leading_lines), "session or room listen themselves", Action.REMOVED)
        else:
            yield Todo(line, _GONE)


@rule.on(cst.Call)
def elsewhere(call: cst.Call, file: File) -> Iterator[Change]:
    """`self.chat = rtc.ChatManager(ctx.room)`, `answer(rtc.ChatManager(room))`."""
    if file.statement(call) in file.project.fact(chat_managers).created:
        return
    if file.full_name(call.func) == "livekit.rtc.ChatManager":
        yield Todo(call, _GONE)


@rule.on(cst.FunctionDef)
def handler(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """`@chat.on("message_received")`: the callback of the text input."""
    known = file.project.fact(chat_managers)
    found = known.handlers.get(node)
    if found is None:
        return
    if node in known.taken:
        session = file.use("livekit.agents.AgentSession")
        event = f"{file.use('livekit.agents.room_io')}.TextInputEvent"
        yield Rewrite(
            node, lambda updated: _callback(updated, node, found.decorator, session, event), "a text input callback"
        )
        yield from _reads(node, found, "a text input has no `{}`: it has `text`, `participant`, `info`.", file)
    elif node in known.plain:
        yield Rewrite(node, _stream_handler(node, found, file), "a handler of text streams")
        yield from _reads(node, found, "a text has no `{}`: the stream has `reader.info`, and the identity.", file)
    else:
        yield Todo(
            node,
            "no session that is started here takes this handler: give it to the one that is, as "
            "`RoomOptions(text_input=room_io.TextInputOptions(text_input_cb=…))`; it gets `(session, event)`, and "
            "the text is `event.text`.",
        )
        return
    yield Note(node, "Clients must send text streams on the topic `lk.chat` (the current components do).")


def _reads(node: cst.FunctionDef, found: ChatHandler, unknown: str, file: File) -> Iterator[Change]:
    """What the handler reads of the message."""
    streams = node in file.project.fact(chat_managers).plain
    for attribute in find(node.body, cst.Attribute):
        if isinstance(attribute.value, cst.Name) and attribute.value.value == found.message:
            if attribute.attr.value == "message" and streams:
                yield Replace(attribute, lambda updated: updated.value, "it is the text itself now")
            elif attribute.attr.value == "message":
                yield Rewrite(
                    attribute, lambda updated: updated.with_changes(attr=cst.Name("text")), "it is `text` now"
                )
            elif attribute.attr.value != "participant" or streams:
                yield Todo(attribute, unknown.format(attribute.attr.value))


def _stream_handler(
    node: cst.FunctionDef, found: ChatHandler, file: File
) -> Callable[[cst.FunctionDef], cst.FlattenSentinel[cst.BaseStatement]]:
    """The handler as a function of the text, one that reads it from a stream, and its registration with the room."""
    decorator = cst.ensure_type(found.decorator.decorator, cst.Call)
    manager = cst.ensure_type(decorator.func, cst.Attribute).value
    room = file.project.fact(chat_managers).room_of(file.project, file.module, manager)
    name = node.name.value
    reader = f"read_{name.lstrip('_')}"
    told = f"{'await ' if node.asynchronous is not None else ''}{name}(await reader.read_all())"
    task = f"{file.use('asyncio')}.create_task"
    stream = f"{file.use('livekit.rtc')}.TextStreamReader"
    source = (
        f"async def {reader}(reader: {stream}) -> None:\n    {told}\n",
        f"def {name}_stream(reader: {stream}, participant_identity: str) -> None:\n    {task}({reader}(reader))\n",
        f'{room}.register_text_stream_handler("lk.chat", {name}_stream)\n',
    )
    blank = [cst.EmptyLine(indent=False)]
    more = [
        cst.parse_statement(text, config=file.module.tree.config_for_parsing).with_changes(leading_lines=blank)
        for text in source
    ]

    def apply(updated: cst.FunctionDef) -> cst.FlattenSentinel[cst.BaseStatement]:
        first = updated.params.params[0].with_changes(annotation=cst.Annotation(cst.Name("str")))
        params = updated.params.with_changes(params=[first, *updated.params.params[1:]])
        return cst.FlattenSentinel([_undecorated(updated, node, found.decorator).with_changes(params=params), *more])

    return apply


def _callback(
    updated: cst.FunctionDef, original: cst.FunctionDef, decorator: cst.Decorator, session: str, event: str
) -> cst.FunctionDef:
    params = list(updated.params.params)
    own = cst.Param(
        cst.Name("_session"),
        annotation=cst.Annotation(cst.parse_expression(session)),
        comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")),
    )
    first = params[0].with_changes(annotation=cst.Annotation(cst.parse_expression(event)))
    changed = updated.params.with_changes(params=[own, first, *params[1:]])
    return _undecorated(updated, original, decorator).with_changes(params=changed)


def _undecorated(updated: cst.FunctionDef, original: cst.FunctionDef, decorator: cst.Decorator) -> cst.FunctionDef:
    kept = [d for before, d in zip(original.decorators, updated.decorators, strict=True) if before is not decorator]
    lines = updated.leading_lines
    if not kept and not lines:
        lines = decorator.leading_lines
    return updated.with_changes(decorators=kept, leading_lines=lines)


@rule.on(cst.Call)
def send(call: cst.Call, file: File) -> Iterator[Change]:
    """`chat.send_message(text)`."""
    func = call.func
    if not (isinstance(func, cst.Attribute) and func.attr.value == "send_message"):
        return
    if not file.project.fact(holdings).has(file.module, func.value, Kind.CHAT_MANAGER):
        return
    room = file.project.fact(chat_managers).room_of(file.project, file.module, func.value)
    if is_kept(file.module, call):
        yield Todo(
            call,
            "what is sent as text is no message any more that could be changed afterwards: send it whole with `await "
            'room.local_participant.send_text(text, topic="lk.chat")`, or piece by piece through `stream_text`.',
        )
        return
    if not room or not is_plain_send(file.module, call):
        yield Todo(call, 'send it with `await room.local_participant.send_text(text, topic="lk.chat")`.')
        return
    text = f"{room}.local_participant.send_text"

    def apply(updated: cst.Call) -> cst.Call:
        first = updated.args[0].with_changes(
            keyword=None,
            equal=cst.MaybeSentinel.DEFAULT,
            comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")),
        )
        topic = cst.parse_expression('f(topic="lk.chat")')
        assert isinstance(topic, cst.Call)
        return updated.with_changes(func=cst.parse_expression(text), args=[first, topic.args[0]])

    yield Rewrite(call, apply, "chat is sent as a text stream")

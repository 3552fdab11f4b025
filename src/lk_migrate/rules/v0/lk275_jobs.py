"""Odds and ends of jobs: `reject()` of a request, what a participant's maps are called.

`JobRequest.reject()` ends the job since 1.0; `terminate=False` lets another worker take it, as 0.x did. Rooms call
their maps `remote_participants` and `track_publications` since livekit 0.10, and `JobRequest.accept()` takes no
entrypoint any more: that is the server's, and asks for the connection itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

from lk_migrate.facts.accepts import settled_accepts
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.instances import instance_of
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.variables import binding_of
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import keyword, keyword_arg, of_call, to_call
from lk_migrate.rewrite.bodies import insert_first, statement
from lk_migrate.rewrite.changes import Change, Note, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK275", Edition.V0, __doc__, triggers=(b"JobRequest", b".participants"), since="1.0.0")


@rule.on(cst.Call)
def reject(call: cst.Call, file: File) -> Iterator[Change]:
    """`await req.reject()`; `await req.accept(entrypoint)` of 0.7."""
    func = call.func
    if not isinstance(func, cst.Attribute) or func.attr.value not in ("reject", "accept"):
        return
    if not _is_request(func.value, file):
        return
    if func.attr.value == "reject" and not call.args:
        yield Rewrite(
            call,
            lambda updated: updated.with_changes(args=[keyword_arg("terminate", cst.Name("False"))]),
            "another worker may take the job, as in 0.x",
        )
    elif func.attr.value == "accept" and call.args and call.args[0].keyword is None:
        entry = file.code(call.args[0].value)
        if call in settled_accepts(file.module):
            yield Rewrite(call, _without_entrypoint, f"`{entry}` is given to the server (LK340)")
        elif file.resolve(call.args[0].value) is not None and isinstance(
            getattr(file.resolve(call.args[0].value), "node", None), cst.FunctionDef
        ):
            yield Todo(
                call,
                f"`accept` takes no entrypoint: call `accept()`, and give `{entry}` to the server: "
                f"`@server.rtc_session(on_request={_function(call, file)})` on it.",
            )


def _without_entrypoint(updated: cst.Call) -> cst.Call:
    brackets = of_call(updated).without(0)
    at = next((i for i, arg in enumerate(brackets.items) if keyword(arg) == "auto_subscribe"), None)
    return to_call(updated, brackets.without(at) if at is not None else brackets)


@rule.on(cst.FunctionDef)
def connected(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """The entrypoint of 0.7 was called once its job had connected to the room; now it connects by itself."""
    found = next((a for a in settled_accepts(file.module).values() if a.function is node), None)
    if found is None or not node.params.params or node.asynchronous is None:
        return
    job = node.params.params[0].name.value
    if any(dotted(call.func) == f"{job}.connect" for call in find(node.body, cst.Call)):
        return
    subscribe = f"auto_subscribe={file.code(found.subscribe.value)}" if found.subscribe is not None else ""
    line = statement(f"await {job}.connect({subscribe})")
    yield Rewrite(node, lambda updated: insert_first(updated, [line]), "a job connects when its entrypoint asks for it")


def _function(call: cst.Call, file: File) -> str:
    function = file.enclosing(call, cst.FunctionDef)
    return function.name.value if function is not None else "…"


def _is_request(node: cst.BaseExpression, file: File) -> bool:
    if not isinstance(node, cst.Name):
        return False
    function = file.enclosing(node, cst.FunctionDef)
    for param in function.params.params if function is not None else ():
        if param.name.value == node.value and param.annotation is not None:
            return (file.full_name(param.annotation.annotation) or "").rpartition(".")[2] == "JobRequest"
    return False


@rule.on(cst.Attribute)
def maps(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`ctx.room.participants` → `ctx.room.remote_participants`, and the `tracks` of each that a loop takes from it."""
    if node.attr.value == "participants" and _is_room(node.value, file):
        yield Rewrite(node, _renamed("remote_participants"), "a room's others are its `remote_participants`")
    elif node.attr.value == "tracks" and _is_participant(node.value, file):
        yield Rewrite(node, _renamed("track_publications"), "a participant's tracks are its `track_publications`")


@rule.on(cst.Call)
def asked_for(call: cst.Call, file: File) -> Iterator[Change]:
    """`if hasattr(ctx.room, "participants"):` around them asks for the name that there is."""
    if dotted(call.func) != "hasattr" or len(call.args) != 2:
        return
    name = call.args[1].value
    if not isinstance(name, cst.SimpleString) or text_of(name) != "participants":
        return
    if _is_room(call.args[0].value, file):
        text = name.value.replace("participants", "remote_participants")
        yield Rewrite(name, lambda updated: updated.with_changes(value=text), "asks for what there is")
        yield Note(call, "`hasattr` was False here since livekit 0.10, and what it guards never ran: it does now.")


def _renamed(name: str) -> Callable[[cst.Attribute], cst.Attribute]:
    return lambda updated: updated.with_changes(attr=cst.Name(name))


def _is_room(node: cst.BaseExpression, file: File) -> bool:
    """`ctx.room` of a job, or a parameter `room: rtc.Room`."""
    if isinstance(node, cst.Attribute):
        job = node.value
        known = file.project.fact(holdings).has(file.module, job, Kind.JOB)
        return node.attr.value == "room" and (known or instance_of(file.project, file.module, job) == "JobContext")
    binding = binding_of(file.module, node) if isinstance(node, cst.Name) else None
    if binding is None or not isinstance(binding.owner, cst.FunctionDef):
        return False
    for param in find(binding.owner.params, cst.Param):
        if param.name.value == binding.name and param.annotation is not None:
            return file.full_name(param.annotation.annotation) in ("livekit.rtc.Room", "livekit.rtc.room.Room")
    return False


def _is_participant(node: cst.BaseExpression, file: File) -> bool:
    """`p` of `for _, p in room.participants.items()`, `for p in room.participants.values()`."""
    if not isinstance(node, cst.Name):
        return False
    for loop in (*file.module.index.of(cst.For), *file.module.index.of(cst.CompFor)):
        over = loop.iter.func if isinstance(loop.iter, cst.Call) else None
        if not isinstance(over, cst.Attribute) or not isinstance(over.value, cst.Attribute):
            continue
        target = loop.target
        if over.attr.value == "items" and isinstance(target, cst.Tuple) and len(target.elements) == 2:
            target = target.elements[1].value
        if isinstance(target, cst.Name) and binding_of(file.module, target) == binding_of(file.module, node):
            return over.value.attr.value == "participants" and _is_room(over.value.value, file)
    return False

"""`RoomInputOptions` and `RoomOutputOptions` become one `room_io.RoomOptions`.

Both warn on the `livekit.agents` logger since 1.3.1, at `session.start(room=…)` or `RoomIO(…)`, and are ignored
when `room_options=` is given too. Options written at the call are merged; options held in variables, constants or
other files become `RoomOptions` where they are built, and two such objects are joined with `dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.facts.framework import agents_name, callee
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.instances import instance_of
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import find_keyword, keyword, keyword_arg, of_call, to_call
from lk_migrate.rewrite.changes import Change, Note, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import Spot, entries_of, fitting, spot
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v1.room_dicts import unconverted
from lk_migrate.rules.v1.room_fields import FIELDS, lost_fields, unknown_fields
from lk_migrate.rules.v1.room_joining import Joining, entries_to_room, merged, room_options
from lk_migrate.rules.v1.room_values import (
    DEFAULTS,
    ROOM_IO,
    START,
    Keywords,
    convertible,
    is_held,
    is_nothing,
    may_be_none,
    old_class,
)

_TRIGGERS = (b"RoomInputOptions", b"RoomOutputOptions", b"room_input_options", b"room_output_options", b"DEFAULT_ROOM_")
rule = Rule("LK305", Edition.V1, __doc__, triggers=_TRIGGERS, since="1.3.1", across_files=True)


def room_io(file: File) -> str:
    """How `livekit.agents.room_io` is spelled in this file."""
    for item in file.module.imports:
        known = item.target in ("livekit.agents.room_io", "livekit.agents.voice.room_io")
        if known and item.local != "*" and isinstance(item.scope, cst.Module):
            return item.local
    return file.use("livekit.agents.room_io")


@rule.on(cst.Call)
def construction(call: cst.Call, file: File) -> Iterator[Change]:
    """`RoomInputOptions(noise_cancellation=…)` → `room_io.RoomOptions(audio_input=…)`, wherever it stands."""
    name = old_class(file.project, file.module, call)
    if name is None:
        return
    if not convertible(call):
        yield Todo(call, f"Write the fields of `{name}` out as keywords, or build a `room_io.RoomOptions` here.")
        return
    holder = _consumer_of(call, file)
    if (holder is None and file.project.fact(unconverted)) or (holder is not None and _reason(holder, file)):
        return
    keys = [keyword(a) for a in call.args]
    invented, lost = unknown_fields(name, keys), lost_fields(name, entries_of(call, lambda _: False))
    if invented:
        said = ", ".join(f"`{keyword(a)}={file.code(a.value)}`" for a in call.args if keyword(a) in invented)
        yield Todo(call, f"{name} never had {said} (a TypeError so far): taken out; see `room_io.RoomOptions`.")
    if lost:
        yield Note(call, f"{', '.join(lost)} had no effect beside a switch that is False, and is left out.")
    local, where = room_io(file), spot(file, call)
    yield Rewrite(
        call,
        lambda updated: _built(name, updated, local, where),
        f"`{name}` is now `room_io.RoomOptions`",
        without=tuple(a for a in call.args if keyword(a) in invented),
    )


def _built(name: str, updated: cst.Call, local: str, where: Spot) -> cst.BaseExpression:
    """The new call; one without arguments keeps what stands between its brackets, options that are commented out."""
    if updated.args:
        return room_options(entries_to_room(name, updated, local), local, where)
    return updated.with_changes(func=cst.parse_expression(f"{local}.RoomOptions"))


@rule.on(cst.Call)
def consumer(call: cst.Call, file: File) -> Iterator[Change]:
    """`session.start(room_input_options=…, room_output_options=…)`, `RoomIO(input_options=…)`."""
    keys = _keywords(call, file)
    if keys is None:
        return
    reason = _reason(call, file)
    if reason is not None:
        yield Todo(call, reason)
        return
    new = keys.new
    given = [a for a in call.args if keyword(a) in keys.old]
    said = ", ".join(f"`{keyword(a)}=`" for a in given)
    if all(is_nothing(a.value) for a in given):
        yield Rewrite(call, lambda updated: _without(updated, *keys.old), f"{said} without a value dropped")
        return
    local = room_io(file)
    optional = frozenset(keyword(a) for a in given if may_be_none(a.value, call, file))
    needs_replace = len(given) == 2 and any(keyword(a) == keys.source and is_held(a.value, file) for a in given)
    replace = file.use("dataclasses.replace") if needs_replace else ""
    how = Joining(keys, local, replace, optional)
    where = spot(file, call)
    yield Rewrite(
        call,
        lambda updated: fitting(lambda c: _merged(c, how, where.indentation), updated, where),
        f"{said} is now `{new}=`",
    )


def _reason(call: cst.Call, file: File) -> str | None:
    """Why a consumer is left to a person, None if it can be rewritten."""
    keys = _keywords(call, file)
    if keys is None:
        return None
    new = keys.new
    given = [a for a in call.args if keyword(a) in keys.old]
    said = ", ".join(f"`{keyword(a)}=`" for a in given)
    if find_keyword(call, new) is not None:
        return f"{said} has no effect beside `{new}=`: add what is wanted of it there, and delete it here."
    direct = [a.value for a in given if old_class(file.project, file.module, a.value) is not None]
    broken = file.project.fact(unconverted)
    from_afar = len(direct) < len(given) or any(a.star == "**" for a in call.args)
    if any(isinstance(v, cst.Call) and not convertible(v) for v in direct) or (broken and from_afar):
        return f"{said}: pass `{new}=room_io.RoomOptions(...)` once the options ({', '.join(broken)}) are rewritten."
    return None


def _consumer_of(node: cst.Call, file: File) -> cst.Call | None:
    """The `start(…)` or `RoomIO(…)` whose old keyword has `node` as its value."""
    arg = file.parent(node)
    call = file.parent(arg) if isinstance(arg, cst.Arg) else None
    if not isinstance(call, cst.Call) or not isinstance(arg, cst.Arg):
        return None
    keys = _keywords(call, file)
    return call if keys is not None and keyword(arg) in keys.old else None


def _keywords(call: cst.Call, file: File) -> Keywords | None:
    names = {keyword(a) for a in call.args}
    if names & set(START.old):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "start":
            return None if _has_own_start(call, file) else START
    elif names & set(ROOM_IO.old) and agents_name(file.project, file.module, callee(call)) == "RoomIO":
        return ROOM_IO
    return None


def _has_own_start(call: cst.Call, file: File) -> bool:
    """Whether `.start(…)` may be a method of the project's own that takes these keywords itself."""
    assert isinstance(call.func, cst.Attribute)
    if instance_of(file.project, file.module, call.func.value) == "AgentSession":
        return False
    return any(
        f.name.value == "start" and any(p.name.value in START for p in (*f.params.params, *f.params.kwonly_params))
        for f in file.module.index.of(cst.FunctionDef)
    )


def _merged(call: cst.Call, how: Joining, indentation: int) -> cst.Call:
    new = how.keywords.new
    return to_call(call, merged(of_call(call), keyword, lambda v: keyword_arg(new, v), how, indentation))


def _without(call: cst.Call, *names: str) -> cst.Call:
    brackets = of_call(call)
    for i in reversed(range(len(brackets.items))):
        if keyword(brackets.items[i]) in names:
            brackets = brackets.without_but_comments(i)
    return to_call(call, brackets)


@rule.on(cst.Name, cst.Attribute, among=called_so(*FIELDS, *DEFAULTS))
def mention(node: cst.Name | cst.Attribute, file: File) -> Iterator[Change]:
    """The class in an annotation or an `isinstance`, and the constants that are gone."""
    text = dotted(node) or ""
    last = file.module.last_names.get(text, text.rpartition(".")[2])
    if last not in FIELDS and last not in DEFAULTS:
        return
    parent = file.parent(node)
    if isinstance(parent, (cst.ImportAlias, cst.Attribute)) or (isinstance(parent, cst.Call) and parent.func is node):
        return
    if file.enclosing(node, cst.ImportFrom) is not None or agents_name(file.project, file.module, node) != last:
        return
    if isinstance(parent, cst.Arg) and parent.keyword is node:
        return
    if isinstance(parent, (cst.ClassDef, cst.FunctionDef)) and parent.name is node:
        return
    if last in FIELDS and file.project.fact(unconverted):
        return
    new = f"{room_io(file)}.RoomOptions" + ("()" if last in DEFAULTS else "")
    yield Replace(node, lambda _: cst.parse_expression(new), f"`{last}` is now `{new}`")

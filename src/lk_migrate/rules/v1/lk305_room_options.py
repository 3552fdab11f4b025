"""`RoomInputOptions` and `RoomOutputOptions` become one `room_io.RoomOptions`.

Both warn on the `livekit.agents` logger since 1.3.1, at `session.start(room=…)` or `RoomIO(…)`, and are ignored
when `room_options=` is given too. Options written at the call are merged; options held in variables, constants or
other files become `RoomOptions` where they are built, and two such objects are joined with `dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so, with_keyword
from lk_migrate.facts.framework import agents_name, callee
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.instances import instance_of
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import Brackets, find_keyword, keyword, keyword_arg, of_call, to_call
from lk_migrate.rewrite.changes import Change, Note, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import Entry, Spot, code, condition, entries_of, expression, fitting, spot
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v1.room_fields import FIELDS, ORDER, lost_fields, room_entries, unknown_fields

_TRIGGERS = (b"RoomInputOptions", b"RoomOutputOptions", b"room_input_options", b"room_output_options", b"DEFAULT_ROOM_")
rule = Rule("LK305", Edition.V1, __doc__, triggers=_TRIGGERS, since="1.3.1", across_files=True)

#: (input keyword, output keyword, new keyword) of the two consumers
_HELD = ("room_input_options", "room_output_options")
_START = (*_HELD, "room_options")
_ROOM_IO = ("input_options", "output_options", "options")
_DEFAULTS = ("DEFAULT_ROOM_INPUT_OPTIONS", "DEFAULT_ROOM_OUTPUT_OPTIONS")


def room_io(file: File) -> str:
    """How `livekit.agents.room_io` is spelled in this file."""
    for item in file.module.imports:
        known = item.target in ("livekit.agents.room_io", "livekit.agents.voice.room_io")
        if known and item.local != "*" and isinstance(item.scope, cst.Module):
            return item.local
    return file.use("livekit.agents.room_io")


def old_class(project: Project, module: Module, node: cst.CSTNode) -> str | None:
    """`RoomInputOptions` or `RoomOutputOptions` if `node` is a call that builds one."""
    if not isinstance(node, cst.Call):
        return None
    name = agents_name(project, module, callee(node))
    return name if name in FIELDS else None


def convertible(call: cst.Call) -> bool:
    """Whether every field is written out as a keyword."""
    return all(keyword(a) for a in call.args)


def unconverted(project: Project) -> list[str]:
    """Places that keep options of old from being rewritten wherever they are held: `opts.py:12`.

    Such are constructions with `**fields`, and dicts that bring both old keywords to a call (or one of them to a
    call that has the other).
    """
    found: list[str] = []
    spelled: dict[str, list[str]] = {}
    beside: list[str] = []
    for path, data in sorted(project.files.items()):
        if not any(name in data for name in _TRIGGERS):
            continue
        module = project.module(path)
        if module is None:
            continue
        for call in module.index.of(cst.Call):
            if old_class(project, module, call) is not None and not convertible(call):
                found.append(_spot(module, call))
            names = {keyword(a) for a in call.args}.intersection(_HELD)
            if names and any(a.star == "**" for a in call.args):
                beside.append(_spot(module, call))
            if names and _is_dict_call(call):
                for name in names:
                    spelled.setdefault(name, []).append(_spot(module, call))
        for name in _HELD:
            keys = [text for text in module.strings.get(name, ()) if _is_key(text, module)]
            if keys:
                spelled.setdefault(name, []).extend(_spot(module, text) for text in keys)
    if len(spelled) == 2 or (spelled and beside):
        found += [p for places in spelled.values() for p in places]
    return found


def _spot(module: Module, node: cst.CSTNode) -> str:
    return f"{module.path}:{module.span(node).line}"


def _is_dict_call(call: cst.Call) -> bool:
    """`dict(…)` or `d.update(…)`."""
    return dotted(call.func) == "dict" or (isinstance(call.func, cst.Attribute) and call.func.attr.value == "update")


def _is_key(text: cst.SimpleString, module: Module) -> bool:
    """Whether a string is the key of a dict: in a display, a subscript, `get`, `pop`, `setdefault`, or `in`."""
    parent = module.index.parents.get(text)
    if isinstance(parent, cst.DictElement):
        return parent.key is text
    if isinstance(parent, cst.Arg):
        call = module.index.parents.get(parent)
        method = call.func.attr.value if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) else ""
        return method in ("get", "pop", "setdefault")
    if isinstance(parent, cst.Comparison):
        return parent.left is text
    return isinstance(parent, cst.Index)


@rule.on(cst.SimpleString)
def dict_key(text: cst.SimpleString, file: File) -> Iterator[Change]:
    """`start_kwargs["room_input_options"] = …`."""
    if text.raw_value not in _HELD or not _is_key(text, file.module):
        return
    old = str(string_value(text))
    if file.project.fact(unconverted):
        yield Todo(text, f"`{old}`: put both kinds of options into one `room_io.RoomOptions` under `room_options`.")
        return
    yield Rewrite(
        text,
        lambda updated: updated.with_changes(value=updated.value.replace(old, "room_options")),
        f"the key `{old}` is now `room_options`",
    )


@rule.on(cst.Call, among=with_keyword(*_HELD))
def dict_keyword(call: cst.Call, file: File) -> Iterator[Change]:
    """`dict(room_input_options=…)`, `start_kwargs.update(room_input_options=…)`."""
    if not _is_dict_call(call) or file.project.fact(unconverted):
        return
    for arg in call.args:
        if keyword(arg) in _HELD:
            yield Rewrite(
                arg,
                lambda updated: updated.with_changes(keyword=cst.Name("room_options")),
                f"the key `{keyword(arg)}` is now `room_options`",
            )


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
    invented, lost = unknown_fields(name, keys), lost_fields(name, entries_of(call, _never))
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
        return _room_options(entries_to_room(name, updated, local), local, where)
    return updated.with_changes(func=cst.parse_expression(f"{local}.RoomOptions"))


def entries_to_room(name: str, call: cst.Call, local: str) -> tuple[Entry, ...]:
    return room_entries(name, entries_of(call, _never), local)


def _never(call: cst.Call) -> bool:
    return False


def _room_options(entries: tuple[Entry, ...], local: str, where: Spot) -> cst.BaseExpression:
    order = sorted(entries, key=lambda e: ORDER.index(e.key))
    entry = Entry("", entries=tuple(order), call=f"{local}.RoomOptions")
    return expression(entry, where.pad, where.indentation, where.prefix)


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
    old_input, old_output, new = keys
    given = [a for a in call.args if keyword(a) in (old_input, old_output)]
    said = ", ".join(f"`{keyword(a)}=`" for a in given)
    if all(_is_nothing(a.value) for a in given):
        yield Rewrite(call, lambda updated: _without(updated, old_input, old_output), f"{said} without a value dropped")
        return
    local = room_io(file)
    optional = {keyword(a) for a in given if _may_be_none(a.value, call, file)}
    needs_replace = len(given) == 2 and any(keyword(a) == old_input and _is_held(a.value, file) for a in given)
    replace = file.use("dataclasses.replace") if needs_replace else ""
    where = spot(file, call)
    yield Rewrite(
        call,
        lambda updated: fitting(
            lambda c: _merged(c, keys, local, replace, optional, where.indentation), updated, where
        ),
        f"{said} is now `{new}=`",
    )


def _reason(call: cst.Call, file: File) -> str | None:
    """Why a consumer is left to a person, None if it can be rewritten."""
    keys = _keywords(call, file)
    if keys is None:
        return None
    old_input, old_output, new = keys
    given = [a for a in call.args if keyword(a) in (old_input, old_output)]
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
    return call if keys is not None and keyword(arg) in keys[:2] else None


def _is_held(value: cst.BaseExpression, file: File) -> bool:
    """Whether the options are an object from elsewhere, and not written out here."""
    if agents_name(file.project, file.module, value) in _DEFAULTS or _is_nothing(value):
        return False
    return old_class(file.project, file.module, value) is None


def _keywords(call: cst.Call, file: File) -> tuple[str, str, str] | None:
    names = {keyword(a) for a in call.args}
    if names & set(_HELD):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "start":
            return None if _has_own_start(call, file) else _START
    elif names & set(_ROOM_IO[:2]) and agents_name(file.project, file.module, callee(call)) == "RoomIO":
        return _ROOM_IO
    return None


def _has_own_start(call: cst.Call, file: File) -> bool:
    """Whether `.start(…)` may be a method of the project's own that takes these keywords itself."""
    assert isinstance(call.func, cst.Attribute)
    if instance_of(file.project, file.module, call.func.value) == "AgentSession":
        return False
    return any(
        f.name.value == "start" and any(p.name.value in _START for p in (*f.params.params, *f.params.kwonly_params))
        for f in file.module.index.of(cst.FunctionDef)
    )


def _is_nothing(value: cst.BaseExpression) -> bool:
    return (dotted(value) or "").rpartition(".")[2] in ("None", "NOT_GIVEN")


def _may_be_none(value: cst.BaseExpression, call: cst.Call, file: File) -> bool:
    """Whether the options may be `None` or `NOT_GIVEN`, which is as false."""
    if isinstance(value, cst.IfExp):
        return any(_is_nothing(v) for v in (value.body, value.orelse))
    function = file.enclosing(call, cst.FunctionDef)
    if not isinstance(value, cst.Name) or function is None:
        return False
    for param in (*function.params.params, *function.params.kwonly_params):
        if param.name.value == value.value:
            return param.default is not None and _is_nothing(param.default)
    for node in file.module.index.of(cst.Assign):
        if any(dotted(t.target) == value.value for t in node.targets) and (
            _is_nothing(node.value) or (isinstance(node.value, cst.IfExp) and _may_be_none(node.value, call, file))
        ):
            return True
    return False


def _without(call: cst.Call, *names: str) -> cst.Call:
    brackets = of_call(call)
    for i in reversed(range(len(brackets.items))):
        if keyword(brackets.items[i]) in names:
            brackets = brackets.without_but_comments(i)
    return to_call(call, brackets)


def _merged(
    call: cst.Call, keys: tuple[str, str, str], local: str, replace: str, optional: set[str], indentation: int
) -> cst.Call:
    old_input, old_output, new = keys
    brackets = of_call(call)
    at = {keyword(a): i for i, a in enumerate(brackets.items) if keyword(a) in (old_input, old_output)}
    live = {k: brackets.items[i].value for k, i in at.items() if not _is_nothing(brackets.items[i].value)}
    first = min(at.values())
    gap = brackets.gaps[first]
    pad = gap.last_line.value if isinstance(gap, cst.ParenthesizedWhitespace) else None
    where = Spot(pad, indentation, len(new) + 2)
    value = _joined(live, keys, local, replace, optional, where)
    brackets = brackets.with_item(first, keyword_arg(new, value))
    for i in sorted(at.values(), reverse=True):
        if i != first:
            brackets = _taken_in(brackets, first, i)
    return to_call(call, brackets)


def _taken_in(brackets: Brackets, first: int, i: int) -> Brackets:
    """Without item `i`, which the first took in; a remark behind it stays behind, when it stood right below."""
    said = brackets.comments(i)
    shorter = brackets.without(i)
    is_below = i == first + 1 and isinstance(shorter.gaps[i], cst.ParenthesizedWhitespace)
    if is_below and said.behind and not said.above and not brackets.comments(first).behind:
        return shorter.with_item(first, shorter.items[first], behind=said.behind)
    return brackets.without_but_comments(i)


def _joined(
    live: dict[str, cst.BaseExpression],
    keys: tuple[str, str, str],
    local: str,
    replace: str,
    optional: set[str],
    where: Spot,
) -> cst.BaseExpression:
    """One expression for the options that are given. Values are new already: `construction` came before."""
    old_input, old_output, _ = keys
    values = {k: _or_default(v, local, where) if k in optional else v for k, v in live.items()}
    source, sink = values.get(old_input), values.get(old_output)
    entries = _entries(source, local)
    if sink is None:
        assert source is not None
        return _room_options(entries, local, where) if entries else source
    outputs = _entries(sink, local)
    if source is None:
        return _room_options(outputs, local, where) if outputs else sink
    if outputs is None:
        # An object that only says something about output.
        held = code(sink) if isinstance(sink, (cst.Name, cst.Attribute)) else f"({code(sink)})"
        outputs = tuple(Entry(name, cst.parse_expression(f"{held}.{name}")) for name in ("audio_output", "text_output"))
    if entries is not None:
        return _room_options((*entries, *outputs), local, where)
    arguments = Entry("", entries=(Entry("", source), *outputs), call=replace)
    return expression(arguments, where.pad, where.indentation, where.prefix)


def _or_default(value: cst.BaseExpression, local: str, where: Spot) -> cst.BaseExpression:
    """Options where there may be none: `RoomOptions(…) if wanted else RoomOptions()`, `options or RoomOptions()`."""
    if isinstance(value, cst.IfExp) and _is_nothing(value.body) != _is_nothing(value.orelse):
        default = cst.parse_expression(f"{local}.RoomOptions()")
        branch = "body" if _is_nothing(value.body) else "orelse"
        return condition(value.with_changes(**{branch: default}, lpar=[], rpar=[]), where)
    held = value if isinstance(value, (cst.Name, cst.Attribute)) else cst.parse_expression(f"({code(value)})")
    return cst.parse_expression(f"{code(held)} or {local}.RoomOptions()")


def _entries(value: cst.BaseExpression | None, local: str) -> tuple[Entry, ...] | None:
    """The arguments of a `RoomOptions(...)` that is written out here, None for anything else."""
    if isinstance(value, cst.Call) and code(value.func) == f"{local}.RoomOptions":
        return entries_of(value, lambda inner: code(inner.func).startswith(f"{local}."))
    return None


@rule.on(cst.Name, cst.Attribute, among=called_so(*FIELDS, *_DEFAULTS))
def mention(node: cst.Name | cst.Attribute, file: File) -> Iterator[Change]:
    """The class in an annotation or an `isinstance`, and the constants that are gone."""
    text = dotted(node) or ""
    last = file.module.last_names.get(text, text.rpartition(".")[2])
    if last not in FIELDS and last not in _DEFAULTS:
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
    new = f"{room_io(file)}.RoomOptions" + ("()" if last in _DEFAULTS else "")
    yield Replace(node, lambda _: cst.parse_expression(new), f"`{last}` is now `{new}`")

"""`start(**options)` with `room_input_options` among its keys: the dict gets `room_options` (part of LK305)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import with_keyword
from lk_migrate.facts.flows import subscript_key
from lk_migrate.facts.literals import string_value
from lk_migrate.rewrite.arguments import keyword_arg, of_call, of_display, to_call, to_display
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import fitting, spot
from lk_migrate.rules.v1.lk305_room_options import room_io
from lk_migrate.rules.v1.lk305_room_options import rule as room_options
from lk_migrate.rules.v1.room_dicts import has_new, is_dict_call, is_key, key_of, old_items, unconverted
from lk_migrate.rules.v1.room_joining import Joining, merged, or_default
from lk_migrate.rules.v1.room_values import START, is_held, is_nothing, may_be_none

_NEW = START.new


@room_options.on(cst.SimpleString)
def key(text: cst.SimpleString, file: File) -> Iterator[Change]:
    """`start_kwargs["room_input_options"] = …`."""
    if text.raw_value not in START.old or not is_key(text, file.module):
        return
    if file.project.fact(unconverted):
        yield Todo(text, _both(str(string_value(text))))
        return
    yield from _renamed(text)
    yield from _given(text, file)


def _given(key: cst.SimpleString, file: File) -> Iterator[Change]:
    """`start_kwargs["room_input_options"] = options if wanted else None`: None was nothing, and is an error today."""
    line = file.enclosing(key, cst.Assign)
    if line is None or not any(subscript_key(target.target) == key.raw_value for target in line.targets):
        return
    if not is_nothing(line.value) and not may_be_none(line.value, line, file):
        return
    local, where = room_io(file), spot(file, line.value)
    default = f"{local}.RoomOptions()"
    yield Rewrite(
        line.value,
        lambda updated: cst.parse_expression(default) if is_nothing(updated) else or_default(updated, local, where),
        f"`{_NEW}` is never `None`",
    )


@room_options.on(cst.Dict)
def display(node: cst.Dict, file: File) -> Iterator[Change]:
    """`{"room_input_options": …, "room_output_options": …}`."""
    yield from _with_one(node, file)


@room_options.on(cst.Call, among=with_keyword(*START.old))
def dict_call(call: cst.Call, file: File) -> Iterator[Change]:
    """`dict(room_input_options=…)`, `start_kwargs.update(room_input_options=…)`."""
    if is_dict_call(call):
        yield from _with_one(call, file)


def _with_one(node: cst.Dict | cst.Call, file: File) -> Iterator[Change]:
    given = old_items(node)
    if not given:
        return
    names = [key_of(item) or "" for item in given]
    said = ", ".join(f"`{name}`" for name in dict.fromkeys(names))
    if has_new(node):
        yield Todo(node, f"{said} has no effect beside `{_NEW}`: add what is wanted of it there, and delete it here.")
        return
    if file.project.fact(unconverted):
        for name, item in zip(names, given, strict=True):
            yield Todo(item, _both(name))
        return
    optional = frozenset(name for name, item in zip(names, given, strict=True) if may_be_none(item.value, node, file))
    if len(set(names)) == 1 and not optional and not any(is_nothing(item.value) for item in given):
        for item in given:
            yield from _renamed(item.key if isinstance(item, cst.DictElement) else item)
        return
    needs_replace = len(set(names)) == 2 and is_held(given[names.index(START.source)].value, file)
    replace = file.use("dataclasses.replace") if needs_replace else ""
    how = Joining(START, room_io(file), replace, optional)
    where = spot(file, node)
    if isinstance(node, cst.Dict):
        indentation = file.module.span(file.statement(node)).column
        yield Rewrite(node, lambda updated: _display(updated, how, indentation), f"{said} is now `{_NEW}`")
        return
    yield Rewrite(
        node,
        lambda updated: fitting(lambda call: _call(call, how, where.indentation), updated, where),
        f"{said} is now `{_NEW}`",
    )


def _both(name: str) -> str:
    return f"`{name}`: put both kinds of options into one `room_io.RoomOptions` under `{_NEW}`."


def _renamed(node: cst.BaseExpression | cst.Arg) -> Iterator[Change]:
    """A key, or an argument, with the new name."""
    if isinstance(node, cst.Arg) and node.keyword is not None:
        yield Rewrite(
            node,
            lambda updated: updated.with_changes(keyword=cst.Name(_NEW)),
            f"the key `{node.keyword.value}` is now `{_NEW}`",
        )
    elif isinstance(node, cst.SimpleString):
        old = str(string_value(node))
        yield Rewrite(
            node,
            lambda updated: updated.with_changes(value=updated.value.replace(old, _NEW)),
            f"the key `{old}` is now `{_NEW}`",
        )


def _display(node: cst.Dict, how: Joining, indentation: int) -> cst.Dict:
    def item(value: cst.BaseExpression) -> cst.DictElement:
        return cst.DictElement(cst.SimpleString(f'"{_NEW}"'), value)

    joined: cst.Dict = to_display(node, merged(of_display(node), key_of, item, how, indentation))
    return joined


def _call(call: cst.Call, how: Joining, indentation: int) -> cst.Call:
    return to_call(call, merged(of_call(call), key_of, lambda v: keyword_arg(_NEW, v), how, indentation))

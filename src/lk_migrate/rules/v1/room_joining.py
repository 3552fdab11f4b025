"""Two kinds of options in one `RoomOptions`, for a call's arguments and a dict's elements alike (LK305)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import libcst as cst

from lk_migrate.rewrite.arguments import Brackets
from lk_migrate.rewrite.layout import Entry, Spot, code, condition, entries_of, expression
from lk_migrate.rules.v1.room_fields import ORDER, room_entries
from lk_migrate.rules.v1.room_values import Keywords, is_nothing


@dataclass(frozen=True)
class Joining:
    """How two are joined.

    `local` spells `livekit.agents.room_io` here, `replace` does `dataclasses.replace` ("" where nothing needs it);
    `optional`: the old keywords under which there may be nothing.
    """

    keywords: Keywords
    local: str
    replace: str = ""
    optional: frozenset[str] = frozenset()


def merged(
    brackets: Brackets,
    key_of: Callable[[Any], str | None],
    item: Callable[[cst.BaseExpression], Any],
    how: Joining,
    indentation: int,
) -> Brackets:
    """The old items as one, where the first of them stood; `key_of` an item, and the new `item` of a value.

    Values are new already: `construction` came before. Of a dict that has a key twice the last counts, as ever.
    """
    old = [(key, i) for i, each in enumerate(brackets.items) if (key := key_of(each) or "") in how.keywords.old]
    values = {key: brackets.items[i].value for key, i in old}
    live = {key: value for key, value in values.items() if not is_nothing(value)}
    first, *others = (i for _, i in old)
    gap = brackets.gaps[first]
    pad = gap.last_line.value if isinstance(gap, cst.ParenthesizedWhitespace) else None
    before = item(cst.Name("_"))
    where = Spot(pad, indentation, len(code(before)))
    brackets = brackets.with_item(first, item(_joined(live, how, where)))
    for i in reversed(others):
        brackets = _taken_in(brackets, first, i)
    return brackets


def _taken_in(brackets: Brackets, first: int, i: int) -> Brackets:
    """Without item `i`, which the first took in; a remark behind it stays behind, when it stood right below."""
    said = brackets.comments(i)
    shorter = brackets.without(i)
    is_below = i == first + 1 and isinstance(shorter.gaps[i], cst.ParenthesizedWhitespace)
    if is_below and said.behind and not said.above and not brackets.comments(first).behind:
        return shorter.with_item(first, shorter.items[first], behind=said.behind)
    return brackets.without_but_comments(i)


def _joined(live: Mapping[str, cst.BaseExpression], how: Joining, where: Spot) -> cst.BaseExpression:
    """One expression for the options that are given."""
    local = how.local
    values = {k: or_default(v, local, where) if k in how.optional else v for k, v in live.items()}
    source, sink = values.get(how.keywords.source), values.get(how.keywords.sink)
    if source is None and sink is None:
        return room_options((), local, where)
    entries = _entries(source, local)
    if sink is None:
        assert source is not None
        return room_options(entries, local, where) if entries else source
    outputs = _entries(sink, local)
    if source is None:
        return room_options(outputs, local, where) if outputs else sink
    if outputs is None:
        # An object that only says something about output.
        held = code(sink) if isinstance(sink, (cst.Name, cst.Attribute)) else f"({code(sink)})"
        outputs = tuple(Entry(name, cst.parse_expression(f"{held}.{name}")) for name in ("audio_output", "text_output"))
    if entries is not None:
        return room_options((*entries, *outputs), local, where)
    arguments = Entry("", entries=(Entry("", source), *outputs), call=how.replace)
    return expression(arguments, where.pad, where.indentation, where.prefix)


def room_options(entries: tuple[Entry, ...], local: str, where: Spot) -> cst.BaseExpression:
    """`room_io.RoomOptions(…)` with its fields in their order."""
    order = sorted(entries, key=lambda e: ORDER.index(e.key))
    entry = Entry("", entries=tuple(order), call=f"{local}.RoomOptions")
    return expression(entry, where.pad, where.indentation, where.prefix)


def entries_to_room(name: str, call: cst.Call, local: str) -> tuple[Entry, ...]:
    """The fields of a `RoomOptions` that says what `call`, of the old class `name`, said."""
    return room_entries(name, entries_of(call, _never), local)


def _never(call: cst.Call) -> bool:
    return False


def or_default(value: cst.BaseExpression, local: str, where: Spot) -> cst.BaseExpression:
    """Options where there may be none: `RoomOptions(…) if wanted else RoomOptions()`, `options or RoomOptions()`."""
    if isinstance(value, cst.IfExp) and is_nothing(value.body) != is_nothing(value.orelse):
        default = cst.parse_expression(f"{local}.RoomOptions()")
        branch = "body" if is_nothing(value.body) else "orelse"
        return condition(value.with_changes(**{branch: default}, lpar=[], rpar=[]), where)
    held = value if isinstance(value, (cst.Name, cst.Attribute)) else cst.parse_expression(f"({code(value)})")
    return cst.parse_expression(f"{code(held)} or {local}.RoomOptions()")


def _entries(value: cst.BaseExpression | None, local: str) -> tuple[Entry, ...] | None:
    """The arguments of a `RoomOptions(...)` that is written out here, None for anything else."""
    if isinstance(value, cst.Call) and code(value.func) == f"{local}.RoomOptions":
        return entries_of(value, lambda inner: code(inner.func).startswith(f"{local}."))
    return None

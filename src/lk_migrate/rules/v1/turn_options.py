"""The turn-taking keywords of old, and the one `turn_handling=` that holds them now (shared by LK301 to LK304).

Checked on 1.8.9 (`livekit/agents/voice/turn.py`, `_migrate_turn_handling`): each old keyword sets exactly the key
it is mapped to here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.rewrite.arguments import (
    NO_COMMENTS,
    Comments,
    find_keyword,
    keyword,
    keyword_arg,
    of_call,
    of_display,
    to_call,
    to_display,
)
from lk_migrate.rewrite.layout import Entry, code, expression, one_line

#: Old keyword → where its value stands in `turn_handling`.
SESSION_KEYS: Mapping[str, tuple[str, ...]] = {
    "turn_detection": ("turn_detection",),
    "min_endpointing_delay": ("endpointing", "min_delay"),
    "max_endpointing_delay": ("endpointing", "max_delay"),
    "allow_interruptions": ("interruption", "enabled"),
    "min_interruption_duration": ("interruption", "min_duration"),
    "min_interruption_words": ("interruption", "min_words"),
    "discard_audio_if_uninterruptible": ("interruption", "discard_audio_if_uninterruptible"),
    "false_interruption_timeout": ("interruption", "false_interruption_timeout"),
    "agent_false_interruption_timeout": ("interruption", "false_interruption_timeout"),
    "resume_false_interruption": ("interruption", "resume_false_interruption"),
    "preemptive_generation": ("preemptive_generation",),
}
#: `Agent` and `AgentTask` take only these, and without a warning.
AGENT_KEYS = {
    k: SESSION_KEYS[k]
    for k in ("turn_detection", "min_endpointing_delay", "max_endpointing_delay", "allow_interruptions")
}
GROUPS = ("turn_detection", "endpointing", "interruption", "preemptive_generation")


@dataclass(frozen=True)
class Given:
    """An old keyword as it was given. `default`: what its value may be to mean "not given" (`None`, `NOT_GIVEN`)."""

    key: str
    value: cst.BaseExpression
    comments: Comments = NO_COMMENTS
    column: int = 0
    default: str = ""


def is_left_out(given: Given) -> bool:
    """Values with which the keyword has no effect today: `NOT_GIVEN`, and interruptions allowed (the default)."""
    name = (dotted(given.value) or "").rpartition(".")[2]
    return name == "NOT_GIVEN" or (given.key == "allow_interruptions" and name == "True")


def entries(given: Sequence[Given]) -> tuple[Entry, ...]:
    """The keys of `turn_handling` for the old keywords, in the order of its documentation."""
    keys = {g.key for g in given}
    groups: dict[str, list[Entry]] = {name: [] for name in GROUPS}
    for item in given:
        if item.key == "false_interruption_timeout" and "agent_false_interruption_timeout" in keys:
            continue
        group, *rest = SESSION_KEYS[item.key]
        if item.key == "preemptive_generation" and not _is_options(item.value):
            rest = ["enabled"]
        groups[group].append(_leaf(rest[0] if rest else group, item))
    found: list[Entry] = []
    for name in GROUPS:
        leaves = groups[name]
        if not leaves:
            continue
        if leaves[0].key == name or (name == "turn_detection"):
            found.extend(leaves)
        elif len(leaves) == 1 and leaves[0].key == "**":
            found.append(Entry(name, leaves[0].value, comments=leaves[0].comments))
        elif len(leaves) == 1:
            leaf = leaves[0]
            inner = Entry(leaf.key, leaf.value, column=leaf.column)
            found.append(Entry(name, entries=(inner,), comments=leaf.comments))
        else:
            found.append(
                Entry(name, entries=tuple(_in_brackets(leaf) if leaf.key == "**" else leaf for leaf in leaves))
            )
    return tuple(found)


def _in_brackets(spread: Entry) -> Entry:
    """`**({…} if … else {})`: within a display, a condition needs them."""
    return replace(spread, value=cst.parse_expression(f"({code(spread.value)})") if spread.value else None)


def _leaf(key: str, item: Given) -> Entry:
    value = item.value
    chosen = _unless_not_given(key, value)
    if chosen:
        spread = f"({chosen})" if item.key == "turn_detection" else chosen
        return Entry("**", cst.parse_expression(spread), comments=item.comments)
    if item.default:
        text = f'{{"{key}": {code(value)}}} if {code(value)} is not {item.default} else {{}}'
        spread = f"({text})" if item.key == "turn_detection" else text
        return Entry("**", cst.parse_expression(spread), comments=item.comments)
    return Entry(key, value, comments=item.comments, column=item.column)


def _unless_not_given(key: str, value: cst.BaseExpression) -> str:
    """`{"key": x} if wanted else {}` for `x if wanted else NOT_GIVEN`, `x or NOT_GIVEN` and the like, else ""."""
    if isinstance(value, cst.BooleanOperation) and isinstance(value.operator, cst.Or) and _is_not_given(value.right):
        return f'{{"{key}": {code(value.left)}}} if {code(value.left)} else {{}}' if dotted(value.left) else ""
    if not isinstance(value, cst.IfExp) or _is_not_given(value.body) == _is_not_given(value.orelse):
        return ""
    given = [f'{{"{key}": {code(v)}}}' if not _is_not_given(v) else "{}" for v in (value.body, value.orelse)]
    return f"{given[0]} if {code(value.test)} else {given[1]}"


def _is_not_given(value: cst.BaseExpression) -> bool:
    return (dotted(value) or "").rpartition(".")[2] == "NOT_GIVEN"


def _is_options(value: cst.BaseExpression) -> bool:
    """Whether a value of `preemptive_generation` is a dict of options, not a truth value."""
    if isinstance(value, cst.Call):
        return (dotted(value.func) or "").rpartition(".")[2] in ("dict", "PreemptiveGenerationOptions")
    return isinstance(value, cst.Dict)


def merge_arguments(
    call: cst.Call, keys: Mapping[str, tuple[str, ...]], spelling: str, indentation: int, defaults: Mapping[str, str]
) -> cst.Call:
    """`call` with its old keywords (`keys`) merged into one `turn_handling=`, in place of the first of them.

    `spelling`: what `TurnHandlingOptions` is called here; `indentation`: columns of the statement;
    `defaults`: keywords whose value may be a "not given" default, and how that is spelled.
    """
    brackets = of_call(call)
    old = [i for i, arg in enumerate(brackets.items) if keyword(arg) in keys]
    given = []
    for i in old:
        arg, gap = brackets.items[i], brackets.gaps[i]
        column = len(gap.last_line.value) if isinstance(gap, cst.ParenthesizedWhitespace) else 0
        key = keyword(arg)
        given.append((i, Given(key, arg.value, brackets.comments(i), column, defaults.get(key, ""))))
    kept = [(i, g) for i, g in given if not is_left_out(g)]
    existing = find_keyword(call, "turn_handling")
    if existing is not None:
        place = next(i for i, arg in enumerate(brackets.items) if keyword(arg) == "turn_handling")
        value = merged_into(existing.value, entries([g for _, g in kept]))
        brackets = brackets.with_item(place, brackets.items[place].with_changes(value=value))
        for i in reversed(old):
            brackets = brackets.without_but_comments(i)
        return to_call(call, brackets)
    if kept:
        # The default is written out where a remark is about it, which would be about its neighbour otherwise.
        kept = [(i, g) for i, g in given if not is_left_out(g) or (g.key == "allow_interruptions" and g.comments)]
        first = kept[0][0]
        gap = brackets.gaps[first]
        pad = gap.last_line.value if isinstance(gap, cst.ParenthesizedWhitespace) else None
        items = [g for _, g in kept]
        if len(kept) == 1:
            items = [_plain(items[0])]
        else:
            brackets = brackets.without_remark(first)
            if items[0].key == "turn_detection":
                items[0] = _without_above(items[0])  # it is the first key of `turn_handling=`, too
            else:
                brackets = brackets.without_lines_above(first)
        entry = Entry("turn_handling", entries=entries(items), call=spelling)
        value = expression(entry, pad, indentation, len("turn_handling=,"))
        brackets = brackets.with_item(first, keyword_arg("turn_handling", value))
    else:
        first = -1
    for i in reversed(old):
        if i != first:
            brackets = brackets.without(i) if i in dict(kept) else brackets.without_but_comments(i)
    return to_call(call, brackets)


def _without_above(item: Given) -> Given:
    return replace(item, comments=Comments(behind=item.comments.behind))


def _plain(item: Given) -> Given:
    return Given(item.key, item.value, NO_COMMENTS, item.column, item.default)


def can_merge_into(value: cst.BaseExpression) -> bool:
    """Whether an existing `turn_handling=` is written out, so that keys can be added to it."""
    if isinstance(value, cst.Dict):
        return all(isinstance(e, cst.DictElement) and isinstance(e.key, cst.SimpleString) for e in value.elements)
    if isinstance(value, cst.Call) and (dotted(value.func) or "").rpartition(".")[2] in ("TurnHandlingOptions", "dict"):
        return all(a.keyword is not None for a in value.args)
    return False


def merged_into(value: cst.BaseExpression, new: Sequence[Entry]) -> cst.BaseExpression:
    """An existing options literal with `new` added; keys that it has already keep their value."""
    for entry in new:
        here = _get(value, entry.key)
        if here is None:
            value = _added(value, entry)
        elif entry.entries and can_merge_into_group(here):
            value = _set(value, entry.key, merged_into(here, entry.entries))
    return value


def can_merge_into_group(value: cst.BaseExpression) -> bool:
    """Whether the options of one group (`{"min_delay": …}`) are written out."""
    return isinstance(value, (cst.Dict, cst.Call))


def _get(value: cst.BaseExpression, key: str) -> cst.BaseExpression | None:
    if isinstance(value, cst.Call):
        arg = find_keyword(value, key)
        return arg.value if arg is not None else None
    if isinstance(value, cst.Dict):
        for element in value.elements:
            if isinstance(element, cst.DictElement) and _is_key(element.key, key):
                return element.value
    return None


def _is_key(node: cst.BaseExpression, key: str) -> bool:
    return text_of(node) == key


def _set(value: cst.BaseExpression, key: str, new: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(value, cst.Call):
        return value.with_changes(args=[a.with_changes(value=new) if keyword(a) == key else a for a in value.args])
    assert isinstance(value, cst.Dict)
    elements = [
        e.with_changes(value=new) if isinstance(e, cst.DictElement) and _is_key(e.key, key) else e
        for e in value.elements
    ]
    return value.with_changes(elements=elements)


def _added(value: cst.BaseExpression, entry: Entry) -> cst.BaseExpression:
    text = cst.parse_expression(one_line(entry))
    if isinstance(value, cst.Call):
        return to_call(value, of_call(value).appended(keyword_arg(entry.key, text)))
    assert isinstance(value, cst.Dict)
    element: cst.BaseDictElement = (
        cst.StarredDictElement(text)
        if entry.key == "**"
        else cst.DictElement(key=cst.SimpleString(f'"{entry.key}"'), value=text)
    )
    return to_display(value, of_display(value).appended(element))

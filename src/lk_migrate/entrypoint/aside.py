"""What a person is told of a loop that moved aside (byhand.py): where it went, and what the new main has not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from lk_migrate.entrypoint.callbody import starts_loop
from lk_migrate.entrypoint.layout import TopLevel
from lk_migrate.entrypoint.slicing import DEAD, Slice
from lk_migrate.facts.byhand import ByHand
from lk_migrate.facts.flat_call import block_of
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.walk import find
from lk_migrate.model import Action, Finding, MainSummary, Place

RULE = "LK156"
#: What a function may call and still do nothing but the loop's work.
_SAYS_ONLY = frozenset({"logger", "logging", "rtc", "print", "asyncio", "len", "json", "time"})


@dataclass(frozen=True)
class Aside:
    """The legacy main `module` with its `items`, of which `moved` went to the module at `path`; `sliced`: its call."""

    module: Module
    by_hand: ByHand
    sliced: Slice
    items: Sequence[TopLevel]
    moved: tuple[TopLevel, ...]
    path: str


def told(aside: Aside, summary: MainSummary, live: frozenset[str], for_nobody: Sequence[str]) -> Iterator[Finding]:
    """`live`: the names that the new main has; `for_nobody`: events that nothing tells any more."""
    place, old = _place(aside, aside.by_hand.home), aside.path
    yield Finding(
        "LK150",
        Action.MOVED,
        place,
        f"{summary.lines_before} lines became {summary.lines_after}; the rest is in {summary.support[0]}, the old loop "
        f"in {old}",
    )
    note = f"the old WebRTC loop stands in {old}; nothing uses it: take over what you miss, then delete it"
    yield Finding(RULE, Action.TODO, place, note, to=Place(old, 1, 1))
    for item in aside.moved:
        if isinstance(item.node, (cst.FunctionDef, cst.ClassDef)):
            text = f"`{item.node.name.value}` moved to {old}: AgentServer and AgentSession do this now"
            yield Finding(RULE, Action.MOVED, _place(aside, item.node), text, to=Place(old, 1, 1))
    yield from _gone(aside, live)
    yield from _before_the_call(aside)
    for event in for_nobody:
        text = f"nothing in AgentSession tells the event `{event}`: its handler is not called any more"
        yield Finding(RULE, Action.TODO, place, text)


def _gone(aside: Aside, live: frozenset[str]) -> Iterator[Finding]:
    """What has no place in the new main; a function that did more than move audio is for a person to look at."""
    by_hand, sliced = aside.by_hand, aside.sliced
    origins = {line.node: line.origin for line in by_hand.lines}
    for statement, why in (*sliced.gone, *sliced.thinned):
        if why == DEAD:
            continue  # a variable of the loop
        place = _place(aside, origins.get(statement) or _around(aside, statement, origins))
        if not isinstance(statement, cst.FunctionDef):
            yield Finding(RULE, Action.NOTE, place, f"{_first_line(aside, statement)} is not in the new main: {why}")
            continue
        text = f"`{statement.name.value}` is not in the new main: {why}"
        work = _work_of(aside, statement, live) if by_hand.is_flat else []
        if not work or statement.name.value in sliced.speakers:
            yield Finding(RULE, Action.NOTE, place, text)
            continue
        listed = ", ".join(f"`{n}`" for n in work)
        text += f". It also used {listed}: do that in a handler of the session's events, or in the agent"
        yield Finding(RULE, Action.TODO, place, text, to=Place(aside.path, 1, 1))


def _before_the_call(aside: Aside) -> Iterator[Finding]:
    """`init_db()` in the function that started the call: nothing calls it now."""
    by_hand = aside.by_hand
    here = {n for i in aside.items if i not in aside.moved and i.kind == "definition" for n in i.binds}
    for item in aside.moved:
        if item.node is by_hand.home or not isinstance(item.node, (cst.FunctionDef, cst.If)):
            continue
        if item.node is not by_hand.guard and not any(starts_loop(c) for c in find(item.node, cst.Call)):
            continue
        for line in block_of(item.node):
            small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
            call = small.value if isinstance(small, cst.Expr) else None
            if isinstance(call, cst.Call) and isinstance(call.func, cst.Name) and call.func.value in here:
                text = (
                    f"{_first_line(aside, line)} ran before the call, and went to {aside.path} with what called it: "
                    f"call it in {aside.module.path}, above the server, or in the entrypoint"
                )
                yield Finding(RULE, Action.TODO, _place(aside, line), text, to=Place(aside.path, 1, 1))


def _work_of(aside: Aside, function: cst.FunctionDef, live: frozenset[str]) -> list[str]:
    """What the call still has that a function called: `log.user`, `send_webhook`."""
    without = {*_SAYS_ONLY, aside.by_hand.room}
    used = {
        aside.by_hand.module.tree.code_for_node(c.func)
        for c in find(function.body, cst.Call)
        if (root := (dotted(c.func) or "").split(".")[0]) in live and root not in without
    }
    return sorted(used)


def _around(aside: Aside, inner: cst.BaseStatement, origins: dict[cst.BaseStatement, cst.CSTNode]) -> cst.CSTNode:
    above = aside.by_hand.module.index.ancestors(inner)
    return next((origins[a] for a in above if isinstance(a, cst.BaseStatement) and a in origins), aside.by_hand.home)


def _first_line(aside: Aside, statement: cst.BaseStatement) -> str:
    text = aside.module.tree.code_for_node(statement.with_changes(leading_lines=[])).strip().splitlines()[0]
    return f"`{text if len(text) < 60 else text[:57] + '…'}`"


def _place(aside: Aside, node: cst.CSTNode) -> Place:
    span = aside.module.span(node)
    return Place(aside.module.path, span.line, span.end_line)

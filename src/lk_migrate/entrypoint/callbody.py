"""Statements of a call that is taken over from a loop by hand: what they bind and call, how new ones stand there."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from lk_migrate.entrypoint.layout import TopLevel
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.scopes import occurrences
from lk_migrate.facts.walk import find, own_scope


def events_of(function: cst.FunctionDef) -> list[str]:
    """The events in `….on("event")` calls of a function."""
    calls = (c for c in find(function, cst.Call) if isinstance(c.func, cst.Attribute) and c.func.attr.value == "on")
    events = (text_of(call.args[0].value) for call in calls if call.args)
    return [event for event in events if event is not None]


def bound_by(statement: cst.BaseStatement) -> set[str]:
    return {o.name for o in occurrences(statement) if o.owner is None and o.kind == "write"}


def binds(statement: cst.BaseStatement, name: str) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and name in bound_by(statement)


def calls_method(statement: cst.CSTNode, base: str, method: str) -> bool:
    return any(
        isinstance(n, cst.Call)
        and isinstance(n.func, cst.Attribute)
        and n.func.attr.value == method
        and isinstance(n.func.value, cst.Name)
        and n.func.value.value == base
        for n in own_scope(statement)
    )


def calls(statement: cst.CSTNode, function: str) -> bool:
    return any(
        isinstance(n, cst.Call) and isinstance(n.func, cst.Name) and n.func.value == function
        for n in own_scope(statement)
    )


def is_nothing(statement: cst.BaseStatement) -> bool:
    """`session = None`, until there is one."""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    value = small.value if isinstance(small, (cst.Assign, cst.AnnAssign)) else None
    return isinstance(value, cst.Name) and value.value == "None"


def starts_loop(call: cst.Call) -> bool:
    return dotted(call.func) == "asyncio.run" or (dotted(call.func) or "").endswith("run_until_complete")


def lead(statement: cst.BaseStatement) -> Sequence[cst.EmptyLine]:
    return getattr(statement, "leading_lines", ())


def spaced(statement: cst.BaseStatement) -> cst.BaseStatement:
    return statement.with_changes(leading_lines=[cst.EmptyLine(indent=False)])


def commented(new: cst.BaseStatement, legacy: cst.BaseStatement) -> cst.BaseStatement:
    return new.with_changes(leading_lines=getattr(legacy, "leading_lines", ()))


def reachable(items: Sequence[TopLevel], names: frozenset[str]) -> list[TopLevel]:
    """The items that bind one of `names`, and whatever these need."""
    found: list[TopLevel] = []
    queue = list(names)
    seen: set[str] = set()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        for item in items:
            if name in item.binds and item not in found:
                found.append(item)
                queue.extend(item.needs)
    return found


def callers_of(items: Sequence[TopLevel], loop: Sequence[TopLevel]) -> list[TopLevel]:
    """The items that need the loop, and those that need them."""
    found = list(loop)
    while True:
        names = {n for i in found for n in i.binds}
        more = [i for i in items if i not in found and i.needs & names]
        if not more:
            return found
        found.extend(more)

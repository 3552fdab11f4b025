"""A decorated handler that is async, or used elsewhere, is called by the one that is registered (part of LK240)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import libcst as cst

from lk_migrate.facts.handlers import EVENTS, handlers
from lk_migrate.facts.variables import is_free
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.event_doubts import any_doubt
from lk_migrate.rules.v0.event_guards import Guard, guard_of
from lk_migrate.rules.v0.lk240_events import argument, events_of, is_async, is_called_through
from lk_migrate.rules.v0.lk240_events import rule as events


@events.on(cst.FunctionDef)
def called_through(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """The function loses its decorators; below it stands a plain handler that calls it, or makes a task of it."""
    found = file.project.fact(handlers)
    mine = [r for r in found.of.get(node, ()) if r.event in EVENTS]
    decorating = [r for r in mine if r.decorates]
    guard = guard_of(events_of(decorating)) if decorating and is_called_through(node, found) else None
    if guard is None or any_doubt(mine, file):
        return
    call = f"{node.name.value}({argument(decorating[0], guard, file, node)})"
    if is_async(node):
        call = f"{file.use('asyncio')}.create_task({call})"
    event_type = file.use(f"livekit.agents.{guard.event_type}")
    scope = file.enclosing(node, cst.FunctionDef) or file.module.tree
    names = (f"on_{decorating[0].event}", f"{decorating[0].event}_handler", f"on_{guard.event}", "lk_handler")
    name = next((n for n in names if is_free(file.module, scope, n)), names[-1])

    def apply(updated: cst.FunctionDef) -> cst.FlattenSentinel[cst.BaseStatement]:
        own, registering = parted(updated, node, {r.call for r in decorating})
        handler = cst.parse_statement(
            f"def {name}(ev: {event_type}):\n{_body(guard, call)}", config=file.module.tree.config_for_parsing
        )
        assert isinstance(handler, cst.FunctionDef)
        registering = [_renamed(d, guard) for d in registering[:1]]
        lines = [cst.EmptyLine(indent=False)]
        return cst.FlattenSentinel([own, handler.with_changes(decorators=registering, leading_lines=lines)])

    why = "a handler must not be async: it is run in a task" if is_async(node) else "it is called elsewhere, too"
    yield Rewrite(node, apply, f"`{guard.event}` calls `{node.name.value}` with what it used to get: {why}")


def _body(guard: Guard, call: str) -> str:
    if not guard.only:
        return f"    {call}\n"
    return f"    if {guard.only.format(ev='ev')}:\n        {call}\n"


def parted(
    updated: cst.FunctionDef, original: cst.FunctionDef, gone: Collection[cst.BaseExpression]
) -> tuple[cst.FunctionDef, list[cst.Decorator]]:
    """The function without the decorators that registered it, and these, with no comments left behind."""
    pairs = list(zip(original.decorators, updated.decorators, strict=True))
    kept = [new for old, new in pairs if old.decorator not in gone]
    registering = [new for old, new in pairs if old.decorator in gone]
    lines = [*updated.leading_lines, *(line for d in registering for line in d.leading_lines)]
    if not kept:
        lines += updated.lines_after_decorators
    own = updated.with_changes(
        decorators=kept,
        leading_lines=lines,
        lines_after_decorators=updated.lines_after_decorators if kept else [],
    )
    return own, [d.with_changes(leading_lines=[]) for d in registering]


def _renamed(decorator: cst.Decorator, guard: Guard) -> cst.Decorator:
    """`@session.on("conversation_item_added")`, with the quotes that were there."""
    call = decorator.decorator
    assert isinstance(call, cst.Call) and isinstance(call.args[0].value, cst.SimpleString)
    text = call.args[0].value
    new = text.with_changes(value=f"{text.quote}{guard.event}{text.quote}")
    return decorator.with_changes(
        decorator=call.with_changes(args=[call.args[0].with_changes(value=new), *call.args[1:]])
    )

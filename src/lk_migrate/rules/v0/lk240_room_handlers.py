"""An async handler of a room's event is run in a task (part of LK240): `on` raises ValueError for it today."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from lk_migrate.facts.handlers import EVENTS
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.variables import is_free
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk240_async_handlers import parted
from lk_migrate.rules.v0.lk240_events import is_async
from lk_migrate.rules.v0.lk240_events import rule as events


@events.on(cst.FunctionDef)
def decorated(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """`@ctx.room.on("participant_connected")` on an `async def`: a plain handler below it makes a task of it."""
    found = [d.decorator for d in node.decorators if _event(d.decorator) is not None]
    if not is_async(node) or len(found) != 1:
        return
    event = _event(found[0])
    scope = file.enclosing(node, cst.FunctionDef) or file.module.tree
    names = (f"on_{event}", f"{event}_handler", "room_handler")
    name = next((n for n in names if is_free(file.module, scope, n)), names[-1])
    asyncio = file.use("asyncio")

    def apply(updated: cst.FunctionDef) -> cst.FlattenSentinel[cst.BaseStatement]:
        own, registering = parted(updated, node, found)
        own, blank = _without_end(own)
        params, given = _handed_on(updated.params)
        handler = cst.parse_statement(
            f"def {name}():\n    {asyncio}.create_task({node.name.value}({given}))\n",
            config=file.module.tree.config_for_parsing,
        )
        assert isinstance(handler, cst.FunctionDef)
        handler = handler.with_changes(
            params=params,
            decorators=registering,
            leading_lines=[cst.EmptyLine(indent=False)],
            body=cst.ensure_type(handler.body, cst.IndentedBlock).with_changes(footer=blank),
        )
        return cst.FlattenSentinel([own, handler])

    yield Rewrite(node, apply, f"`{event}` calls `{node.name.value}` in a task: a handler must not be async")


@events.on(cst.Call)
def registered(call: cst.Call, file: File) -> Iterator[Change]:
    """`ctx.room.on("participant_connected", self.joined)`, where that is an `async def`."""
    event = _event(call)
    if event is None or len(call.args) != 2:
        return
    found = file.project.fact(holdings).named_function(file.module, call.args[1].value)
    if found is None or not is_async(found.node):
        return
    handler = file.code(call.args[1].value)
    text = f"lambda *args: {file.use('asyncio')}.create_task({handler}(*args))"
    yield Rewrite(
        call.args[1],
        lambda updated: updated.with_changes(value=cst.parse_expression(text)),
        f"`{event}` calls it in a task: a handler must not be async",
    )


def _event(node: cst.BaseExpression) -> str | None:
    """The event of `ctx.room.on("…")`; what no room emits is marked elsewhere."""
    if not isinstance(node, cst.Call) or not node.args:
        return None
    *_, owner, method = ["", "", *(dotted(node.func) or "").split(".")]
    event = text_of(node.args[0].value)
    return event if event not in EVENTS and owner.endswith("room") and method in ("on", "once") else None


def _handed_on(params: cst.Parameters) -> tuple[cst.Parameters, str]:
    """The plain handler's parameters, and what it hands on: the same by name, or whatever comes."""
    if params.deep_equals(cst.Parameters(params=params.params)) and all(p.default is None for p in params.params):
        one_line = [cst.Param(p.name, annotation=p.annotation) for p in params.params]
        return cst.Parameters(params=one_line), ", ".join(p.name.value for p in params.params)
    return cst.Parameters(star_arg=cst.Param(cst.Name("args"))), "*args"


def _without_end(node: Any) -> tuple[Any, list[cst.EmptyLine]]:
    """A block's statement without the blank lines below it, and these: they come after the handler."""
    body = node.body
    if not isinstance(body, cst.IndentedBlock) or getattr(node, "orelse", None) is not None:
        return node, []
    kept = len(body.footer)
    while kept and body.footer[kept - 1].comment is None:
        kept -= 1
    blank = list(body.footer[kept:])
    body = body.with_changes(footer=body.footer[:kept])
    if not kept and isinstance(body.body[-1], (cst.If, cst.With, cst.For, cst.While)):
        last, inner = _without_end(body.body[-1])
        body, blank = body.with_changes(body=[*body.body[:-1], last]), [*inner, *blank]
    return node.with_changes(body=body), blank

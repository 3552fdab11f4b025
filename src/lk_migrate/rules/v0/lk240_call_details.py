"""What a handler of tool events reads of the calls: `FunctionCall` items now (part of LK240)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.handlers import handlers
from lk_migrate.facts.imports import dotted
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.event_doubts import CALL_DETAILS, any_doubt, details_of_calls
from lk_migrate.rules.v0.event_guards import guard_of
from lk_migrate.rules.v0.lk240_events import events_of
from lk_migrate.rules.v0.lk240_events import rule as events

#: What is spelled otherwise: 0.12 gave the arguments as a dictionary, and as the text that they came in.
_RENAMED = {"tool_call_id": "call_id", "raw_arguments": "arguments"}
_SAME = ("call_info", "function_info")


@events.on(cst.Attribute)
def call_details(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`called.call_info.function_info.name`, `.arguments` of what a handler of tool events got."""
    detail, inner = node.attr.value, node.value
    if detail not in (*_SAME, *_RENAMED, "arguments", "result", "exception"):
        return
    if _handler_around(node, file) is None:
        return
    outer = file.parent(node)
    if detail in _SAME:
        if isinstance(outer, cst.Attribute) and outer.attr.value not in CALL_DETAILS:
            yield Todo(outer, _never_had(outer.attr.value))
        yield Rewrite(node, lambda updated: updated.value, "a call of a tool is one object now")
    elif detail in _RENAMED:
        new = _RENAMED[detail]
        yield Rewrite(node, lambda updated: updated.with_changes(attr=cst.Name(new)), f"it is `{new}` now")
    elif detail == "arguments" and isinstance(inner, (cst.Attribute, cst.Name)) and not _is_read_as_json(node, file):
        json = file.use("json")
        yield Rewrite(
            node,
            lambda updated: cst.Call(cst.parse_expression(f"{json}.loads"), [cst.Arg(updated)]),
            "the arguments are a JSON text now",
        )
    elif detail in ("result", "exception"):
        yield Todo(
            node, f"`{dotted(node) or detail}` is in the event: `for call, output in ev.zipped(): output.output`."
        )


@events.on(cst.FunctionDef)
def unknown_details(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """What no call ever had, `call.add_result(…)`: written by guess, and an error whenever the handler runs."""
    if not _is_handler_of_calls(node, file):
        return
    for detail in details_of_calls(node):
        if detail.attr.value not in CALL_DETAILS:
            yield Todo(detail, _never_had(detail.attr.value))


def _never_had(detail: str) -> str:
    return (
        f"a call has no `{detail}` (it never had): a `FunctionCall` has `name`, `arguments` (a JSON text) and "
        "`call_id`, and what its tool returned goes to the model by itself."
    )


def _is_read_as_json(node: cst.Attribute, file: File) -> bool:
    """`json.loads(call.arguments)`: taken for a text already."""
    arg = file.parent(node)
    call = file.parent(arg) if isinstance(arg, cst.Arg) else None
    return isinstance(call, cst.Call) and file.full_name(call.func) == "json.loads"


def _handler_around(node: cst.CSTNode, file: File) -> cst.FunctionDef | None:
    function = file.enclosing(node, cst.FunctionDef)
    while function is not None and not file.project.fact(handlers).of.get(function):
        function = file.enclosing(function, cst.FunctionDef)
    return function if function is not None and _is_handler_of_calls(function, file) else None


def _is_handler_of_calls(function: cst.FunctionDef, file: File) -> bool:
    """Whether it is a handler of tool events that is rewritten."""
    found = file.project.fact(handlers)
    mine = found.of.get(function)
    if not mine or not events_of(mine) & {"function_calls_finished", "function_calls_collected"}:
        return False
    return guard_of(events_of(mine)) is None or not any_doubt(mine, file)

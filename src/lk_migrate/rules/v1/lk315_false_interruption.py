"""Manual resuming after a false interruption is gone: the session resumes by itself.

`AgentFalseInterruptionEvent.message` and `.extra_instructions` warn since 1.2.7 and are always None; a handler that
answers with `generate_reply(instructions=ev.extra_instructions)` makes the agent speak twice. Such a handler is
removed; other uses of the two fields are left to a person. A `generate_reply` that asks for neither runs where the
session has not resumed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.metrics import is_docstring, single_call
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Remove, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v1.remarks import remarks

rule = Rule("LK315", Edition.V1, __doc__, triggers=(b"agent_false_interruption",), since="1.2.7", safety=Safety.REVIEW)

_FIELDS = frozenset({"message", "extra_instructions"})
_ABOUT = re.compile(r"interrupt|false positive|resum|noise", re.IGNORECASE)
_LOGGING = frozenset({"debug", "info", "warning", "error", "print"})


@rule.on(cst.Call)
def handler(call: cst.Call, file: File) -> Iterator[Change]:
    """`@session.on("agent_false_interruption")` on a function that uses the old fields."""
    function = _handler(call, file)
    if function is None:
        return
    params = [p.name.value for p in function.params.params if p.name.value != "self"]
    uses = [a for a in find(function.body, cst.Attribute) if dotted(a.value) in params and a.attr.value in _FIELDS]
    if not uses:
        if params and not _minds_resuming(function, file):
            yield from _unless_resumed(function, params[0])
        return
    decorated = isinstance(file.parent(call), cst.Decorator)
    if decorated and all(_only_resumes(s, params) for s in function.body.body):
        about = remarks(function, _ABOUT)
        yield Remove(function, "the session resumes by itself after a false interruption", comments=about)
        return
    said = ", ".join(sorted({f"`{a.attr.value}`" for a in uses}))
    yield Todo(
        uses[0],
        f"{said} of the event is deprecated and always None: the session resumes by itself. Look at `ev.resumed`, and "
        'set `turn_handling={"interruption": {"resume_false_interruption": False}}` if you resume by hand.',
    )


def _minds_resuming(function: cst.FunctionDef, file: File) -> bool:
    """Whether the handler looks at `ev.resumed`, or this file says whether the session resumes."""
    if any(a.attr.value == "resumed" for a in find(function, cst.Attribute)):
        return True
    return b"resume_false_interruption" in file.module.data


def _unless_resumed(function: cst.FunctionDef, event: str) -> Iterator[Change]:
    """`session.generate_reply()` → `if not ev.resumed: session.generate_reply()`."""
    for statement in find(function.body, cst.SimpleStatementLine):
        called = single_call(statement)
        if called is not None and (dotted(called.func) or "").rpartition(".")[2] == "generate_reply":
            yield Rewrite(
                statement,
                functools.partial(_where_not_resumed, event=event),
                "the session resumes by itself, as a rule: the agent would speak twice",
            )


def _where_not_resumed(updated: cst.SimpleStatementLine, event: str) -> cst.If:
    return cst.If(
        cst.parse_expression(f"not {event}.resumed"),
        cst.IndentedBlock([updated.with_changes(leading_lines=[])]),
        leading_lines=updated.leading_lines,
    )


def _handler(call: cst.Call, file: File) -> cst.FunctionDef | None:
    if not (isinstance(call.func, cst.Attribute) and call.func.attr.value == "on" and call.args):
        return None
    event = call.args[0].value
    if text_of(event) != "agent_false_interruption":
        return None
    parent = file.parent(call)
    if isinstance(parent, cst.Decorator):
        function = file.parent(parent)
        return function if isinstance(function, cst.FunctionDef) else None
    name = (dotted(call.args[1].value) or "").rpartition(".")[2] if len(call.args) > 1 else ""
    return next((f for f in file.module.index.of(cst.FunctionDef) if f.name.value == name), None)


def _only_resumes(statement: cst.CSTNode, params: list[str]) -> bool:
    """A docstring, a remark in the log, or the reply that resumes."""
    if is_docstring(statement):
        return True
    call = single_call(statement)
    if call is None:
        return False
    name = (dotted(call.func) or "").rpartition(".")[2]
    if name == "generate_reply":
        return any(dotted(a.value) in params and a.attr.value in _FIELDS for a in find(call, cst.Attribute))
    return name in _LOGGING

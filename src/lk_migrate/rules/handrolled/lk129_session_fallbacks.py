"""A session with another one to fall back on is made by a function, so that the new main.py can start it.

`try: session = AgentSession(…)` with `except …: session = AgentSession(…)` is one step of a call: its outcome is a
session. As a function that returns it, it leaves the entrypoint straight, which then goes to main.py like any other.
Only where nothing but the session is used afterwards, and it is started outside of the `try`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from lk_migrate.facts.entrypoint import find_entrypoint
from lk_migrate.facts.session_fallbacks import Fallback, session_fallback
from lk_migrate.model import Action, Edition, Safety
from lk_migrate.rewrite.changes import Change, Replace, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK129",
    Edition.HANDROLLED,
    __doc__,
    triggers=(b"AgentSession",),
    safety=Safety.REVIEW,
    before_new_main=True,
)


@rule.on(cst.Module)
def make_in_a_function(tree: cst.Module, file: File) -> Iterator[Change]:
    entry = find_entrypoint(file.project, file.module)
    fallback = session_fallback(file.project, file.module, entry.function) if entry is not None else None
    if entry is None or fallback is None:
        return
    function = entry.function
    call = f"{'await ' if fallback.awaits else ''}{fallback.name}({', '.join(fallback.reads)})"
    made = cst.ensure_type(cst.parse_statement(f"{fallback.session} = {call}"), cst.SimpleStatementLine)
    yield Replace(
        fallback.node,
        lambda updated: made.with_changes(leading_lines=updated.leading_lines),
        f"`{fallback.name}` makes the session, or the one to fall back on",
        Action.MOVED,
    )
    yield Rewrite(
        function,
        lambda updated: cst.FlattenSentinel(_with_maker(updated, fallback, function)),
        f"`{fallback.name}` was a `try` in it",
    )


def _with_maker(updated: Any, fallback: Fallback, function: cst.FunctionDef) -> list[Any]:
    types = {p.name.value: p.annotation for p in function.params.params}
    params = [cst.Param(cst.Name(n), types.get(n), comma=cst.MaybeSentinel.DEFAULT) for n in fallback.reads]
    given_back = cst.SimpleStatementLine([cst.Return(cst.Name(fallback.session))])
    maker = cst.FunctionDef(
        cst.Name(fallback.name),
        cst.Parameters(params),
        cst.IndentedBlock([fallback.node.with_changes(leading_lines=[]), given_back]),
        asynchronous=cst.Asynchronous() if fallback.awaits else None,
        leading_lines=[line for line in updated.leading_lines if line.comment is None]
        or [cst.EmptyLine(indent=False)] * 2,
    )
    return [maker, updated if updated.leading_lines else updated.with_changes(leading_lines=maker.leading_lines)]

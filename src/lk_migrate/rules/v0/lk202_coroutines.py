"""Functions that start a session become coroutines, and so do those that call them (part of LK202)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.starts import starts
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.threads import awaited_at
from lk_migrate.rules.v0.lk202_agent_and_session import rule as split


@split.on(cst.FunctionDef)
def function(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """`def run(…)` → `async def run(…)`."""
    if node in file.project.fact(starts).functions:
        yield Rewrite(
            node,
            lambda updated: updated.with_changes(asynchronous=cst.Asynchronous()),
            f"`{node.name.value}` starts a session, so it is a coroutine",
        )


@split.on(cst.Call)
def call(node: cst.Call, file: File) -> Iterator[Change]:
    """`run(…)` → `await run(…)`."""
    if node not in file.project.fact(starts).calls:
        return
    yield Rewrite(node, awaited_at(node, file), "a coroutine now: awaited")

"""Functions that start a session are coroutines now, and so are those that call them.

`session.start()` has to be awaited since 1.0. A helper like `run_agent(ctx, participant)` becomes `async`, its callers
await it, up to the entrypoint.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.starts import starts
from lk_migrate.facts.v0_names import TRIGGERS
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.threads import awaited
from lk_migrate.rules.registry import Rule

rule = Rule("LK207", Edition.V0, __doc__, triggers=(*TRIGGERS, b"import"), since="1.0.0")


@rule.on(cst.FunctionDef)
def function(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """`def run(…)` → `async def run(…)`."""
    if node in file.project.fact(starts).functions:
        yield Rewrite(
            node,
            lambda updated: updated.with_changes(asynchronous=cst.Asynchronous()),
            f"`{node.name.value}` starts a session, so it is a coroutine",
        )


@rule.on(cst.Call)
def call(node: cst.Call, file: File) -> Iterator[Change]:
    """`run(…)` → `await run(…)`."""
    if node not in file.project.fact(starts).calls:
        return
    bracketed = isinstance(file.parent(node), (cst.Attribute, cst.Subscript, cst.Call))
    yield Rewrite(node, awaited(bracketed), "a coroutine now: awaited")

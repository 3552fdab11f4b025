"""In console mode a stand-in takes the participant's place.

`ctx.wait_for_participant()` never returns in `python main.py console`: nobody joins. There the call is given a stand-in
participant, so that the same code can be talked to from the terminal; where nobody looks at the participant, console
mode just does not wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from lk_migrate.entrypoint.console import HELPERS, holds_context, minds_console, only_if, through_helper
from lk_migrate.facts.gates import is_hand_rolled
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.project import Project
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.spelling import spelled
from lk_migrate.rules.registry import Rule


def paths(project: Project) -> frozenset[str]:
    """The files of a hand-rolled project that wait: what was written for LiveKit is a person's to decide."""
    if not is_hand_rolled(project):
        return frozenset()
    return frozenset(p for p, data in project.files.items() if b"wait_for_participant" in data)


rule = Rule(
    "LK153",
    Edition.HANDROLLED,
    __doc__,
    triggers=(b"wait_for_participant",),
    safety=Safety.REVIEW,
    paths=paths,
    kept_main_only=True,
)

_NEEDS = frozenset(
    {"dataclasses.dataclass", "dataclasses.field", "typing.Any", "livekit.rtc", "livekit.agents.JobContext"}
)


@rule.on(cst.Call)
def wait_for_caller(call: cst.Call, file: File) -> Iterator[Change]:
    context = _context_of(call, file)
    awaited = file.parent(call)
    if context is None or not isinstance(awaited, cst.Await) or minds_console(call, file.module):
        return
    message = "in console mode nobody joins: a stand-in takes the participant's place"
    line = file.statement(call)
    if _only_waits(line, awaited):
        test = cst.parse_expression(f"not {context}.is_fake_job()")
        yield Rewrite(line, lambda updated: only_if(updated, test), "console mode does not wait for anybody")
        return
    yield Rewrite(call, through_helper, message)
    function = file.module.index.top_level(call)
    first = next(c for c in file.module.index.of(cst.Call) if _is_taken_over(c, file))
    if first is call:
        spaced = spelled(HELPERS.strip() + "\n", _NEEDS, file)
        helpers = _apart(cst.parse_module(spaced).body)
        yield Rewrite(function, lambda updated: cst.FlattenSentinel([*helpers, updated]), message)


def _is_taken_over(call: cst.Call, file: File) -> bool:
    awaited = file.parent(call)
    used = isinstance(awaited, cst.Await) and not _only_waits(file.statement(call), awaited)
    return used and _context_of(call, file) is not None and not minds_console(call, file.module)


def _only_waits(line: cst.CSTNode, awaited: cst.Await) -> bool:
    """Whether the statement is `await …`, and nothing else stands on its line."""
    small = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
    return isinstance(small, cst.Expr) and small.value is awaited


def _context_of(call: cst.Call, file: File) -> str | None:
    """What the function around `ctx.wait_for_participant(…)` calls its `JobContext`."""
    name = dotted(call.func) or ""
    base, _, method = name.rpartition(".")
    if method != "wait_for_participant" or not base:
        return None
    if "." in base:
        return base if holds_context(call, base, file.module) else None
    for function in (n for n in file.module.index.ancestors(call) if isinstance(n, cst.FunctionDef)):
        for param in function.params.params:
            if param.name.value == base:
                kind = dotted(param.annotation.annotation) or "" if param.annotation is not None else "JobContext"
                return base if kind.endswith("JobContext") else None
    return None


def _apart(statements: Any) -> list[cst.BaseStatement]:
    blank = cst.EmptyLine(indent=False)
    return [s.with_changes(leading_lines=[blank, blank]) for s in statements]

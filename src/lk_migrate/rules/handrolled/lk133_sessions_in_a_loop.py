"""A call that hands over by ending its session and starting another: console mode ends with the first one.

With one `AgentSession` for the whole call a tool hands over by returning the next `Agent`, or the code around it by
`session.update_agent(agent)`; the conversation goes on, and the models stay connected. Which assistant takes over, and
with what of the conversation, is a decision of the project's own, so that a person has to move it.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.gates import is_hand_rolled
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_names import SESSIONS
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule


def paths(project: Project) -> frozenset[str]:
    """The files of a hand-rolled project in which sessions are made, and ended by hand."""
    found = project.paths_with([b"AgentSession"]) & project.paths_with([b".aclose"])
    return found if found and is_hand_rolled(project) else frozenset()


rule = Rule("LK133", Edition.HANDROLLED, __doc__, triggers=(b"AgentSession",), since="1.0.0", paths=paths)


@rule.on(cst.Call)
def made_in_a_loop(call: cst.Call, file: File) -> Iterator[Change]:
    """`session = AgentSession(…)` in a `while`, which starts it, waits, and closes it."""
    assign = file.parent(call)
    loop = file.module.index.enclosing(call, cst.While, cst.For, cst.FunctionDef)
    if not isinstance(assign, cst.Assign) or isinstance(loop, cst.FunctionDef) or loop is None:
        return
    if len(assign.targets) != 1 or file.full_name(call.func) not in SESSIONS:
        return
    session = dotted(assign.targets[0].target)
    done = {dotted(asked.func) for asked in find(loop, cst.Call)}
    if session is not None and {f"{session}.start", f"{session}.aclose"} <= done:
        yield Todo(
            call,
            "console mode ends with the first session: keep one for the whole call, and let a tool return the next "
            f"agent, or hand over with `{session}.update_agent(…)`.",
        )

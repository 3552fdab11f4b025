"""Where sessions are started: the calls that must be awaited now, and the functions that follow."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.awaiting import Awaiting, awaiting
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.pipelines import Construction, Pipelines, pipelines
from lk_migrate.facts.project import Project

#: What takes a coroutine, so that it need not be awaited in place.
TASK_MAKERS = frozenset({"create_task", "ensure_future"})


def starts(project: Project) -> Awaiting:
    """What must await because `session.start()` is a coroutine (use as `project.fact(starts)`)."""
    known = project.fact(pipelines)
    return awaiting(known.holdings, _seeds(known))


def _seeds(known: Pipelines) -> Iterator[tuple[Module, cst.Call]]:
    for module in known.holdings.modules:
        for call in module.index.of(cst.Call):
            if is_start(known, module, call) and not is_taken_care_of(module, call):
                yield module, call


def has_start(project: Project, construction: Construction) -> bool:
    """Whether a session is started where its new Agent is in sight."""
    known = project.fact(pipelines)
    return any(
        is_start(known, module, call)
        and isinstance(call.func, cst.Attribute)
        and construction in known.of(module, call.func.value)
        and known.agent_for(module, call.func.value) is not None
        for module in known.holdings.modules
        for call in module.index.of(cst.Call)
    )


def is_start(known: Pipelines, module: Module, call: cst.Call) -> bool:
    """`agent.start(ctx.room)` on a 0.x agent."""
    func = call.func
    return (
        isinstance(func, cst.Attribute)
        and func.attr.value == "start"
        and known.holdings.is_v0_agent(module, func.value)
    )


def is_taken_care_of(module: Module, call: cst.Call) -> bool:
    """Whether the call is awaited already, or given to a task."""
    parent = module.index.parents.get(call)
    return isinstance(parent, cst.Await) or task_around(module, call) is not None


def task_around(module: Module, call: cst.CSTNode) -> cst.Call | None:
    """`asyncio.create_task(<call>)` around a call."""
    arg = module.index.parents.get(call)
    outer = module.index.parents.get(arg) if isinstance(arg, cst.Arg) else None
    if isinstance(outer, cst.Call) and (dotted(outer.func) or "").rpartition(".")[2] in TASK_MAKERS:
        return outer
    return None

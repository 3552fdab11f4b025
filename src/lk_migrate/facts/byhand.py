"""A program that drives WebRTC itself: joins the room, moves audio frames, runs its own session loop."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.entrypoint import is_main_guard
from lk_migrate.facts.module import Module
from lk_migrate.facts.ownmodels import OwnModel, own_model
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find, own_scope


@dataclass(frozen=True)
class ByHand:
    """`run`: the function that makes the `rtc.Room`; `room`: its name there.

    `session_call`: what makes the own session, of the wrappers `models`; `session`: its name in `run`; `agent`:
    the variable that it is started with.
    """

    run: cst.FunctionDef
    room: str
    session: str
    session_call: cst.Call
    models: tuple[tuple[OwnModel, cst.Call], ...]
    agent: cst.Name
    guard: cst.If


def find_by_hand(project: Project, module: Module) -> ByHand | None:
    """None for every program of another shape."""
    guard = next((s for s in module.tree.body if isinstance(s, cst.If) and is_main_guard(s)), None)
    session_call, models = _own_session(project, module)
    if guard is None or session_call is None:
        return None
    for function in module.tree.body:
        if not isinstance(function, cst.FunctionDef):
            continue
        room = next((n for n, c in _assigned_calls(function) if _name(project, module, c) == "livekit.rtc.Room"), None)
        session = next((n for n, c in _assigned_calls(function) if _makes(module, c, session_call)), None)
        agent = _started_with(function, session) if session is not None else None
        if room is not None and session is not None and agent is not None:
            return ByHand(function, room, session, session_call, models, agent, guard)
    return None


def _name(project: Project, module: Module, call: cst.Call) -> str | None:
    return project.full_name(module, call.func) if module.may_be_imported(call.func) else None


def _own_session(project: Project, module: Module) -> tuple[cst.Call | None, tuple[tuple[OwnModel, cst.Call], ...]]:
    """The call that takes at least two wrappers of different roles."""
    for call in module.index.of(cst.Call):
        inner = [a.value for a in call.args if isinstance(a.value, cst.Call)]
        found = [(m, c) for c in inner if (m := own_model(project, module, c)) is not None]
        if len({m.role for m, _ in found}) >= 2:
            return call, tuple(found)
    return None, ()


def _assigned_calls(function: cst.FunctionDef) -> list[tuple[str, cst.Call]]:
    found = []
    for node in own_scope(function):
        if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Name):
            value = node.value.expression if isinstance(node.value, cst.Await) else node.value
            if isinstance(value, cst.Call):
                found.append((node.targets[0].target.value, value))
    return found


def _makes(module: Module, call: cst.Call, session_call: cst.Call) -> bool:
    """Whether `call` is the session's construction, or calls the module's function that holds it."""
    if call is session_call:
        return True
    maker = module.definitions.get(call.func.value) if isinstance(call.func, cst.Name) else None
    return isinstance(maker, cst.FunctionDef) and any(c is session_call for c in find(maker, cst.Call))


def _started_with(function: cst.FunctionDef, session: str) -> cst.Name | None:
    """The first argument of `await session.start(assistant, …)`."""
    for node in own_scope(function):
        if (
            isinstance(node, cst.Call)
            and isinstance(node.func, cst.Attribute)
            and node.func.attr.value == "start"
            and isinstance(node.func.value, cst.Name)
            and node.func.value.value == session
        ):
            for arg in node.args[:1]:
                if isinstance(arg.value, cst.Name):
                    return arg.value
    return None

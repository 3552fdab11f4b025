"""An entrypoint that moves in one piece keeps the turn gates' limit, too: at each `AgentSession` that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libcst as cst

from lk_migrate.entrypoint.edits import STEPS, Collected
from lk_migrate.entrypoint.gates import AgentForMain
from lk_migrate.facts.gate_sessions import agents_of_session, decides_limit
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.sessions import is_session_type
from lk_migrate.model import Action, Finding, Place
from lk_migrate.rewrite.arguments import find_keyword, with_keyword
from lk_migrate.rewrite.file import enclosing_statement
from lk_migrate.rewrite.markers import marker_lines


def limit_sessions(found: Collected, project: Project, module: Module, agents: Sequence[AgentForMain]) -> None:
    """`max_tool_steps=` for every session of the module whose agent had a gate; a marker where gates differ."""
    if not any(a.gate is not None for a in agents):
        return
    for call in module.index.of(cst.Call):
        if not is_session_type(project, module, call.func):
            continue
        runs = _runs(project, module, call, agents)
        gates = {a.gate for a in runs if a.gate is not None}
        if not gates:
            continue
        steps = max(gates) - 1
        given = find_keyword(call, "max_tool_steps")
        if given is not None and not (isinstance(given.value, cst.Integer) and int(given.value.value, 0) > steps):
            continue
        unseen = given is None and decides_limit(project, module, call)
        if len({a.gate for a in runs}) > 1 or unseen:
            _mark(found, module, call, runs)
            continue
        found.add(STEPS, call, _limited(steps), f"the turn gate's {steps + 1} call(s) are `max_tool_steps={steps}`")


def _runs(project: Project, module: Module, call: cst.Call, agents: Sequence[AgentForMain]) -> list[AgentForMain]:
    """The agents that the session may run: those that it is started with, else all that the module names."""
    names = [_class_name(value) for value in agents_of_session(project, module, call)]
    found = [a for a in agents if a.name in names]
    if found and all(any(a.name == name for a in agents) for name in names):
        return found
    known = {i.local for i in module.imports} | set(module.definitions)
    return [a for a in agents if a.name in known] or list(agents)


def _class_name(value: cst.BaseExpression) -> str:
    """`Desk` for `Desk(…)` and `desks.Desk(…)`."""
    called = value.func if isinstance(value, cst.Call) else value
    return (dotted(called) or "").rpartition(".")[2]


def _limited(steps: int) -> Any:
    return lambda updated: with_keyword(updated, "max_tool_steps", cst.Integer(str(steps)))


def _mark(found: Collected, module: Module, call: cst.Call, agents: Sequence[AgentForMain]) -> None:
    limits = ", ".join(f"{a.name}: {a.gate - 1}" for a in agents if a.gate is not None)
    message = (
        "Turn gates limited the tool calls per utterance. "
        f"Give this session the `max_tool_steps` of its agent ({limits})."
    )
    statement = enclosing_statement(module, call)
    lines = marker_lines(STEPS, message)
    found.edits[statement] = lambda updated: updated.with_changes(leading_lines=[*updated.leading_lines, *lines])
    span = module.span(call)
    found.findings.append(
        Finding(STEPS, Action.TODO, Place(module.path, span.line, span.end_line), message, span.column)
    )
    found.touch(statement, message, STEPS)

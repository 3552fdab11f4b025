"""Where a function makes its `AgentSession` and where it starts it."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project

SESSION_TYPES = frozenset(
    {
        "livekit.agents.AgentSession",
        "livekit.agents.voice.AgentSession",
        "livekit.agents.voice.agent_session.AgentSession",
    }
)


@dataclass(frozen=True)
class Construction:
    """`name = <call>`: `is_literal` when the call names the class itself (else a helper of the project makes it)."""

    name: str
    call: cst.Call
    statement: cst.SimpleStatementLine
    is_literal: bool


@dataclass(frozen=True)
class Start:
    """`await name.start(...)`, alone on its line."""

    name: str
    call: cst.Call
    statement: cst.SimpleStatementLine


@dataclass(frozen=True)
class Sessions:
    """`odd`: constructions and starts in other forms, each with what is unusual about it."""

    constructions: tuple[Construction, ...]
    starts: tuple[Start, ...]
    odd: tuple[tuple[cst.CSTNode, str], ...]


def is_session_type(project: Project, module: Module, expression: cst.CSTNode) -> bool:
    """Whether `expression` names the framework's session class, `AgentSession[UserData]` included."""
    if type(expression) is cst.Subscript:
        expression = expression.value
    return module.may_be_imported(expression) and project.full_name(module, expression) in SESSION_TYPES


def find_sessions(project: Project, module: Module, function: cst.FunctionDef) -> Sessions:
    """The sessions that `function` itself (not a function nested in it) makes and starts."""
    calls = module.index.find(function.body, cst.Call)
    made = {_assigned_name(_line_of(module, c), c) for c in calls if is_session_type(project, module, c.func)} - {None}
    simple = {id(n) for n in module.index.own_scope(function)}
    starts: list[Start] = []
    odd: list[tuple[cst.CSTNode, str]] = []
    for call in calls:
        if not _is_start(call, made):
            continue
        line = _line_of(module, call)
        name = call.func.value  # type: ignore[attr-defined]
        if id(call) not in simple:
            odd.append((call, "the session is started in a function inside the entrypoint"))
        elif not isinstance(name, cst.Name) or not _is_awaited_line(module, call, line):
            odd.append((call, "the session is not started by a plain `await session.start(...)`"))
        else:
            assert line is not None
            starts.append(Start(name.value, call, line))
    started = {s.name for s in starts}
    constructions: list[Construction] = []
    for call in calls:
        literal = is_session_type(project, module, call.func)
        line = _line_of(module, call)
        target = _assigned_name(line, call)
        if literal and (id(call) not in simple or target is None):
            odd.append((call, "the session is not made by a plain `name = AgentSession(...)`"))
        elif target is not None and line is not None and id(call) in simple and (literal or target in started):
            constructions.append(Construction(target, call, line, literal))
    return Sessions(tuple(constructions), tuple(starts), tuple(odd))


def _is_start(call: cst.Call, made: set[str | None]) -> bool:
    """`name.start(...)` on a session that is made here, or with an agent on one that a helper made.

    An avatar's `start(session, room=...)` is neither.
    """
    if not (isinstance(call.func, cst.Attribute) and call.func.attr.value == "start"):
        return False
    base = dotted(call.func.value)
    return base in made or any(a.keyword is not None and a.keyword.value == "agent" for a in call.args)


def _line_of(module: Module, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
    line = module.index.enclosing(node, cst.SimpleStatementLine, cst.BaseCompoundStatement)
    return line if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None


def _is_awaited_line(module: Module, call: cst.Call, line: cst.SimpleStatementLine | None) -> bool:
    if line is None:
        return False
    small = line.body[0]
    return isinstance(small, cst.Expr) and isinstance(small.value, cst.Await) and small.value.expression is call


def _assigned_name(line: cst.SimpleStatementLine | None, call: cst.Call) -> str | None:
    """The name in `name = call`, `name = await call`, `name: T = call`."""
    if line is None:
        return None
    small = line.body[0]
    if isinstance(small, cst.Assign) and len(small.targets) == 1:
        target, value = small.targets[0].target, small.value
    elif isinstance(small, cst.AnnAssign) and small.value is not None:
        target, value = small.target, small.value
    else:
        return None
    if isinstance(value, cst.Await):
        value = value.expression
    return target.value if isinstance(target, cst.Name) and value is call else None

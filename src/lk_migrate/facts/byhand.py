"""A program that drives WebRTC itself: joins the room, moves audio frames, runs its own session loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from lk_migrate.facts.agents import find_agents
from lk_migrate.facts.callback_call import with_callback
from lk_migrate.facts.class_call import class_as_function
from lk_migrate.facts.entrypoint import is_main_guard
from lk_migrate.facts.flat_call import Draft, Line, NotFlat, block_of, opened
from lk_migrate.facts.module import Module
from lk_migrate.facts.ownmodels import OwnModel, own_model
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find, own_scope

_ROLES = {"stt", "llm", "tts"}


@dataclass(frozen=True)
class Part:
    """A wrapper that is made, and the variable that holds it if one does."""

    model: OwnModel
    call: cst.Call
    name: str | None


@dataclass(frozen=True)
class ByHand:
    """`run`: the function that makes the `rtc.Room`; `room`: its name there.

    `session_call`: what makes the own session, of the wrappers `parts` (None: the loop uses these itself); `session`:
    its name in `run`; `agent`: the variable that it is started with. A call that is spread over callbacks or methods
    is read as one function: `project` and `module` are those in which it stands as `run`, `home` is the top-level
    statement of the legacy module that it was, and each line of `draft` knows where it came from.
    """

    project: Project
    module: Module
    run: cst.FunctionDef
    home: cst.BaseStatement
    draft: Draft
    room: str
    session: str
    session_call: cst.Call | None
    parts: tuple[Part, ...]
    agent: cst.Name
    guard: cst.If

    @property
    def lines(self) -> Iterator[Line]:
        """The call, and what ends it."""
        yield from self.draft.body
        yield from self.draft.closing

    @property
    def is_flat(self) -> bool:
        """Whether `run` is no function of the legacy module."""
        return self.run is not self.home


@dataclass(frozen=True)
class _Call:
    """A call as one function of `module`, in place of the top-level statement `home`."""

    project: Project
    module: Module
    run: cst.FunctionDef
    home: cst.BaseStatement
    draft: Draft


def find_by_hand(project: Project, module: Module) -> ByHand | None:
    """None for every program of another shape."""
    guard = next((s for s in module.tree.body if isinstance(s, cst.If) and is_main_guard(s)), None)
    if guard is None or "Room" not in module.calls:
        return None
    session_call, parts = _own_session(project, module)
    if not parts:
        return None
    for function in module.tree.body:
        if isinstance(function, cst.FunctionDef):
            plain = _Call(project, module, function, function, opened(block_of(function)))
            found = _read(plain, session_call, parts, guard)
            if found is not None and session_call is not None:
                return found
    try:
        return _spread(project, module, guard, [session_call] if session_call is not None else [p.call for p in parts])
    except NotFlat:
        return None


def _spread(project: Project, module: Module, guard: cst.If, spine: Sequence[cst.CSTNode]) -> ByHand | None:
    """The same of a call that is spread over methods and callbacks. Raises `NotFlat`."""
    rooms = [c for c in module.calls.get("Room", ()) if _name(project, module, c) == "livekit.rtc.Room"]
    spine = [*spine, *_makers_calls(module, spine)]
    tops = {id(t): t for n in spine if isinstance(t := module.index.top_level(n), (cst.ClassDef, cst.FunctionDef))}
    owner = next((t for t in tops.values() if isinstance(t, cst.ClassDef)), None)
    if not rooms:
        return None
    if owner is not None:
        draft, home = class_as_function(module, owner, [*spine, *rooms])
    else:
        home = module.index.top_level(rooms[0])
        if not isinstance(home, cst.FunctionDef):
            return None
        draft = opened(block_of(home))
        draft.params = [p.name.value for p in home.params.params]
    call = _assembled(project, module, home, draft)
    session_call, parts = _own_session(call.project, call.module)
    inner = [session_call] if session_call is not None else [p.call for p in parts]
    inner = [n for n in (*inner, *_makers_calls(call.module, inner)) if call.run in call.module.index.ancestors(n)]
    if not inner:
        return None
    unfolded = with_callback(call.module, call.run, call.draft, inner)
    if unfolded is not call.draft:
        call = _assembled(call.project, call.module, call.run, unfolded, home)
        session_call, parts = _own_session(call.project, call.module)
    return _read(call, session_call, parts, guard)


def _assembled(
    project: Project, module: Module, home: cst.CSTNode, draft: Draft, legacy: cst.CSTNode | None = None
) -> _Call:
    """The module with the call as one function; each line knows where it came from, as before."""
    params = ", ".join(dict.fromkeys(draft.params))
    shell = cst.ensure_type(cst.parse_statement(f"async def run({params}):\n    pass\n"), cst.FunctionDef)
    statements = [x.node for x in (*draft.body, *draft.closing)]
    if not statements:
        raise NotFlat
    shell = shell.with_changes(name=_own_name(home), body=cst.IndentedBlock(statements))
    at = next(i for i, s in enumerate(module.tree.body) if s is home)
    tree = module.tree.with_changes(body=[*module.tree.body[:at], shell, *module.tree.body[at + 1 :]])
    files = {**project.files, module.path: tree.bytes}
    project = project.after(files, {})
    parsed = project.module(module.path)
    run = parsed.tree.body[at] if parsed is not None else None
    if parsed is None or not isinstance(run, cst.FunctionDef):
        raise NotFlat
    nodes = [s for s in run.body.body if isinstance(s, cst.BaseStatement)]
    if len(nodes) != len(statements):
        raise NotFlat
    lines = [Line(n, x.origin) for n, x in zip(nodes, (*draft.body, *draft.closing), strict=True)]
    split = len(draft.body)
    new = replace(draft, body=lines[:split], closing=lines[split:])
    top = legacy if legacy is not None else home
    assert isinstance(top, cst.BaseStatement)
    return _Call(project, parsed, run, top, new)


def _own_name(home: cst.CSTNode) -> cst.Name:
    return home.name if isinstance(home, (cst.FunctionDef, cst.ClassDef)) else cst.Name("run")


def _read(call: _Call, session_call: cst.Call | None, parts: tuple[Part, ...], guard: cst.If) -> ByHand | None:
    project, module, function = call.project, call.module, call.run
    assigned = _assigned_calls(function)
    room = next((n for n, c in assigned if _name(project, module, c) == "livekit.rtc.Room"), None)
    if room is None:
        return None
    nobody = cst.Name("agent")
    found = ByHand(
        project, module, function, call.home, call.draft, room, "session", session_call, parts, nobody, guard
    )
    if session_call is not None:
        session = next((n for n, c in assigned if _makes(module, c, session_call)), None)
        agent = _started_with(function, session) if session is not None else None
        return replace(found, session=session, agent=agent) if session is not None and agent is not None else None
    mine = tuple(p for p in parts if p.call in [c for _, c in assigned])
    agents = _agents_made(project, module, assigned)
    if {p.model.role for p in mine} < _ROLES or len(mine) != len(_ROLES) or len(agents) != 1:
        return None
    return replace(found, agent=cst.Name(agents[0]), parts=mine)


def _name(project: Project, module: Module, call: cst.Call) -> str | None:
    return project.full_name(module, call.func) if module.may_be_imported(call.func) else None


def _own_session(project: Project, module: Module) -> tuple[cst.Call | None, tuple[Part, ...]]:
    """The call that takes at least two wrappers of different roles; without one, the wrappers that are made."""
    variables: dict[tuple[cst.CSTNode | None, str], Part] = {}
    every: list[Part] = []
    for call in module.index.of(cst.Call):
        model = own_model(project, module, call)
        if model is not None:
            part = Part(model, call, _variable(module, call))
            every.append(part)
            if part.name is not None:
                variables[module.index.scope(call), part.name] = part
    for call in module.index.of(cst.Call) if every else ():
        found = [p for a in call.args if (p := _part_of(module, a.value, every, variables)) is not None]
        if len({p.model.role for p in found}) >= 2:
            return call, tuple(found)
    return None, tuple(p for p in every if p.name is not None)


def _part_of(
    module: Module,
    value: cst.BaseExpression,
    every: Sequence[Part],
    variables: dict[tuple[cst.CSTNode | None, str], Part],
) -> Part | None:
    """The wrapper that an argument is: made there, or before in the same function."""
    if isinstance(value, cst.Name):
        return variables.get((module.index.scope(value), value.value))
    return next((p for p in every if p.call is value), None)


def _variable(module: Module, call: cst.Call) -> str | None:
    """`stt` in `stt = WhisperSTT()`, `self.stt` too."""
    parent = module.index.parents.get(call)
    if isinstance(parent, cst.AnnAssign):
        target: cst.CSTNode = parent.target
    elif isinstance(parent, cst.Assign) and len(parent.targets) == 1:
        target = parent.targets[0].target
    else:
        return None
    if isinstance(target, cst.Attribute) and isinstance(target.value, cst.Name):
        return f"{target.value.value}.{target.attr.value}"
    return target.value if isinstance(target, cst.Name) else None


def _agents_made(project: Project, module: Module, assigned: Sequence[tuple[str, cst.Call]]) -> list[str]:
    """The variables that hold assistants."""
    classes = {id(a.node) for a in project.fact(find_agents)}
    found = []
    for name, call in assigned:
        symbol = project.resolve(module, call.func)
        if symbol is not None and id(symbol.node) in classes:
            found.append(name)
    return list(dict.fromkeys(found))


def _assigned_calls(function: cst.FunctionDef) -> list[tuple[str, cst.Call]]:
    found = []
    for node in own_scope(function):
        if isinstance(node, cst.Assign) and len(node.targets) == 1:
            target, assigned = node.targets[0].target, node.value
        elif isinstance(node, cst.AnnAssign) and node.value is not None:
            target, assigned = node.target, node.value
        else:
            continue
        value = assigned.expression if isinstance(assigned, cst.Await) else assigned
        if isinstance(target, cst.Name) and isinstance(value, cst.Call):
            found.append((target.value, value))
    return found


def _makes(module: Module, call: cst.Call, session_call: cst.Call) -> bool:
    """Whether `call` is the session's construction, or calls the module's function that holds it."""
    if call is session_call:
        return True
    maker = module.definitions.get(call.func.value) if isinstance(call.func, cst.Name) else None
    return isinstance(maker, cst.FunctionDef) and any(c is session_call for c in find(maker, cst.Call))


def _makers_calls(module: Module, spine: Sequence[cst.CSTNode]) -> list[cst.Call]:
    """The calls of a top-level function that does nothing but make what `spine` is."""
    tops = {t.name.value for n in spine if isinstance(t := module.index.top_level(n), cst.FunctionDef)}
    return [
        c
        for name in tops
        for c in module.calls.get(name, ())
        if isinstance(c.func, cst.Name)
        and module.index.enclosing(c, cst.FunctionDef) is not None
        and not any(c is n for n in spine)
        and isinstance(module.index.parents.get(c), (cst.Assign, cst.AnnAssign))
    ]


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

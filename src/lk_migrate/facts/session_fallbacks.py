"""A `try` that makes the session, whose handlers make another one: what it takes to be a function of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.scopes import bindings, occurrences
from lk_migrate.facts.sessions import Construction, find_sessions
from lk_migrate.facts.walk import descendants, own_scope

#: What would mean something else in a function of its own.
_LEAVES = (cst.Return, cst.Yield, cst.Break, cst.Continue, cst.Global, cst.Nonlocal, cst.Del)
_NAMES = ("make_session", "build_session", "new_session", "session_or_fallback")


@dataclass(frozen=True)
class Fallback:
    """`node` binds nothing that is read later but `session`. `reads`: the entrypoint's names that it needs, in order.

    `name`: what the function may be called; `awaits`: whether it must be a coroutine.
    """

    node: cst.Try
    session: str
    name: str
    reads: tuple[str, ...]
    awaits: bool


def session_fallback(project: Project, module: Module, function: cst.FunctionDef) -> Fallback | None:
    """The `try` of the entrypoint that makes a session in a handler or its `else`, if it can stand by itself."""
    sessions = find_sessions(project, module, function)
    if sessions.odd:
        return None
    for node in own_scope(function):
        if type(node) is not cst.Try:
            continue
        inside = set(descendants(node))
        made = [c for c in sessions.constructions if c.statement in inside]
        if not any(c.statement in set(descendants(node.body)) for c in made) or not _in_handlers(node, made):
            continue
        names = {c.name for c in made}
        if len(names) != 1 or len(made) != len(sessions.constructions):
            return None
        if any(s.statement in inside for s in sessions.starts) or any(isinstance(n, _LEAVES) for n in inside):
            return None
        return _standing_alone(module, function, node, inside, names.pop())
    return None


def _in_handlers(node: cst.Try, made: Sequence[Construction]) -> bool:
    parts = [p for p in (*node.handlers, node.orelse) if p is not None]
    return any(c.statement in set(descendants(p)) for c in made for p in parts)


def _standing_alone(
    module: Module, function: cst.FunctionDef, node: cst.Try, inside: set[cst.CSTNode], session: str
) -> Fallback | None:
    params = [p.name.value for p in function.params.params]
    bound = bindings(function)[0] | set(params)
    within = {o.name for o in occurrences(node) if o.owner is None and o.kind in ("write", "def", "import", "walrus")}
    without = [o for o in occurrences(function) if o.node not in inside]
    if any(o.name in within - {session} for o in without):
        return None
    if any(o.name == session and o.kind == "write" for o in without):
        return None
    free = [o.name for o in occurrences(node) if o.owner is None]
    reads = tuple(
        dict.fromkeys(n for n in (*(p for p in params if p in free), *free) if n in bound and n not in within)
    )
    taken = set(module.definitions) | {i.local for i in module.imports} | bound
    name = next((n for n in _NAMES if n not in taken), None)
    if name is None:
        return None
    awaits = any(isinstance(n, cst.Await) for n in own_scope(node))
    return Fallback(node, session, name, reads, awaits)

"""A call that is spread over callbacks and methods, read as the one function that it is in the order of events.

`VoiceBot(room).start()` registers `track_subscribed`, whose handler starts a task that makes the session: for what
becomes of it under `AgentSession` it matters which statements run once per call, not where they stand. Nothing here is
written to a file as it is: the legacy code keeps its form, and the new entrypoint takes from this what still means
something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.scopes import occurrences
from lk_migrate.facts.walk import find, own_scope

#: Awaited for as long as the call lasts.
_ENDLESS = frozenset({"asyncio.Future", "asyncio.sleep", "asyncio.get_running_loop().create_future"})


class NotFlat(Exception):
    """The call has no form in which every statement runs once, in one order."""


@dataclass(frozen=True)
class Line:
    """A statement of the flat call, and the statement of the legacy module that it was."""

    node: cst.BaseStatement
    origin: cst.CSTNode


@dataclass
class Draft:
    """`closing`: what runs when the call is over; `waits_for`: the event that ends it; `absent`: names that only the
    loop had (a track, a task)."""

    body: list[Line] = field(default_factory=list)
    closing: list[Line] = field(default_factory=list)
    waits_for: str | None = None
    absent: set[str] = field(default_factory=set)
    params: list[str] = field(default_factory=list)

    def close_with(self, lines: Sequence[Line]) -> None:
        """What ends first closes first: a callback's own `finally` before that of the program around it."""
        self.closing.extend(lines)


def opened(statements: Sequence[cst.BaseStatement]) -> Draft:
    """The body of a call, a closing `try … finally` and the waiting in it taken apart."""
    draft = Draft()
    over = False
    for statement in statements:
        if is_bare_return(statement):
            continue
        waits, event = waiting(statement)
        if waits:
            over, draft.waits_for = True, event
            if isinstance(statement, cst.Try) and statement.finalbody is not None:
                draft.close_with([Line(s, s) for s in block_of(statement.finalbody)])
            continue
        (draft.closing if over else draft.body).append(Line(statement, statement))
    return draft


def waiting(statement: cst.CSTNode) -> tuple[bool, str | None]:
    """Whether all that it does is wait for the end of the call, and the event that it waits for if that has a name."""
    if isinstance(statement, cst.Try) and not statement.handlers and len(statement.body.body) == 1:
        inner = statement.body.body[0]
        return waiting(inner) if isinstance(inner, (cst.SimpleStatementLine, cst.While)) else (False, None)
    if isinstance(statement, cst.While):
        sleeps = [s for s in block_of(statement) if _awaited(s) == "asyncio.sleep"]
        return len(sleeps) == len(statement.body.body), None
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False, None
    name = _awaited(statement)
    if name is None:
        return False, None
    base, _, method = name.rpartition(".")
    if method == "wait" and base.isidentifier():
        return base != "asyncio", base
    if name == "asyncio.sleep":
        return bool(list(find(statement, cst.Call))[1:]), None  # sleep(float("inf"))
    return name in _ENDLESS or name == "asyncio.Event.wait", None


def _awaited(statement: cst.CSTNode) -> str | None:
    """The dotted name of the call that a statement awaits; `asyncio.Event().wait()` without its brackets."""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    value = small.value if isinstance(small, cst.Expr) else None
    call = value.expression if isinstance(value, cst.Await) else None
    if not isinstance(call, cst.Call):
        return None
    if isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Call):
        return f"{dotted(call.func.value.func)}.{call.func.attr.value}"
    return dotted(call.func)


def block_of(node: cst.CSTNode) -> list[cst.BaseStatement]:
    """The statements of a compound statement's block; those of `if x: return` as lines of their own."""
    body = getattr(node, "body", None)
    if isinstance(body, cst.SimpleStatementSuite):
        return [cst.SimpleStatementLine([s]) for s in body.body]
    return [s for s in getattr(body, "body", ()) if isinstance(s, cst.BaseStatement)]


def is_bare_return(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and isinstance(statement.body[-1], cst.Return)


def leaves_early(statement: cst.CSTNode) -> bool:
    """Whether a `return` in it ends the function that it stands in."""
    return not isinstance(statement, (cst.FunctionDef, cst.ClassDef)) and any(
        isinstance(n, cst.Return) for n in own_scope(statement)
    )


def binds(function: cst.FunctionDef) -> set[str]:
    """The names that a function has for itself."""
    return {o.name for o in occurrences(function) if o.owner is function and o.kind not in ("read", "quoted")}


def reads(statement: cst.CSTNode) -> set[str]:
    return {o.name for o in occurrences(statement) if o.kind in ("read", "quoted")}


def without_position(name: str, taken: set[str]) -> str:
    """`_log` → `log`, unless that means something here already."""
    plain = name.lstrip("_")
    return plain if plain and plain not in taken else name


def assignment(name: str, value: cst.BaseExpression) -> cst.SimpleStatementLine:
    return cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(cst.Name(name))], value)])

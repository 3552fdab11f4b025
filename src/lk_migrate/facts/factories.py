"""Functions that make a 0.x agent and return it: the caller needs both of its successors, so both are returned.

`agent = build_agent(ctx)` and `agent.start(room)` then read `agent, session = build_agent(ctx)` and
`await session.start(agent=agent, room=room)`; a function that returns a tuple returns one object more. Only where
every use of the function is in sight and keeps the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.awaiting import uses_of
from lk_migrate.facts.held import Holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.variables import Binding, binding_of
from lk_migrate.facts.walk import own_scope

#: Arguments of the construction that `start` takes over: their values may mean nothing where the caller starts.
MOVED_TO_START = frozenset({"noise_cancellation", "transcription"})
AgentName = Callable[[Module, cst.CSTNode], str]


@dataclass(frozen=True)
class Handed:
    """A variable that keeps what a factory returned. `agent`: what the new Agent is called beside it."""

    call: cst.Call
    module: Module
    agent: str


#: The place of a session that is all that is returned, and no item of a tuple.
WHOLE = -1


@dataclass(frozen=True)
class Beside:
    """Where the Agent goes: before the session, which is item `at` of the tuple there, or `WHOLE`."""

    agent: str
    at: int


@dataclass
class Factories:
    """`functions` and their `returns` give one object more now; `assigns` take it. Each with where the Agent stands."""

    functions: dict[cst.FunctionDef, int] = field(default_factory=dict)
    returns: dict[cst.Return, Beside] = field(default_factory=dict)
    assigns: dict[cst.Assign, Beside] = field(default_factory=dict)
    handed: dict[Binding, Handed] = field(default_factory=dict)


def factories(
    known: Holdings, made: Iterable[tuple[Module, cst.Call, Binding | None, str]], agent_name: AgentName
) -> Factories:
    """`made`: each construction with its variable and the Agent's name there; `agent_name` finds one for a scope."""
    made = list(made)
    result = Factories()
    for module, call, binding, agent in made:
        function = module.index.enclosing(call, cst.FunctionDef, cst.Lambda)
        if not isinstance(function, cst.FunctionDef) or function.decorators:
            continue
        if not all(is_the_same_elsewhere(known, module, a) for a in call.args if is_moved_to_start(a)):
            continue
        if sum(function in m.index.ancestors(c) for m, c, _, _ in made) != 1:
            continue
        returns = [n for n in own_scope(function) if isinstance(n, cst.Return)]
        places = {_place(module, r.value, call, binding) for r in returns}
        at = places.pop() if len(places) == 1 else None
        if at is None or not _may_give_more(function, at):
            continue
        if binding is not None and _starts(known, module, function, binding):
            continue
        kept = _kept(known, module, function, at)
        if not kept or not any(_starts(known, where, scope, taken) for where, _, scope, taken in kept):
            continue
        result.functions[function] = at
        result.returns.update(dict.fromkeys(returns, Beside(agent, at)))
        for where, assign, scope, taken in kept:
            name = agent_name(where, scope)
            result.assigns[assign] = Beside(name, at)
            result.handed[taken] = Handed(call, where, name)
    return result


def is_moved_to_start(arg: cst.Arg) -> bool:
    return arg.keyword is not None and arg.keyword.value in MOVED_TO_START


def is_the_same_elsewhere(known: Holdings, module: Module, arg: cst.Arg) -> bool:
    """Whether the value means the same in another function.

    `noise_cancellation.BVC()` does, nothing but a library name; of transcription options only the values are taken.
    """
    value = arg.value
    if not isinstance(value, cst.Call):
        return False
    if arg.keyword is not None and arg.keyword.value == "transcription":
        return all(a.keyword is not None and _is_constant(a.value) for a in value.args)
    if value.args:
        return False
    return (known.project.full_name(module, value.func) or "").startswith("livekit.plugins.")


def _is_constant(value: cst.BaseExpression) -> bool:
    return dotted(value) in ("True", "False", "None") or isinstance(value, (cst.Integer, cst.Float))


def _may_give_more(function: cst.FunctionDef, at: int) -> bool:
    if any(isinstance(n, cst.Yield) for n in own_scope(function)):
        return False
    if function.returns is None:
        return True
    annotation = function.returns.annotation
    if at == WHOLE:
        return isinstance(annotation, (cst.Name, cst.Attribute, cst.SimpleString))
    head = dotted(annotation.value) if isinstance(annotation, cst.Subscript) else None
    return head in ("tuple", "Tuple", "typing.Tuple") and len(annotation.slice) > at  # type: ignore[attr-defined]


def _place(module: Module, value: cst.BaseExpression | None, call: cst.Call, binding: Binding | None) -> int | None:
    """Where the 0.x agent is in what is returned, None if it isn't there (or more than once)."""

    def is_agent(node: cst.BaseExpression | None) -> bool:
        if node is call:
            return True
        return isinstance(node, cst.Name) and binding is not None and binding_of(module, node) == binding

    if isinstance(value, cst.Tuple):
        found = [i for i, element in enumerate(value.elements) if is_agent(element.value)]
        plain = all(isinstance(element, cst.Element) for element in value.elements)
        return found[0] if len(found) == 1 and plain else None
    return WHOLE if is_agent(value) else None


def _kept(
    known: Holdings, module: Module, function: cst.FunctionDef, at: int
) -> list[tuple[Module, cst.Assign, cst.CSTNode, Binding]]:
    """Every use of the function as `name = function(…)` inside another function; empty if there is any other use."""
    found = []
    for where, call in uses_of(known, module, function):
        outer = where.index.parents.get(call) if call is not None else None
        if isinstance(outer, cst.Await):
            outer = where.index.parents.get(outer)
        if not isinstance(outer, cst.Assign) or len(outer.targets) != 1:
            return []
        target: cst.BaseExpression | None = outer.targets[0].target
        if at != WHOLE:
            target = _item(target, at)
        scope = where.index.enclosing(outer, cst.FunctionDef, cst.Lambda)
        if not isinstance(target, cst.Name) or scope is None:
            return []
        found.append((where, outer, scope, binding_of(where, target)))
    return found


def _item(target: cst.BaseExpression | None, at: int) -> cst.BaseExpression | None:
    """Item `at` of a tuple of targets without a star."""
    if not isinstance(target, cst.Tuple) or not all(isinstance(e, cst.Element) for e in target.elements):
        return None
    return target.elements[at].value if at < len(target.elements) else None


def _starts(known: Holdings, module: Module, scope: cst.CSTNode, binding: Binding) -> bool:
    return any(
        isinstance(c.func, cst.Attribute)
        and c.func.attr.value == "start"
        and known.binding(module, c.func.value) == binding
        for c in module.index.of(cst.Call)
        if scope in module.index.ancestors(c)
    )

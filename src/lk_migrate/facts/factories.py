"""Functions that make a 0.x agent and return it: the caller needs both of its successors, so both are returned.

`agent = build_agent(ctx)` and `agent.start(room)` then read `agent, session = build_agent(ctx)` and
`await session.start(agent=agent, room=room)`. Only where every use of the function is in sight and keeps the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.awaiting import uses_of
from lk_migrate.facts.held import Holdings
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


@dataclass
class Factories:
    """`functions` and their `returns` (with the Agent's name there) give two objects now; `assigns` take them."""

    functions: set[cst.FunctionDef] = field(default_factory=set)
    returns: dict[cst.Return, str] = field(default_factory=dict)
    assigns: dict[cst.Assign, str] = field(default_factory=dict)
    handed: dict[Binding, Handed] = field(default_factory=dict)


def factories(
    known: Holdings, made: Iterable[tuple[Module, cst.Call, Binding | None, str]], agent_name: AgentName
) -> Factories:
    """`made`: each construction with its variable and the Agent's name there; `agent_name` finds one for a scope."""
    made = list(made)
    result = Factories()
    for module, call, binding, agent in made:
        function = module.index.enclosing(call, cst.FunctionDef, cst.Lambda)
        if not isinstance(function, cst.FunctionDef) or function.decorators or not _may_give_two(function):
            continue
        if any(a.keyword is not None and a.keyword.value in MOVED_TO_START for a in call.args):
            continue
        if sum(function in m.index.ancestors(c) for m, c, _, _ in made) != 1:
            continue
        returns = [n for n in own_scope(function) if isinstance(n, cst.Return)]
        if not returns or not all(_gives(module, r, call, binding) for r in returns):
            continue
        if binding is not None and _starts(known, module, function, binding):
            continue
        kept = _kept(known, module, function)
        if not kept or not any(_starts(known, where, scope, taken) for where, _, scope, taken in kept):
            continue
        result.functions.add(function)
        result.returns.update(dict.fromkeys(returns, agent))
        for where, assign, scope, taken in kept:
            name = agent_name(where, scope)
            result.assigns[assign] = name
            result.handed[taken] = Handed(call, where, name)
    return result


def _may_give_two(function: cst.FunctionDef) -> bool:
    annotation = function.returns.annotation if function.returns is not None else None
    plain = annotation is None or isinstance(annotation, (cst.Name, cst.Attribute, cst.SimpleString))
    return plain and not any(isinstance(n, (cst.Yield, cst.From)) for n in own_scope(function))


def _gives(module: Module, node: cst.Return, call: cst.Call, binding: Binding | None) -> bool:
    if node.value is call:
        return True
    return isinstance(node.value, cst.Name) and binding is not None and binding_of(module, node.value) == binding


def _kept(
    known: Holdings, module: Module, function: cst.FunctionDef
) -> list[tuple[Module, cst.Assign, cst.CSTNode, Binding]]:
    """Every use of the function as `name = function(…)` inside another function; empty if there is any other use."""
    found = []
    for where, call in uses_of(known, module, function):
        outer = where.index.parents.get(call) if call is not None else None
        if isinstance(outer, cst.Await):
            outer = where.index.parents.get(outer)
        if not isinstance(outer, cst.Assign) or len(outer.targets) != 1:
            return []
        target = outer.targets[0].target
        scope = where.index.enclosing(outer, cst.FunctionDef, cst.Lambda)
        if not isinstance(target, cst.Name) or scope is None:
            return []
        found.append((where, outer, scope, binding_of(where, target)))
    return found


def _starts(known: Holdings, module: Module, scope: cst.CSTNode, binding: Binding) -> bool:
    return any(
        isinstance(c.func, cst.Attribute)
        and c.func.attr.value == "start"
        and known.binding(module, c.func.value) == binding
        for c in module.index.of(cst.Call)
        if scope in module.index.ancestors(c)
    )

"""0.x agents that are handed to a function which starts them: the new Agent goes along.

`begin(agent, ctx)` with `agent.start(ctx.room)` inside then reads `begin(session, ctx, agent=agent)`, and the function
has a parameter more. Only where every use of the function is a call in sight that hands it such an agent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.awaiting import uses_of
from lk_migrate.facts.families import Function, arguments
from lk_migrate.facts.held import Holdings
from lk_migrate.facts.module import Module
from lk_migrate.facts.variables import Binding, binding_of

#: A 0.x agent as a caller has it: its constructions, and how the new Agent is spelled there (None: out of sight).
Seen = Callable[[Module, cst.BaseExpression], tuple[list[cst.Call], str | None]]


@dataclass
class Passed:
    """`functions`: the name of their new last parameter; `calls`: what they pass for it; `made`: for its session."""

    functions: dict[cst.FunctionDef, str] = field(default_factory=dict)
    calls: dict[cst.Call, tuple[str, str]] = field(default_factory=dict)
    sessions: dict[Binding, tuple[Module, tuple[cst.Call, ...], str]] = field(default_factory=dict)


def passed_agents(
    known: Holdings,
    starts: Iterable[tuple[Module, cst.Call]],
    seen: Seen,
    name_in: Callable[[Module, cst.FunctionDef], str],
) -> Passed:
    """`starts`: the calls of `start`; `name_in` finds a name for the Agent in a function."""
    result = Passed()
    for module, start in starts:
        session = start.func.value if isinstance(start.func, cst.Attribute) else None
        binding = binding_of(module, session) if isinstance(session, cst.Name) else None
        function = binding.owner if binding is not None else None
        if binding is None or not isinstance(function, cst.FunctionDef) or binding in result.sessions:
            continue
        if function in result.functions or not _takes_one_more(function, binding.name):
            continue
        given = _given(known, module, function, binding.name, seen)
        if given:
            name = name_in(module, function)
            result.functions[function] = name
            result.calls.update({call: (name, agent) for call, _, agent in given})
            made = tuple(dict.fromkeys(one for _, makings, _ in given for one in makings))
            result.sessions[binding] = (module, made, name)
    return result


def _takes_one_more(function: cst.FunctionDef, name: str) -> bool:
    """Whether a parameter may follow the last one: none is optional, starred or by keyword only."""
    params = function.params
    plain = not params.kwonly_params and params.star_kwarg is None and isinstance(params.star_arg, cst.MaybeSentinel)
    return (
        plain
        and not function.decorators
        and any(p.name.value == name for p in params.params)
        and all(p.default is None for p in params.params)
    )


def _given(
    known: Holdings, module: Module, function: cst.FunctionDef, name: str, seen: Seen
) -> list[tuple[cst.Call, list[cst.Call], str]]:
    """Each call with the constructions of what it passes, and the Agent's name there; [] if one is not understood."""
    found: list[tuple[cst.Call, list[cst.Call], str]] = []
    for where, call in uses_of(known, module, function):
        if call is None or any(a.star for a in call.args):
            return []
        owner = module.index.enclosing(function, cst.FunctionDef, cst.ClassDef)
        callee = Function(module, function, owner if isinstance(owner, cst.ClassDef) else None)
        value = next((arg.value for param, arg in arguments(callee, call) if param.name.value == name), None)
        makings, agent = seen(where, value) if value is not None else ([], None)
        if not makings or agent is None:
            return []
        found.append((call, makings, agent))
    return found

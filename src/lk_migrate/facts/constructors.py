"""`__init__` methods and what they hand on to the classes above them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass
from lk_migrate.facts.classes import is_super_init, method, self_name
from lk_migrate.facts.walk import find


class Passing(Enum):
    """What the mixins before `Agent` do when `super().__init__(instructions=…)` reaches them."""

    ON = "hand it on"
    DROPS = "never call the next `__init__`"
    BARE = "call the next `__init__` without arguments"


def super_inits(init: cst.FunctionDef) -> list[cst.Call]:
    """The calls of `super().__init__` in an `__init__`, in source order."""
    return [c for c in find(init, cst.Call) if is_super_init(c)]


def _init_calls(init: cst.FunctionDef) -> Iterator[cst.Call]:
    """The calls of whatever `__init__` in an `__init__`."""
    calls = find(init, cst.Call)
    return (c for c in calls if isinstance(c.func, cst.Attribute) and c.func.attr.value == "__init__")


def passes_instructions(init: cst.FunctionDef) -> bool:
    """Whether some `__init__` is called with `instructions=` already."""
    return any(
        arg.keyword is not None and arg.keyword.value == "instructions"
        for call in _init_calls(init)
        for arg in call.args
    )


def lacks_init_call(agent: AgentClass) -> bool:
    """Whether the class is an `Agent` whose `__init__` calls none (LK111 adds that)."""
    if not agent.is_agent or agent.init is None or agent.chain:
        return False
    return not any(True for _ in _init_calls(agent.init))


def mixin_passing(agent: AgentClass) -> Passing:
    """What stands between the class and `Agent`: the worst of its mixins' `__init__` methods."""
    worst = Passing.ON
    for ref in agent.mixins:
        init = method(ref.node, "__init__")
        if init is None:
            continue
        how = init_passing(init)
        if how is Passing.DROPS or (how is Passing.BARE and worst is Passing.ON):
            worst = how
    return worst


def init_passing(init: cst.FunctionDef) -> Passing:
    """How one `__init__` treats keyword arguments that it does not know."""
    calls = super_inits(init)
    if not calls:
        return Passing.DROPS
    return Passing.ON if any(a.star == "**" for c in calls for a in c.args) else Passing.BARE


def init_parameter(init: cst.FunctionDef | None, name: str) -> cst.Param | None:
    """The parameter of this name, `self` left out."""
    if init is None:
        return None
    instance = self_name(init)
    params = [*init.params.params, *init.params.kwonly_params]
    return next((p for p in params if p.name.value == name and name != instance), None)

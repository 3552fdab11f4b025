"""Trying a would-be gate where it is asked: through the call, the decorator or the context manager that is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import libcst as cst

from lk_migrate.facts.evaluation.machine import Machine
from lk_migrate.facts.evaluation.values import Function, Instance, Unknown, Wrapped
from lk_migrate.facts.gate_candidates import Candidate, counted
from lk_migrate.facts.gate_uses import Use, scopes_at
from lk_migrate.facts.lineage import Class, method
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.trial import Trial, try_out
from lk_migrate.facts.turn_hooks import resets, turn_hooks, user_speaks


def trial_of(
    project: Project,
    use: Use,
    asked: cst.CSTNode,
    function: cst.FunctionDef,
    line: tuple[Class, ...],
    candidate: Candidate,
) -> Trial | None:
    """How the candidate behaves where `function`, a method of `line[0]`, asks it; None when not like a gate."""
    sets = candidate.counted | counted(candidate)

    def machine(today: bool, assume: bool) -> Machine:
        return Machine(project, today, assume, sets)

    def attempt(fresh: Machine) -> Callable[[Machine], Any]:
        this = Instance(line)
        if isinstance(asked, cst.Decorator):
            wrapped = Wrapped()
            decorate = fresh.evaluate(use.module, asked.decorator, fresh.scopes_around(use.module, function, this))
            made = fresh.call(decorate, [wrapped], {})
            return partial(_through_decorator, made=made, wrapped=wrapped, this=this, function=function)
        return partial(_through_call, module=use.module, asked=asked, this=this)

    if not isinstance(asked, (cst.Decorator, cst.Call)):
        return None
    trial = try_out(machine, attempt, reset_for(project, sets))
    own = {c.node for c in line} | {candidate.owner}
    return replace(trial, records=tuple(r for r in trial.records if r not in own)) if trial is not None else None


def _through_call(machine: Machine, module: Module, asked: cst.CSTNode, this: Instance) -> Any:
    machine.track(this)
    machine.asks += 1
    machine.asked_at = asked
    machine.yields.clear()
    value = machine.evaluate(module, asked, scopes_at(machine, module, asked, this))
    if isinstance(value, Instance):
        for name in ("__enter__", "__aenter__"):
            found = method(value.line, name)
            if found is not None:
                return machine.call(Function(found[0].module, found[1], (), value), [], {})
    return machine.yields[0] if machine.yields else value


def _through_decorator(machine: Machine, made: Any, wrapped: Wrapped, this: Instance, function: cst.FunctionDef) -> Any:
    machine.track(this)
    machine.asks += 1
    before = wrapped.calls
    params = [p.name.value for p in [*function.params.posonly_params, *function.params.params]]
    names = params[1:] if params[:1] in (["self"], ["cls"]) else params
    args = [this] if len(names) < len(params) else []
    machine.call(made, [*args, *(Unknown(f"{n} of call {machine.asks}") for n in names)], {})
    return None if wrapped.calls > before else "refused"


def reset_for(project: Project, sets: frozenset[str]) -> Callable[[Machine], None] | None:
    """What happens to the attributes and variables of a gate when the user speaks again; None without any hook."""
    if not project.fact(turn_hooks):
        return None
    known = {name: value for name, value in project.fact(resets) if name in sets}

    def reset(machine: Machine) -> None:
        machine.reset(known)
        user_speaks(machine)

    return reset

"""Trying a function: what it answers, call after call and utterance after utterance.

A turn gate has many shapes and names; what makes it one is its behaviour: with one utterance it lets N calls
through and then refuses, with the next utterance it lets calls through again. So it is evaluated on paper
(facts/evaluation), and when the outcome depends on what cannot be known, it is not called a gate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import libcst as cst

from lk_migrate.facts.evaluation.machine import Machine
from lk_migrate.facts.evaluation.operators import truth
from lk_migrate.facts.evaluation.values import PROBE, Raised, Returned, Undecidable


@dataclass(frozen=True)
class Trial:
    """How a gate behaved. `limit`: calls let through per utterance, None when only the outside knows.

    `passes`: the truth of the answer that lets a call through; `passed_none`: that answer is None;
    `raised`: the exception's name when it refuses by raising; `today`: see `WORKS`; `capped`: how many calls
    went through in a whole call today; `records`: the project's classes whose objects it changed.
    """

    limit: int | None
    passes: bool
    passed_none: bool = False
    raised: str = ""
    today: str = ""
    capped: int | None = None
    effects: tuple[str, ...] = ()
    records: tuple[cst.ClassDef, ...] = ()

    @property
    def raises(self) -> bool:
        return bool(self.raised)


#: What a legacy gate does with the target's RunContext.
WORKS, CAPS, BREAKS = "works", "caps the call", "breaks"

Attempt = Callable[[Machine], Any]
"""Asks the gate once; gives its answer. Raises `Raised` or `Undecidable`."""

_MOST = 40


def try_out(
    machine: Callable[[bool, bool], Machine],
    attempt: Callable[[Machine], Attempt],
    reset: Callable[[Machine], None] | None,
) -> Trial | None:
    """Ask a would-be gate again and again. None when it does not behave like one.

    `machine(today, assume)` makes a fresh machine; `attempt(machine)` prepares how to ask; `reset` is what the
    program does by itself when the user speaks again.
    """
    for assume in (False, True):
        try:
            trial = _behaviour(machine(False, assume), attempt, reset)
        except (Undecidable, Raised, Returned, RecursionError):
            continue
        if trial is not None:
            return _with_today(trial, machine(True, assume), attempt, reset)
    return None


@dataclass(frozen=True)
class _Answer:
    truth: bool
    none: bool = False
    raised: str = ""


def _ask(machine: Machine, ask: Attempt) -> _Answer:
    machine.steps = 0
    try:
        value = ask(machine)
    except Raised as error:
        return _Answer(True, raised=error.name.rpartition(".")[2])
    if isinstance(value, tuple) and value:
        value = value[0]
    return _Answer(truth(machine, value), none=value is None)


def _behaviour(
    machine: Machine, attempt: Callable[[Machine], Attempt], reset: Callable[[Machine], None] | None
) -> Trial | None:
    ask = attempt(machine)
    first = _ask(machine, ask)
    if first.raised:
        return None
    passed = 1
    while (answer := _ask(machine, ask)) == first:
        passed += 1
        if passed > _MOST:
            return None
    if answer.truth == first.truth and not answer.raised:
        return None
    if any(_ask(machine, ask) != answer for _ in range(3)):
        return None
    machine.utterance += 1
    if not machine.asked:
        if reset is None:
            return None
        reset(machine)
    if any(_ask(machine, ask) != first for _ in range(passed)) or _ask(machine, ask) != answer:
        return None
    limit = None if machine.probed else passed
    effects = tuple(sorted(machine.effects))
    return Trial(limit, first.truth, first.none, answer.raised, effects=effects, records=tuple(machine.changed))


def _with_today(
    trial: Trial, machine: Machine, attempt: Callable[[Machine], Attempt], reset: Callable[[Machine], None] | None
) -> Trial:
    """The same gate with what a RunContext has today: one call in each of many utterances."""
    try:
        ask = attempt(machine)
        for calls in range(3 * (trial.limit or PROBE) + 2):
            answer = _ask(machine, ask)
            if answer.raised and answer.raised != trial.raised:
                return replace(trial, today=BREAKS)
            if answer.truth != trial.passes or answer.raised:
                return replace(trial, today=CAPS, capped=None if trial.limit is None else calls)
            machine.utterance += 1
            if reset is not None:
                reset(machine)
    except (Undecidable, RecursionError):
        return trial
    return replace(trial, today=WORKS)

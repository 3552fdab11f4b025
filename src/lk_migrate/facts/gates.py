"""Turn gates: what lets only N tool calls through per user utterance, where it is asked, and what belongs to it.

Its steps: functions that may be one (gate_candidates), where each is asked (gate_uses), how it behaves there
(gate_trials), how the place can do without (gate_guards), and what nobody needs then (gate_leftovers).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass, Role
from lk_migrate.facts.agents import any_tool, find_agents
from lk_migrate.facts.gate_candidates import Candidate, candidate_of, candidates
from lk_migrate.facts.gate_guards import Strip, Unclear, strip_of
from lk_migrate.facts.gate_trials import trial_of
from lk_migrate.facts.gate_uses import asked_of, uses_of
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.inline_gates import inline_gates
from lk_migrate.facts.lineage import Class, Lineages, lineages
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.metrics import told_of_metrics
from lk_migrate.facts.module import Module
from lk_migrate.facts.own_limits import is_one_of_many, unasked
from lk_migrate.facts.project import Project
from lk_migrate.facts.sessionless import is_sessionless
from lk_migrate.facts.tools import Declared
from lk_migrate.facts.trial import WORKS, Trial
from lk_migrate.facts.walk import descendants, own_scope


@dataclass(frozen=True)
class Guard:
    """A place where a gate is asked. `strip`: what has to go, or the reason why a person must decide."""

    module: Module
    node: cst.CSTNode
    function: cst.FunctionDef
    owner: cst.ClassDef | None
    strip: Strip | Unclear
    trial: Trial

    @property
    def clean(self) -> bool:
        return isinstance(self.strip, Strip)


@dataclass(frozen=True)
class Gate:
    """`node`: what defines it (a function, for a decorator the outermost one; a method). `blocked`: why it must stay.

    `kind`: "method", "function", "decorator" or "context manager". `counter` is the function that counts. `closure`:
    the gate is a function inside a function.
    """

    kind: str
    module: Module
    node: cst.FunctionDef
    owner: cst.ClassDef | None
    counter: cst.FunctionDef
    guards: tuple[Guard, ...]
    limit: int | None
    trial: Trial
    closure: bool = False

    @property
    def name(self) -> str:
        return self.node.name.value

    @property
    def goes(self) -> bool:
        """Whether every place that asks it can do without."""
        return all(g.clean for g in self.guards)


@dataclass(frozen=True)
class Gates:
    """All gates of a project."""

    all: tuple[Gate, ...]
    _limits: dict[cst.ClassDef, int | None] = field(default_factory=dict)
    #: Those of a loop of the project's own, without agent or session: nothing takes their place, so they stay.
    unreplaced: tuple[Gate, ...] = ()
    #: What one tool alone asks, beside tools that ask nothing: its own limit, which stays.
    of_one_tool: tuple[Gate, ...] = ()

    def limit_of(self, node: cst.ClassDef) -> int | None:
        """How many tool calls per utterance the class let through; None without a gate, or when it isn't known.

        With several gates the most permissive one counts: the session must not forbid what used to work.
        """
        return self._limits.get(node)

    def gated(self) -> frozenset[cst.ClassDef]:
        """The classes whose tools ask a gate, subclasses included."""
        return frozenset(self._limits)


def is_hand_rolled(project: Project) -> bool:
    """Whether any agent grew by hand, or had a gate. A mixin of one that was written for LiveKit does not count."""
    gates = project.fact(find_gates)

    def grew(agent: AgentClass) -> bool:
        if agent.role is not Role.MIXIN:
            return agent.handrolled
        return any(t.declared is not Declared.FUNCTION_TOOL for t in agent.tools)

    return any(grew(a) or gates.limit_of(a.node) is not None for a in find_agents(project))


def closure_counters(project: Project) -> tuple[tuple[Module, cst.FunctionDef], ...]:
    """Functions in functions that count by the `speech_id` of a context, which none has, and are no known gate."""
    gates = project.fact(find_gates).all
    known = {f for g in gates for node in (g.node, g.counter) for f in g.module.index.find(node, cst.FunctionDef)}
    found = (c for c in project.fact(_candidates) if c.counter is not c.node and not known & {c.node, c.counter})
    counters = {c.counter: c.module for c in found if _asks_speech_id(c.module, c.counter) and _answers(c.counter)}
    around = {a for counter, module in counters.items() for a in module.index.ancestors(counter)}
    return tuple((module, counter) for counter, module in counters.items() if counter not in around)


def _answers(function: cst.FunctionDef) -> bool:
    """Whether it gives an answer at all, or raises; what only counts is no gate."""
    return any(
        isinstance(n, cst.Raise) or (isinstance(n, cst.Return) and n.value is not None) for n in own_scope(function)
    )


def _asks_speech_id(module: Module, function: cst.FunctionDef) -> bool:
    """Whether it reads a `speech_id`; events and metrics do have one, so what listens to them does not count."""
    if any((dotted(getattr(d.decorator, "func", d)) or "").endswith(".on") for d in function.decorators):
        return False
    asked = [n for n in module.index.find(function, cst.SimpleString, cst.Attribute) if _reads_speech_id(module, n)]
    inside = [module.index.numbers(node) for node in told_of_metrics(module)] if asked else []
    return any(not any(module.index.at[id(node)] in numbers for numbers in inside) for node in asked)


def _reads_speech_id(module: Module, node: cst.CSTNode) -> bool:
    """`ctx.speech_id`, `getattr(ctx, "speech_id", None)`."""
    if isinstance(node, cst.Attribute):
        return node.attr.value in _SPEECH_IDS
    if text_of(node) not in _SPEECH_IDS:
        return False
    arg = module.index.parents.get(node)
    call = module.index.parents.get(arg) if isinstance(arg, cst.Arg) else None
    return isinstance(call, cst.Call) and dotted(call.func) in ("getattr", "hasattr")


_SPEECH_IDS = frozenset({"speech_id", "speechId"})


def _candidates(project: Project) -> tuple[Candidate, ...]:
    return tuple(candidates(project))


def find_gates(project: Project) -> Gates:
    """Find every turn gate and every place that asks one. Memoise with `project.fact(find_gates)`."""
    inline = project.fact(inline_gates)  # (first: it parses what the candidates need not be looked for in otherwise)
    pending = list(project.fact(_candidates))
    if not pending and not inline:
        return Gates(())
    lines = project.fact(lineages)
    found: list[Gate] = []
    passing: dict[cst.FunctionDef, dict[cst.ClassDef, list[int | None]]] = {}
    limits: dict[cst.ClassDef, list[int | None]] = {}
    for head in inline:
        for line in lines.heirs(head.owner) if head.owner is not None and head.trial is not None else ():
            limits.setdefault(line[0].node, []).append(head.trial.limit if head.trial is not None else None)
    seen: set[cst.CSTNode] = set()
    while pending:
        candidate = pending.pop(0)
        if candidate.node in seen:
            continue
        seen.add(candidate.node)
        let_through: dict[cst.ClassDef, list[int | None]] = {}
        guards = list(_guards(project, lines, candidate, let_through))
        trial = guards[0].trial if guards else None
        for guard in [g for g in guards if _answers_with(g)]:
            wrapper = candidate_of(guard.module, guard.function)
            wrapper = replace(wrapper, counted=candidate.counted)
            if any(_guards(project, lines, wrapper, {})):
                # A method that only passes the gate's answer on is a gate itself.
                pending.insert(0, wrapper)
                guards.remove(guard)
        asked = any(isinstance(g.strip, Strip) or g.strip.refuses for g in guards)
        if trial is not None and (asked or not guards):
            passing[candidate.node] = let_through
            known = {g.trial.limit for g in guards}
            found.append(
                Gate(
                    _kind(candidate, guards),
                    candidate.module,
                    candidate.node,
                    candidate.owner,
                    candidate.counter,
                    tuple(guards),
                    known.pop() if len(known) == 1 else trial.limit if not known else None,
                    trial,
                    candidate.closure,
                )
            )
    gated = {*(g.function for g in inline), *(guard.function for gate in found for guard in gate.guards)}
    of_one_tool = tuple(g for g in found if _is_of_one_tool(project, g, gated))
    found = [g for g in found if g not in of_one_tool]
    found.sort(key=lambda g: (g.module.path, g.module.span(g.node).line))
    for gate in found:
        for node, values in passing[gate.node].items():
            limits.setdefault(node, []).extend(values)
    chosen = {
        node: None if any(v is None for v in values) else max(v for v in values if v is not None)
        for node, values in limits.items()
    }
    stay = [g for g in found if project.fact(is_sessionless) and not _becomes_agents(project, lines, g)]
    return Gates(tuple(g for g in found if g not in stay), chosen, tuple(stay), of_one_tool)


def unasked_beside(project: Project, gate: Gate) -> tuple[str, ...]:
    """The names of the tools that ask no gate, beside those that ask this one."""
    gates = project.fact(find_gates)
    gated = {g.function for g in project.fact(inline_gates)}
    gated |= {guard.function for each in (*gates.all, *gates.unreplaced) for guard in each.guards}
    if any(any_tool(project, guard.module, guard.function) is None for guard in gate.guards):
        return ()  # a dispatcher asks it for the others
    found = (tool for guard in gate.guards for tool in unasked(project, guard.module, guard.function, gated))
    return tuple(dict.fromkeys(tool.name.value for tool in found))


def _is_of_one_tool(project: Project, gate: Gate, gated: set[cst.FunctionDef]) -> bool:
    """Whether one tool alone asks it, beside tools that ask nothing, and it goes on to work: that tool's own limit."""
    asking = {guard.function: guard.module for guard in gate.guards}
    if len(asking) != 1 or any(guard.trial.today != WORKS for guard in gate.guards):
        return False
    function, module = asking.popitem()
    return is_one_of_many(project, module, function, gated)


def _becomes_agents(project: Project, lines: Lineages, gate: Gate) -> bool:
    """Whether a class whose tools ask the gate is an assistant; functions are tools where LiveKit names agents."""
    agents = {a.node for a in find_agents(project)}
    return not gate.guards or any(
        b"livekit.agents" in guard.module.data
        if guard.owner is None
        else any(line[0].node in agents for line in lines.heirs(guard.owner))
        for guard in gate.guards
    )


def _guards(
    project: Project, lines: Lineages, candidate: Candidate, limits: dict[cst.ClassDef, list[int | None]]
) -> Iterator[Guard]:
    tried: dict[Any, Trial | None] = {}
    for use in uses_of(project, lines, candidate):
        asked = asked_of(use)
        function = use.module.index.enclosing(asked, cst.FunctionDef) if not isinstance(asked, cst.Decorator) else None
        if isinstance(asked, cst.Decorator):
            function = use.module.index.parents[asked]
        if not isinstance(function, cst.FunctionDef):
            continue
        owner = use.module.index.enclosing(function, cst.ClassDef)
        owner = owner if isinstance(owner, cst.ClassDef) else None
        trial = None
        for line in _lines_for(lines, owner):
            key = (line[0].node if line else None, use.module.tree.code_for_node(asked))
            if key not in tried:
                tried[key] = trial_of(project, use, asked, function, line, candidate)
            trial = trial or tried[key]
            if tried[key] is not None and line:
                limits.setdefault(line[0].node, []).append(tried[key].limit)  # type: ignore[union-attr]
        if trial is None:
            continue
        strip: Strip | Unclear
        if isinstance(asked, cst.Decorator):
            strip = Strip(remove=(asked,))
        elif isinstance(asked, cst.Call):
            strip = strip_of(use.module, asked, trial)
        else:
            strip = Unclear(f"`{candidate.node.name.value}` is passed on")
        yield Guard(use.module, asked, function, owner, strip, trial)


def _lines_for(lines: Lineages, owner: cst.ClassDef | None) -> list[tuple[Class, ...]]:
    """The classes whose instances run the guard: its own class and those that inherit it."""
    if owner is None:
        return [()]
    heirs = sorted(lines.heirs(owner), key=len)
    return heirs or [()]


def _answers_with(guard: Guard) -> bool:
    """Whether the function around the gate is an undecorated method that returns what the gate says."""
    parent = guard.module.index.enclosing(guard.node, cst.Return, cst.FunctionDef)
    plain = not guard.function.decorators and guard.node not in guard.function.decorators
    return plain and isinstance(parent, cst.Return) and len(guard.function.body.body) <= 3


def _kind(candidate: Candidate, guards: list[Guard]) -> str:
    if any(isinstance(g.node, cst.Decorator) for g in guards):
        return "decorator"
    if any(isinstance(n, cst.Yield) for n in descendants(candidate.node)) or candidate.node.name.value.startswith("__"):
        return "context manager"
    return "method" if candidate.owner is not None else "function"

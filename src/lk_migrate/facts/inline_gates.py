"""Turn gates without a function: each tool begins by comparing and raising a counter (or a flag) itself.

The statements at the head of the tool are evaluated like a gate that is asked (facts/trial.py): what they do decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import libcst as cst

from lk_migrate.facts.agents import any_tool, tool_files
from lk_migrate.facts.evaluation.machine import Frame, Machine
from lk_migrate.facts.evaluation.statements import run
from lk_migrate.facts.evaluation.values import Instance, Returned
from lk_migrate.facts.gate_state import harmless
from lk_migrate.facts.gate_trials import reset_for
from lk_migrate.facts.gate_uses import scopes_at
from lk_migrate.facts.lineage import Class, lineages
from lk_migrate.facts.module import Module
from lk_migrate.facts.own_limits import is_judged_beside, is_one_of_many
from lk_migrate.facts.project import Project
from lk_migrate.facts.tools import standalone_tool_files
from lk_migrate.facts.trial import WORKS, Trial, try_out
from lk_migrate.facts.variables import Binding, binding_of
from lk_migrate.facts.walk import descendants, find

#: How many statements of a tool are looked at.
_HEAD = 8
_RAISES = re.compile(rb"\+= 1\b|= True\b|\+ 1\b")
#: How a counter is called that is certainly one of tool calls per utterance, when it cannot be evaluated.
_SPEAKS = re.compile(r"turn|utterance|speech|tool_?(calls|used)|calls_?this", re.I)


@dataclass(frozen=True)
class InlineGate:
    """`head`: the statements that count and refuse, `refusal` the one that refuses; `state`: attributes that they set.

    `variables` those further out that they set, as a closure's or module's. `trial` is None when they look like a gate
    and cannot be evaluated. `after`: names that the rest of the tool needs.
    """

    module: Module
    function: cst.FunctionDef
    owner: cst.ClassDef | None
    head: tuple[cst.BaseStatement, ...]
    refusal: cst.If
    state: frozenset[str]
    trial: Trial | None
    after: frozenset[str]
    variables: frozenset[Binding] = frozenset()


def inline_gates(project: Project) -> tuple[InlineGate, ...]:
    """Those of all tools of the project. Memoise with `project.fact(inline_gates)`."""
    found: list[InlineGate] = []
    for path in sorted(tool_files(project) | project.fact(standalone_tool_files)):
        module = project.module(path) if _RAISES.search(project.files[path]) else None
        for function in module.index.of(cst.FunctionDef) if module is not None else ():
            if module is not None and (gate := _gate(project, module, function)) is not None:
                found.append(gate)
    gated = {gate.function for gate in found}
    return tuple(gate for gate in found if not _limits_itself(project, gate, found, gated))


def _limits_itself(project: Project, gate: InlineGate, found: list[InlineGate], gated: set[cst.FunctionDef]) -> bool:
    """Whether it counts the calls of its own tool alone, beside tools that ask nothing, and goes on to work."""
    if gate.trial is None or gate.trial.today != WORKS:
        return False
    others = [g for g in found if g is not gate]
    if any(gate.state & g.state or gate.variables & g.variables for g in others):
        return False
    names = {*gate.state, *(v.name for v in gate.variables)}
    return is_one_of_many(project, gate.module, gate.function, gated) and not is_judged_beside(
        project, gate.module, gate.function, names
    )


def _gate(project: Project, module: Module, function: cst.FunctionDef) -> InlineGate | None:
    head = _head(function)
    if head is None or any_tool(project, module, function) is None:
        return None
    statements, refusal = head
    owner = module.index.enclosing(function, cst.ClassDef, cst.FunctionDef)
    owner = owner if isinstance(owner, cst.ClassDef) else None
    state = frozenset(_state(statements))
    variables = frozenset(_variables(module, function, statements))
    trial = None
    if (owner is not None and state) or (variables and not state):
        trial = _trial(project, module, function, statements, state)
    if trial is None and not _looks_like_one(module, statements):
        return None
    bound = {n for s in statements for n in _bound(s)} - {b.name for b in variables}
    own = {n for s in statements for n in descendants(s)}
    after = frozenset(n.value for n in find(function.body, cst.Name) if n.value in bound and n not in own)
    return InlineGate(module, function, owner, statements, refusal, state, trial, after, variables)


def _head(function: cst.FunctionDef) -> tuple[tuple[cst.BaseStatement, ...], cst.If] | None:
    """The statements up to the last one that counts, and the `if` that refuses; None when there is none."""
    body: list[Any] = list(function.body.body)[1 if function.get_docstring() is not None else 0 :]
    if not any(isinstance(statement, cst.If) and _refuses(statement) for statement in body[:_HEAD]):
        return None
    refusal, last = None, 0
    asked: set[str] = set()
    outer = {i.name.value for line in body[:_HEAD] for i in find(line, cst.NameItem) if isinstance(i.name, cst.Name)}
    keyed = [t.value for line in body[:_HEAD] for t in _targets(line) if isinstance(t, cst.Subscript)]
    outer |= {base.value for base in keyed if isinstance(base, cst.Name)}
    for i, statement in enumerate(body[:_HEAD]):
        if _declares(statement):
            continue
        if refusal is None and isinstance(statement, cst.If) and _refuses(statement):
            asked |= set(_places(statement.test, outer))
            refusal, last = statement, i
            continue
        if not (_only_sets(statement) if isinstance(statement, cst.If) else _sets(statement)):
            break
        if refusal is None:
            asked |= set(_places(statement, outer))
        elif _writes_state(statement, outer) and {p for t in _targets(statement) for p in _places(t, outer)} <= asked:
            last = i
        else:
            break
    head = tuple(body[: last + 1])
    written = {p for s in head for t in _targets(s) for p in _places(t, outer)}
    if refusal is None or not written & asked or not any(_writes_state(s, outer) for s in head):
        return None
    return head, refusal


def _declares(statement: cst.CSTNode) -> bool:
    """`nonlocal calls`"""
    smalls = statement.body if isinstance(statement, cst.SimpleStatementLine) else ()
    return bool(smalls) and all(isinstance(s, (cst.Nonlocal, cst.Global)) for s in smalls)


def _places(node: cst.CSTNode, outer: set[str]) -> Iterator[str]:
    """The attributes, constant keys and `outer` variables that an expression speaks of: what a counter is kept in."""
    for one in descendants(node):
        if type(one) is cst.Attribute and type(one.value) is cst.Name:
            yield f"{one.value.value}.{one.attr.value}"
        elif type(one) is cst.SimpleString or (type(one) is cst.Name and one.value in outer):
            yield one.value


def _refuses(node: cst.If) -> bool:
    """Answers the model with a sentence, or raises; a log line may come first."""
    lines = [line for line in node.body.body if isinstance(line, cst.SimpleStatementLine)]
    if node.orelse is not None or len(lines) != len(node.body.body) or not lines or len(lines) > 2:
        return False
    last = lines[-1].body[-1] if lines[-1].body else None
    if isinstance(last, cst.Return):
        return last.value is not None and not isinstance(last.value, (cst.Name, cst.Await))
    return isinstance(last, cst.Raise)


def _only_sets(node: cst.If) -> bool:
    """`if sid != self._speech: self._speech = sid; self._calls = 0`."""
    return node.orelse is None and all(_sets(line) for line in node.body.body)


def _sets(line: cst.CSTNode) -> bool:
    """Whether a line does nothing but give values to names and attributes."""
    if not isinstance(line, cst.SimpleStatementLine):
        return False
    values = [getattr(small, "value", None) for small in line.body]
    return all(isinstance(s, (cst.Assign, cst.AugAssign, cst.AnnAssign)) for s in line.body) and all(
        v is not None and _plain(v) for v in values
    )


def _plain(value: cst.CSTNode) -> bool:
    return harmless(value) or all(
        (isinstance(c.func, cst.Name) and c.func.value in ("getattr", "str", "id")) or _gets(c)
        for c in find(value, cst.Call)
    )


def _gets(call: cst.Call) -> bool:
    return isinstance(call.func, cst.Attribute) and call.func.attr.value in ("get", "time", "monotonic")


def _targets(statement: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    for node in find(statement, cst.AssignTarget, cst.AugAssign, cst.AnnAssign):
        if isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign)):
            target = node.target
            yield from (e.value for e in target.elements) if isinstance(target, cst.Tuple) else (target,)


def _writes_state(statement: cst.CSTNode, outer: set[str]) -> bool:
    return any(
        isinstance(t, (cst.Attribute, cst.Subscript)) or (isinstance(t, cst.Name) and t.value in outer)
        for t in _targets(statement)
    )


def _bound(statement: cst.CSTNode) -> Iterator[str]:
    return (t.value for t in _targets(statement) if isinstance(t, cst.Name))


def _state(statements: tuple[cst.BaseStatement, ...]) -> Iterator[str]:
    """The attributes of `self` that are set."""
    for statement in statements:
        for target in _targets(statement):
            while isinstance(target, cst.Subscript):
                target = target.value
            if isinstance(target, cst.Attribute):
                yield target.attr.value


def _variables(
    module: Module, function: cst.FunctionDef, statements: tuple[cst.BaseStatement, ...]
) -> Iterator[Binding]:
    """The variables of the functions around it, or of the module, that are set."""
    for statement in statements:
        for target in _targets(statement):
            while isinstance(target, cst.Subscript):
                target = target.value
            if isinstance(target, cst.Name) and (binding := binding_of(module, target)).owner is not function:
                yield binding


def _looks_like_one(module: Module, statements: tuple[cst.BaseStatement, ...]) -> bool:
    """Whether the counter's own name says so, and the refusal depends on it."""
    counters = [module.tree.code_for_node(t) for s in statements for t in _targets(s)]
    return any(_SPEAKS.search(text) for text in counters if "." in text or "[" in text)


def _trial(
    project: Project,
    module: Module,
    function: cst.FunctionDef,
    statements: tuple[cst.BaseStatement, ...],
    state: frozenset[str],
) -> Trial | None:
    owner = module.index.enclosing(function, cst.ClassDef)
    line: tuple[Class, ...] = ()
    if isinstance(owner, cst.ClassDef):
        line = next(iter(sorted(project.fact(lineages).heirs(owner), key=len)), (Class(module, owner),))

    def machine(today: bool, assume: bool) -> Machine:
        return Machine(project, today, assume, state)

    def attempt(fresh: Machine) -> Callable[[Machine], Any]:
        this = Instance(line)
        return lambda at: _ask(at, module, statements, this)

    return try_out(machine, attempt, reset_for(project, state))


def _ask(machine: Machine, module: Module, statements: tuple[cst.BaseStatement, ...], this: Instance) -> Any:
    machine.track(this)
    machine.asks += 1
    scopes = scopes_at(machine, module, statements[0], this)
    try:
        for statement in statements:
            run(Frame(machine, module, scopes), statement)
    except Returned:
        return "refused"
    return None

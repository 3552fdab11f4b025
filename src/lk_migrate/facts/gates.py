"""Turn gates: what lets only N tool calls through per user utterance, where it is asked, and what belongs to it.

A gate is recognised by what it does (facts/trial.py), its name is only where we look. `find_gates` reads the whole
project; nothing here changes anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import libcst as cst

from lk_migrate.facts.gate_guards import Strip, Unclear, strip_of
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import Class, Lineages, lineages, method
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.trial import (
    UTTERANCE,
    External,
    Function,
    Instance,
    Machine,
    Raised,
    Trial,
    Undecidable,
    Unknown,
    Utterance,
    Wrapped,
    try_out,
)
from lk_migrate.facts.walk import descendants, find

#: Files without such a word hold no gate's definition.
_WORDS = re.compile(rb"speech|utterance|(?<!re)turn_|_turn|user_input|generation_?id|\bturn\b", re.I)
_HOOK = re.compile(
    r"user_turn|user_speech|user_input|user_state|new_turn|begin_turn|start_turn|turn_(start|begin)|utterance"
)
#: Methods that are asked through their object or class, not by their name.
_BY_CLASS = frozenset({"__call__", "__enter__", "__aenter__"})
#: What gives something a name, or passes it by keyword.
_NAMING = (cst.FunctionDef, cst.ClassDef, cst.ImportAlias, cst.AsName, cst.Param, cst.Arg)
#: Functions that are longer than this do more than count.
_LONGEST = 60


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

    `kind`: "method", "function", "decorator" or "context manager". `counter` is the function that counts.
    """

    kind: str
    module: Module
    node: cst.FunctionDef
    owner: cst.ClassDef | None
    counter: cst.FunctionDef
    guards: tuple[Guard, ...]
    limit: int | None
    trial: Trial

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

    def limit_of(self, node: cst.ClassDef) -> int | None:
        """How many tool calls per utterance the class let through; None without a gate, or when it isn't known.

        With several gates the most permissive one counts: the session must not forbid what used to work.
        """
        return self._limits.get(node)

    def gated(self) -> frozenset[cst.ClassDef]:
        """The classes whose tools ask a gate, subclasses included."""
        return frozenset(self._limits)


@dataclass(frozen=True)
class _Candidate:
    module: Module
    node: cst.FunctionDef
    counter: cst.FunctionDef
    owner: cst.ClassDef | None
    counted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Use:
    module: Module
    node: cst.CSTNode
    candidate: _Candidate


def find_gates(project: Project) -> Gates:
    """Find every turn gate and every place that asks one. Memoise with `project.fact(find_gates)`."""
    candidates = list(_candidates(project))
    if not candidates:
        return Gates(())
    lines = project.fact(lineages)
    found: list[Gate] = []
    limits: dict[cst.ClassDef, list[int | None]] = {}
    seen: set[cst.CSTNode] = set()
    while candidates:
        candidate = candidates.pop(0)
        if candidate.node in seen:
            continue
        seen.add(candidate.node)
        guards = list(_guards(project, lines, candidate, limits))
        trial = guards[0].trial if guards else None
        for guard in [g for g in guards if _answers_with(g)]:
            wrapper = _candidate(guard.module, guard.function)
            wrapper = replace(wrapper, counted=candidate.counted)
            if any(_guards(project, lines, wrapper, {})):
                # A method that only passes the gate's answer on is a gate itself.
                candidates.insert(0, wrapper)
                guards.remove(guard)
        asked = any(isinstance(g.strip, Strip) or g.strip.refuses for g in guards)
        if trial is not None and (asked or not guards):
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
                )
            )
    found.sort(key=lambda g: (g.module.path, g.module.span(g.node).line))
    chosen = {
        node: None if any(v is None for v in values) else max(v for v in values if v is not None)
        for node, values in limits.items()
    }
    return Gates(tuple(found), chosen)


# -- what may be a gate ---------------------------------------------------------------------------------------


def _candidates(project: Project) -> Iterator[_Candidate]:
    hooked = frozenset(_hooked(project))
    tells = cache(lambda word: word in hooked or UTTERANCE.search(word) is not None)
    for path in sorted(project.files):
        if not _WORDS.search(project.files[path]):
            continue
        module = project.module(path)
        if module is None:
            continue
        for function in module.index.of(cst.FunctionDef):
            if _counts(module, function) and _speaks_of_turns(module, function, tells):
                candidate = _candidate(module, function)
                yield replace(candidate, counted=_counted(candidate))


def _candidate(module: Module, function: cst.FunctionDef) -> _Candidate:
    """A nested function belongs to the outermost one: that is the decorator."""
    outer = function
    for ancestor in module.index.ancestors(function):
        if isinstance(ancestor, cst.ClassDef):
            return _Candidate(module, outer, function, ancestor)
        if isinstance(ancestor, cst.FunctionDef):
            outer = ancestor
    return _Candidate(module, outer, function, None)


_BRANCHES = (cst.If, cst.IfExp, cst.BooleanOperation, cst.Comparison)
_CHANGES = frozenset({cst.AssignTarget, cst.AnnAssign, cst.AugAssign})


def _counts(module: Module, function: cst.FunctionDef) -> bool:
    """Whether it changes something that outlives the call, and is short."""
    index = module.index
    if not index.find(function, *_BRANCHES):
        return False
    if len(index.find(function, cst.SimpleStatementLine, cst.BaseCompoundStatement)) > _LONGEST:
        return False
    for node in index.below(function):
        kind = type(node)
        if kind in _CHANGES:
            if isinstance(node.target, (cst.Attribute, cst.Subscript, cst.Tuple)):  # type: ignore[attr-defined]
                return True
        elif kind is cst.Global or kind is cst.Nonlocal:
            return True
        elif kind is cst.Call:
            assert isinstance(node, cst.Call)
            name = node.func.attr.value if isinstance(node.func, cst.Attribute) else dotted(node.func)
            if name in ("add", "append", "setattr", "update", "setdefault"):
                return True
    return False


def _speaks_of_turns(module: Module, function: cst.FunctionDef, tells: Callable[[str], bool]) -> bool:
    for node in module.index.find(function, cst.Name, cst.SimpleString):
        if type(node) is cst.Name:
            if tells(node.value):
                return True
        elif len(node.value) < 40 and UTTERANCE.search(node.value):
            return True
    return False


def _hooked(project: Project) -> Iterator[str]:
    """Attributes that are set to a constant when the user speaks again."""
    for _, function in _hooks(project):
        for node in find(function, cst.Assign):
            for target in node.targets:
                if isinstance(target.target, cst.Attribute):
                    yield target.target.attr.value


def _hooks(project: Project) -> Iterator[tuple[Module, cst.FunctionDef]]:
    """Functions that run when the user speaks again: by their name, or by the event they are registered for."""
    for path in sorted(project.files):
        if not _HOOK.search(project.files[path].decode("utf-8", "replace")):
            continue
        module = project.module(path)
        if module is None:
            continue
        for function in module.index.of(cst.FunctionDef):
            events = [s.value for d in function.decorators for s in find(d, cst.SimpleString)]
            if any(_HOOK.search(text) for text in [function.name.value, *events]):
                yield module, function


# -- where it is asked ----------------------------------------------------------------------------------------


def uses_of(project: Project, lines: Lineages, candidate: _Candidate) -> Iterator[_Use]:
    """The names and attributes that stand for the candidate, its own definition left out."""
    names = {candidate.node.name.value}
    if names & _BY_CLASS and candidate.owner is not None:
        names = {candidate.owner.name.value, *_holders(project, candidate.owner.name.value)}
    for path in sorted(project.files):
        if not any(name.encode() in project.files[path] for name in names):
            continue
        module = project.module(path)
        if module is None:
            continue
        own = set(descendants(candidate.node)) if module is candidate.module else set()
        for node in [node for name in sorted(names) for node in module.names.get(name, ())]:
            if node in own:
                continue
            parent = module.index.parents[node]
            expression: cst.CSTNode = node
            if isinstance(parent, cst.Attribute) and parent.attr is node:
                expression = parent
            elif isinstance(parent, _NAMING) and getattr(parent, "value", None) is not node:
                continue
            if _means(project, lines, module, expression, candidate):
                yield _Use(module, expression, candidate)


def _holders(project: Project, made: str) -> Iterator[str]:
    """Names and attributes that are given an object of the class `made`."""
    for path in sorted(project.files):
        module = project.module(path) if made.encode() in project.files[path] else None
        for call in module.index.of(cst.Call) if module is not None else ():
            if (dotted(call.func) or "").rpartition(".")[2] == made:
                parent = module.index.parents[call]  # type: ignore[union-attr]
                for target in parent.targets if isinstance(parent, cst.Assign) else ():
                    yield (dotted(target.target) or "").rpartition(".")[2]


def _means(project: Project, lines: Lineages, module: Module, node: cst.CSTNode, candidate: _Candidate) -> bool:
    if candidate.owner is None:
        symbol = project.resolve(module, node)
        return symbol is not None and symbol.node is candidate.node
    if candidate.node.name.value in _BY_CLASS:
        instance = instance_of(project, lines, module, node, candidate)
        return instance is not None and any(c.node is candidate.owner for c in instance.line)
    if not isinstance(node, cst.Attribute):
        return False
    instance = instance_of(project, lines, module, node.value, candidate)
    if instance is None:
        return False
    found = method(instance.line, node.attr.value)
    return found is not None and found[1] is candidate.node


def instance_of(
    project: Project, lines: Lineages, module: Module, node: cst.CSTNode, candidate: _Candidate
) -> Instance | None:
    """The object that `node` stands for, as far as the project says: `self`, `self.gate`, a module's `gate`."""
    line = _line_of_self(project, lines, module, node, candidate)
    if isinstance(node, cst.Name) and node.value == "self":
        return Instance(line)
    machine = Machine(project)
    try:
        value = machine.evaluate(module, node, (_scope(machine, module, node, Instance(line)),))
    except (Undecidable, Raised, RecursionError):
        return None
    if isinstance(value, Class):
        return Instance(lines.of.get(value.node, (value,)))
    return value if isinstance(value, Instance) else None


def _line_of_self(
    project: Project, lines: Lineages, module: Module, node: cst.CSTNode, candidate: _Candidate
) -> tuple[Class, ...]:
    """The lineage of `self` around `node`: of its class, or of an heir that has the candidate's class beside it."""
    owner = module.index.enclosing(node, cst.ClassDef)
    if not isinstance(owner, cst.ClassDef):
        return ()
    own = lines.of.get(owner, ())
    if candidate.owner is None or any(c.node is candidate.owner for c in own):
        return own
    beside = [line for line in lines.heirs(owner) if any(c.node is candidate.owner for c in line)]
    return beside[0] if beside else own


def _scope(machine: Machine, module: Module, node: cst.CSTNode, this: Instance) -> dict[str, Any]:
    """The names around `node` in its function: parameters by their annotation, locals by their first value."""
    function = module.index.enclosing(node, cst.FunctionDef)
    scope: dict[str, Any] = {}
    chain = [a for a in module.index.ancestors(node) if isinstance(a, cst.FunctionDef)]
    for function in reversed(chain):
        in_class = isinstance(module.index.enclosing(function, cst.ClassDef, cst.FunctionDef), cst.ClassDef)
        params = [*function.params.posonly_params, *function.params.params, *function.params.kwonly_params]
        for i, param in enumerate(params):
            name = param.name.value
            if i == 0 and in_class and name in ("self", "cls"):
                scope[name] = this
            elif UTTERANCE.search(name):
                scope[name] = Utterance(machine.utterance)
            else:
                scope[name] = _annotated(machine, module, param) or Unknown(f"{name} of call {machine.asks}")
    wanted = {n.value for n in find(node, cst.Name)} - set(scope)
    if chain and wanted:
        for assign in find(chain[0], cst.Assign):
            target = assign.targets[0].target
            if (
                isinstance(target, cst.Name)
                and target.value in wanted
                and target.value not in scope
                and node not in set(descendants(assign))
            ):
                try:
                    scope[target.value] = machine.evaluate(module, assign.value, (scope,))
                except (Undecidable, Raised):
                    scope[target.value] = Unknown(target.value)
    return scope


def _annotated(machine: Machine, module: Module, param: cst.Param) -> Instance | None:
    if param.annotation is None:
        return None
    node: cst.CSTNode = param.annotation.annotation
    symbol = (
        machine.project.resolve_name(module, str(node.evaluated_value))
        if isinstance(node, cst.SimpleString)
        else machine.project.resolve(module, node)
    )
    if symbol is None or symbol.module is None or not isinstance(symbol.node, cst.ClassDef):
        return None
    return Instance(machine.project.fact(lineages).of.get(symbol.node, ()))


def _guards(
    project: Project, lines: Lineages, candidate: _Candidate, limits: dict[cst.ClassDef, list[int | None]]
) -> Iterator[Guard]:
    tried: dict[Any, Trial | None] = {}
    for use in uses_of(project, lines, candidate):
        asked = _asked(use)
        function = use.module.index.enclosing(asked, cst.FunctionDef) if not isinstance(asked, cst.Decorator) else None
        if isinstance(asked, cst.Decorator):
            function = use.module.index.parents[asked]
        if not isinstance(function, cst.FunctionDef):
            continue
        owner = use.module.index.enclosing(function, cst.ClassDef)
        owner = owner if isinstance(owner, cst.ClassDef) else None
        trial = None
        for line in _lines_for(lines, owner, candidate):
            key = (line[0].node if line else None, use.module.tree.code_for_node(asked))
            if key not in tried:
                tried[key] = _trial(project, use, asked, function, line, candidate)
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


def _asked(use: _Use) -> cst.CSTNode:
    """The decorator or the call that the name belongs to, else the name itself."""
    parent = use.module.index.parents[use.node]
    if isinstance(parent, cst.Decorator):
        return parent
    if isinstance(parent, cst.Call) and parent.func is use.node:
        above = use.module.index.parents[parent]
        return above if isinstance(above, cst.Decorator) else parent
    return use.node


def _lines_for(lines: Lineages, owner: cst.ClassDef | None, candidate: _Candidate) -> list[tuple[Class, ...]]:
    """The classes whose instances run the guard: its own class and those that inherit it."""
    if owner is None:
        return [()]
    heirs = sorted(lines.heirs(owner), key=len)
    return heirs or [()]


def _trial(
    project: Project,
    use: _Use,
    asked: cst.CSTNode,
    function: cst.FunctionDef,
    line: tuple[Class, ...],
    candidate: _Candidate,
) -> Trial | None:
    counted = candidate.counted | _counted(candidate)

    def machine(today: bool, assume: bool) -> Machine:
        return Machine(project, today, assume, counted)

    def attempt(fresh: Machine) -> Callable[[Machine], Any]:
        this = Instance(line)
        if isinstance(asked, cst.Decorator):
            wrapped = Wrapped()
            decorate = fresh.evaluate(use.module, asked.decorator, ())
            made = fresh.call(decorate, [wrapped], {})
            return partial(_through_decorator, made=made, wrapped=wrapped, this=this, function=function)
        return partial(_through_call, module=use.module, asked=asked, this=this)

    resets = {name: value for name, value in _resets(project) if name in counted}

    def reset(fresh: Machine) -> None:
        fresh.reset(resets)

    if not isinstance(asked, (cst.Decorator, cst.Call)):
        return None
    return try_out(machine, attempt, reset if resets else None)


def _through_call(machine: Machine, module: Module, asked: cst.CSTNode, this: Instance) -> Any:
    machine.track(this)
    machine.asks += 1
    machine.asked_at = asked
    machine.yields.clear()
    scope = _scope(machine, module, asked, this)
    value = machine.evaluate(module, asked, (scope,))
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


def _counted(candidate: _Candidate) -> frozenset[str]:
    """What the candidate sets, itself or through other methods of its class that it mentions."""
    found = set(written(candidate.node))
    if candidate.owner is not None:
        mentioned = {n.attr.value for n in find(candidate.node, cst.Attribute)}
        for helper in candidate.owner.body.body:
            if isinstance(helper, cst.FunctionDef) and helper.name.value in mentioned:
                found |= set(written(helper))
    return frozenset(found)


def _answers_with(guard: Guard) -> bool:
    """Whether the function around the gate is an undecorated method that returns what the gate says."""
    parent = guard.module.index.enclosing(guard.node, cst.Return, cst.FunctionDef)
    plain = not guard.function.decorators and guard.node not in guard.function.decorators
    return plain and isinstance(parent, cst.Return) and len(guard.function.body.body) <= 3


def written(function: cst.FunctionDef) -> Iterator[str]:
    """The attributes (of whatever object) that the function sets or changes."""
    for node in descendants(function):
        targets: list[cst.CSTNode] = []
        if isinstance(node, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign)):
            targets = [node.target]
            if isinstance(node.target, (cst.Tuple, cst.List)):
                targets = [e.value for e in node.target.elements]
        elif isinstance(node, cst.Call):
            if (
                dotted(node.func) == "setattr"
                and len(node.args) > 1
                and isinstance(node.args[1].value, cst.SimpleString)
            ):
                yield str(node.args[1].value.evaluated_value)
            if isinstance(node.func, cst.Attribute) and node.func.attr.value in ("add", "append", "clear", "update"):
                targets = [node.func.value]
        for target in targets:
            while isinstance(target, cst.Subscript):
                target = target.value
            if isinstance(target, cst.Attribute):
                yield target.attr.value


def _resets(project: Project) -> tuple[tuple[str, Any], ...]:
    return project.fact(_all_resets)


def _all_resets(project: Project) -> tuple[tuple[str, Any], ...]:
    found: list[tuple[str, Any]] = []
    for module, function in _hooks(project):
        for node in find(function, cst.Assign):
            for target in node.targets:
                if isinstance(target.target, cst.Attribute):
                    try:
                        value = Machine(project).evaluate(module, node.value, ())
                    except (Undecidable, Raised):
                        continue
                    if not isinstance(value, (Unknown, External)):
                        found.append((target.target.attr.value, value))
    return tuple(found)


def _kind(candidate: _Candidate, guards: list[Guard]) -> str:
    if any(isinstance(g.node, cst.Decorator) for g in guards):
        return "decorator"
    if any(isinstance(n, cst.Yield) for n in descendants(candidate.node)) or candidate.node.name.value.startswith("__"):
        return "context manager"
    return "method" if candidate.owner is not None else "function"

"""Where a would-be gate is asked: every name, attribute and object of the project that stands for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import libcst as cst

from lk_migrate.facts.evaluation.given import annotated
from lk_migrate.facts.evaluation.initial import parameters_of
from lk_migrate.facts.evaluation.machine import Machine
from lk_migrate.facts.evaluation.values import (
    UTTERANCE,
    Function,
    Instance,
    Raised,
    Scopes,
    Undecidable,
    Unknown,
    Utterance,
)
from lk_migrate.facts.gate_candidates import Candidate
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import Class, Lineages, method
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.searched import GAP
from lk_migrate.facts.walk import descendants

#: Methods that are asked through their object or class, not by their name.
_BY_CLASS = frozenset({"__call__", "__enter__", "__aenter__"})
#: How far the object of a factory is followed: from a variable to an argument, to an attribute.
_HANDED_ON = 4
#: What gives something a name, or passes it by keyword.
_NAMING = (cst.FunctionDef, cst.ClassDef, cst.ImportAlias, cst.AsName, cst.Param, cst.Arg)


@dataclass(frozen=True)
class Use:
    """One name or attribute that stands for the candidate."""

    module: Module
    node: cst.CSTNode
    candidate: Candidate


def uses_of(project: Project, lines: Lineages, candidate: Candidate) -> Iterator[Use]:
    """The names and attributes that stand for the candidate, its own definition left out."""
    if candidate.closure:
        yield from _closure_uses(project, lines, candidate)
        return
    names = {candidate.node.name.value}
    if names & _BY_CLASS and candidate.owner is not None:
        names = {candidate.owner.name.value, *_holders(project, candidate.owner.name.value)}
    for path in _paths_asking(project, names):
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
                yield Use(module, expression, candidate)


def _closure_uses(project: Project, lines: Lineages, candidate: Candidate) -> Iterator[Use]:
    """Where a function inside a function is called: beside its definition, or by whoever was given it."""
    own = set(descendants(candidate.node))
    factory = [a for a in candidate.module.index.ancestors(candidate.node) if isinstance(a, cst.FunctionDef)][-1]
    names = {candidate.node.name.value}
    if _gives(candidate.module, factory):
        names |= _given_to(project, factory.name.value)
    for path in _paths_asking(project, names):
        module = project.module(path)
        for call in module.index.of(cst.Call) if module is not None else ():
            if module is None or call in own or (dotted(call.func) or "").rpartition(".")[2] not in names:
                continue
            if _is_closure(project, lines, module, call.func, candidate):
                yield Use(module, call.func, candidate)
        for decorator in module.index.of(cst.Decorator) if module is candidate.module else ():
            name = decorator.decorator
            is_named_so = isinstance(name, cst.Name) and name.value == candidate.node.name.value
            if is_named_so and _is_closure(project, lines, candidate.module, name, candidate):
                yield Use(candidate.module, name, candidate)


def _gives(module: Module, function: cst.FunctionDef) -> bool:
    """Whether calling it is worth anything: an entrypoint, with handlers in it, hands none of them out."""
    own = module.index.own_scope(function)
    return any(type(n) is cst.Yield or (type(n) is cst.Return and n.value is not None) for n in own)


def _paths_asking(project: Project, names: Iterable[str]) -> list[str]:
    """The files in which one of the names is called, or decorates something: nothing else asks a gate."""
    word = rb"(?:%s)(?!\w)" % b"|".join(re.escape(name.encode()) for name in names)
    asks = re.compile(rb"[.@]%s%s|(?<!\w)(?<!def )%s%s\(" % (GAP, word, word, GAP))
    return [p for p in project.paths_naming(names) if project.is_parsed(p) or asks.search(project.files[p])]


def _is_closure(project: Project, lines: Lineages, module: Module, node: cst.CSTNode, candidate: Candidate) -> bool:
    """Whether the value of `node` is the candidate, made by whatever call of its factory."""
    machine = Machine(project)
    this = Instance(_line_of_self(project, lines, module, node, candidate))
    try:
        value = machine.evaluate(module, node, scopes_at(machine, module, node, this))
    except (Undecidable, Raised, RecursionError):
        return False
    return isinstance(value, Function) and value.node is candidate.node


def _given_to(project: Project, factory: str) -> frozenset[str]:
    """Every name, attribute and keyword that gets what the factory returns, or what such a name holds."""
    names = {factory}
    for _ in range(_HANDED_ON):
        before = len(names)
        for path in project.paths_naming(names):
            module = project.module(path)
            for node in module.index.of(cst.Assign) if module is not None else ():
                made = node.value.func if isinstance(node.value, cst.Call) else node.value
                if (dotted(made) or "").rpartition(".")[2] in names:
                    names |= {n for t in node.targets for n in _last_names(t.target)}
            for arg in module.index.of(cst.Arg) if module is not None else ():
                given = arg.value.func if isinstance(arg.value, cst.Call) else arg.value
                if arg.keyword is not None and (dotted(given) or "").rpartition(".")[2] in names:
                    names.add(arg.keyword.value)
        if len(names) == before:
            break
    return frozenset(names - {factory})


def _last_names(target: cst.CSTNode) -> Iterator[str]:
    parts = [e.value for e in target.elements] if isinstance(target, cst.Tuple) else [target]
    return (n for n in ((dotted(p) or "").rpartition(".")[2] for p in parts) if n)


def _holders(project: Project, made: str) -> Iterator[str]:
    """Names and attributes that are given an object of the class `made`."""
    for path in project.paths_naming([made]):
        module = project.module(path)
        for call in module.index.of(cst.Call) if module is not None else ():
            if (dotted(call.func) or "").rpartition(".")[2] == made:
                parent = module.index.parents[call]  # type: ignore[union-attr]
                for target in parent.targets if isinstance(parent, cst.Assign) else ():
                    yield (dotted(target.target) or "").rpartition(".")[2]


def _means(project: Project, lines: Lineages, module: Module, node: cst.CSTNode, candidate: Candidate) -> bool:
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
    project: Project, lines: Lineages, module: Module, node: cst.CSTNode, candidate: Candidate
) -> Instance | None:
    """The object that `node` stands for, as far as the project says: `self`, `self.gate`, a module's `gate`."""
    line = _line_of_self(project, lines, module, node, candidate)
    if isinstance(node, cst.Name) and node.value == "self":
        return Instance(line)
    machine = Machine(project)
    try:
        value = machine.evaluate(module, node, scopes_at(machine, module, node, Instance(line)))
    except (Undecidable, Raised, RecursionError):
        return None
    if isinstance(value, Class):
        return Instance(lines.of(value.node) or (value,))
    return value if isinstance(value, Instance) else None


def _line_of_self(
    project: Project, lines: Lineages, module: Module, node: cst.CSTNode, candidate: Candidate
) -> tuple[Class, ...]:
    """The lineage of `self` around `node`: of its class, or of an heir that has the candidate's class beside it."""
    owner = module.index.enclosing(node, cst.ClassDef)
    if not isinstance(owner, cst.ClassDef):
        return ()
    own = lines.of(owner)
    if candidate.owner is None or any(c.node is candidate.owner for c in own):
        return own
    beside = [line for line in lines.heirs(owner) if any(c.node is candidate.owner for c in line)]
    return beside[0] if beside else own


def scopes_at(machine: Machine, module: Module, node: cst.CSTNode, this: Instance) -> Scopes:
    """The names around `node`: of the function that it stands in afresh, of those around that as they were left."""
    function = module.index.enclosing(node, cst.FunctionDef)
    if not isinstance(function, cst.FunctionDef):
        return ({},)
    outer = machine.scopes_around(module, function, this)
    scope: dict[str, Any] = {}
    in_class = isinstance(module.index.enclosing(function, cst.ClassDef, cst.FunctionDef), cst.ClassDef)
    for i, param in enumerate(parameters_of(function)):
        name = param.name.value
        if i == 0 and in_class and name in ("self", "cls"):
            scope[name] = this
        elif UTTERANCE.search(name):
            scope[name] = Utterance(machine.utterance)
        else:
            scope[name] = annotated(machine, module, param) or Unknown(f"{name} of call {machine.asks}")
    index = module.index
    wanted = {n.value for n in index.find(node, cst.Name)} - set(scope)
    if wanted:
        wanted -= {i.name.value for i in index.find(function, cst.NameItem) if isinstance(i.name, cst.Name)}
    for assign in index.find(function, cst.Assign) if wanted else ():
        target = assign.targets[0].target
        if (
            isinstance(target, cst.Name)
            and target.value in wanted
            and target.value not in scope
            and index.number(node) not in index.numbers(assign)
        ):
            try:
                scope[target.value] = machine.evaluate(module, assign.value, (*outer, scope))
            except (Undecidable, Raised):
                scope[target.value] = Unknown(target.value)
    return (*outer, scope)


def asked_of(use: Use) -> cst.CSTNode:
    """The decorator or the call that the name belongs to, else the name itself."""
    parent = use.module.index.parents[use.node]
    if isinstance(parent, cst.Decorator):
        return parent
    if isinstance(parent, cst.Call) and parent.func is use.node:
        above = use.module.index.parents[parent]
        return above if isinstance(above, cst.Decorator) else parent
    return use.node

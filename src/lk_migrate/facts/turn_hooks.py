"""What runs when the user speaks again, by its name or by the event it is registered for, and what that resets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import libcst as cst

from lk_migrate.facts.evaluation.initial import parameters_of
from lk_migrate.facts.evaluation.machine import Frame, Machine
from lk_migrate.facts.evaluation.operators import truth
from lk_migrate.facts.evaluation.statements import run
from lk_migrate.facts.evaluation.values import External, Function, Instance, Raised, Returned, Undecidable, Unknown
from lk_migrate.facts.framework import Owner, bases, method
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import Class
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find

_HOOKS = (
    *("user_turn", "user_speech", "user_input", "user_state", "user_started", "utterance"),
    *("new_turn", "begin_turn", "start_turn", "turn_start", "turn_begin"),
)
_HOOK = re.compile("|".join(_HOOKS))
#: A function that is called so, or an event in quotes.
_HOOK_BYTES = re.compile(rb"""(?:\bdef[ \t]+[^\s(]*|["'][^"'\n]*)(?:%s)""" % _HOOK.pattern.encode())
_EMPTYING = frozenset({"clear", "update"})

Hook = tuple[Module, cst.FunctionDef]


def turn_hooks(project: Project) -> tuple[Hook, ...]:
    """The functions that run when the user speaks again, and those that they call. Memoise with `project.fact`."""
    found: dict[cst.FunctionDef, Module] = {}
    for path in sorted(project.paths_with(word.encode() for word in _HOOKS)):
        module = project.module(path) if _HOOK_BYTES.search(project.files[path]) else None
        for function in module.index.of(cst.FunctionDef) if module is not None else ():
            events = [s.value for d in function.decorators for s in find(d, cst.SimpleString)]
            if module is not None and any(_HOOK.search(text) for text in [function.name.value, *events]):
                found[function] = module
                found.update((helper, home) for home, helper in _helpers(project, module, function))
        for call in module.index.of(cst.Call) if module is not None else ():
            if module is not None and (given := _registered(project, module, call)) is not None:
                found[given[1]] = given[0]
                found.update((helper, home) for home, helper in _helpers(project, *given))
    return tuple((module, function) for function, module in found.items())


def _registered(project: Project, module: Module, call: cst.Call) -> Hook | None:
    """`session.on("user_input_transcribed", new_turn)`: what is given there."""
    if not (isinstance(call.func, cst.Attribute) and call.func.attr.value in ("on", "once") and len(call.args) == 2):
        return None
    event = call.args[0].value
    if not (isinstance(event, cst.SimpleString) and _HOOK.search(event.value)):
        return None
    return _stands_for(project, module, call.args[1].value)


def _helpers(project: Project, module: Module, function: cst.FunctionDef) -> Iterator[Hook]:
    """The functions of the project that a hook calls: methods of `self`, neighbours, what a factory returned."""
    node = module.index.enclosing(function, cst.ClassDef)
    owner = Owner(module, node) if isinstance(node, cst.ClassDef) else None
    for call in module.index.find(function, cst.Call):
        if isinstance(call.func, cst.Attribute) and dotted(call.func.value) == "self":
            found = _inherited(project, owner, call.func.attr.value) if owner is not None else None
        elif not call.args or dotted(call.func) in ("", None):
            found = _stands_for(project, module, call.func)
        else:
            found = None  # a reset needs no arguments
        if found is not None:
            yield found


def _stands_for(project: Project, module: Module, node: cst.BaseExpression) -> Hook | None:
    """The function of the project that an expression is worth."""
    machine = Machine(project)
    owner = module.index.enclosing(node, cst.ClassDef)
    this = Instance((Class(module, owner),)) if isinstance(owner, cst.ClassDef) else None
    try:
        value = machine.evaluate(module, node, machine.scopes_around(module, node, this))
    except (Undecidable, Raised, RecursionError):
        return None
    if isinstance(value, Function) and isinstance(value.node, cst.FunctionDef):
        return value.module, value.node
    return None


def _inherited(project: Project, owner: Owner, name: str, depth: int = 0) -> Hook | None:
    """The method of the class or of a base in the project. (`lineages` would parse every class there is.)"""
    own = method(owner, name)
    if own is not None or depth > 20:
        return (owner.module, own) if own is not None else None
    above = (b for b in bases(project, owner) if isinstance(b, Owner))
    found = (_inherited(project, base, name, depth + 1) for base in above)
    return next((f for f in found if f is not None), None)


def hooked_names(project: Project) -> Iterator[str]:
    """Attributes, and variables of a scope further out, that are set when the user speaks again."""
    for _, function in project.fact(turn_hooks):
        further_out = {item.name.value for item in find(function, cst.NameItem) if isinstance(item.name, cst.Name)}
        for node in find(function, cst.AssignTarget):
            if isinstance(node.target, cst.Attribute):
                yield node.target.attr.value
            elif isinstance(node.target, cst.Subscript):
                yield (dotted(node.target.value) or "").rpartition(".")[2]
            elif isinstance(node.target, cst.Name) and node.target.value in further_out:
                yield node.target.value
        for call in find(function, cst.Call):
            if isinstance(call.func, cst.Attribute) and call.func.attr.value in _EMPTYING:
                yield (dotted(call.func.value) or "").rpartition(".")[2]


def resets(project: Project) -> tuple[tuple[str, Any], ...]:
    """The attributes that are set to a constant when the user speaks again, with it."""
    found: list[tuple[str, Any]] = []
    for module, function in project.fact(turn_hooks):
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


def user_speaks(machine: Machine) -> None:
    """Run the project's hooks, as far as they can be followed; what else they do has no effect on the trial."""
    before = machine.asked, machine.probed, set(machine.effects)
    held = [h for i in machine.instances for h in (i, *i.attributes.values()) if isinstance(h, Instance)]
    for module, function in machine.project.fact(turn_hooks):
        owner = module.index.enclosing(function, cst.ClassDef, cst.FunctionDef)
        if not isinstance(owner, cst.ClassDef):
            _run_hook(machine, module, function, None)
            continue
        for instance in held:
            if any(c.node is owner for c in instance.line):
                _run_hook(machine, module, function, instance)
    machine.asked, machine.probed, machine.effects = before


def _run_hook(machine: Machine, module: Module, function: cst.FunctionDef, this: Instance | None) -> None:
    scope: dict[str, Any] = {p.name.value: Unknown(p.name.value) for p in parameters_of(function)}
    if this is not None and scope:
        scope[next(iter(scope))] = this
    machine.steps = 0
    try:
        _run(Frame(machine, module, (*machine.scopes_around(module, function, this), scope)), function.body)
    except (Returned, RecursionError):
        return


def _run(at: Frame, block: cst.CSTNode) -> None:
    for statement in getattr(block, "body", ()):
        if isinstance(statement, cst.If):
            if _may_hold(at, statement.test):
                _run(at, statement.body)
        elif isinstance(statement, (cst.SimpleStatementLine, cst.Try, cst.With)):
            _run(at, statement if isinstance(statement, cst.SimpleStatementLine) else statement.body)
        else:
            try:
                run(at, statement)
            except (Undecidable, Raised):
                continue


def _may_hold(at: Frame, test: cst.BaseExpression) -> bool:
    """`if event.is_final:` is taken: at some time it holds."""
    try:
        return truth(at.machine, at.evaluate(test))
    except (Undecidable, Raised):
        return True

"""What the project's own calls give for a parameter: `TurnLimiter(limit=3)`, `Desk(limiter)`, `make_tools(db, 2)`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import libcst as cst

from lk_migrate.facts.classes import is_super_init
from lk_migrate.facts.evaluation.values import Instance, Unknown
from lk_migrate.facts.lineage import lineages, method
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.testcode import is_test

if TYPE_CHECKING:
    from lk_migrate.facts.evaluation.machine import Machine

_PLAIN = (int, float, str, type(None))


def given_value(machine: Machine, module: Module, function: cst.FunctionDef, param: cst.Param) -> Any:
    """The one value that every call gives (or leaves to the default); a stand-in when they differ."""
    name = param.name.value
    unknown = Unknown(name, given=True)
    if (function, name) in machine.asking:
        return unknown
    machine.asking.add((function, name))
    try:
        values = [
            _given(machine, module, function, param, *site) for site in call_sites(machine.project, module, function)
        ]
    finally:
        machine.asking.discard((function, name))
    if not values and param.default is not None:
        return machine.aside(module, param.default, ())
    if values and not isinstance(values[0], Unknown) and all(_same(values[0], v) for v in values[1:]):
        return values[0]
    return annotated(machine, module, param) or unknown


def annotated(machine: Machine, module: Module, holder: cst.Param | cst.AnnAssign) -> Instance | None:
    """An object of the project's class that the annotation of a parameter or a field names."""
    if holder.annotation is None:
        return None
    node: cst.CSTNode = holder.annotation.annotation
    symbol = (
        machine.project.resolve_name(module, str(string_value(node)))
        if isinstance(node, cst.SimpleString)
        else machine.project.resolve(module, node)
    )
    if symbol is None or symbol.module is None or not isinstance(symbol.node, cst.ClassDef):
        return None
    return Instance(machine.project.fact(lineages).of(symbol.node))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Instance) and isinstance(other, Instance):
        names = one.arguments.keys() | other.arguments.keys()
        return one.line == other.line and all(_same(one.arguments.get(n), other.arguments.get(n)) for n in names)
    return isinstance(one, _PLAIN) and type(one) is type(other) and one == other


def argument_for(function: cst.FunctionDef, param: cst.Param, call: cst.Call) -> cst.Arg | None:
    """The argument of a call that a parameter gets; `self` is not counted."""
    name = param.name.value
    names = [p.name.value for p in (*function.params.posonly_params, *function.params.params)]
    position = names.index(name) if name in names else None
    if position is not None and names[:1] in (["self"], ["cls"]):
        position -= 1
    for i, arg in enumerate(call.args):
        if (arg.keyword.value == name) if arg.keyword is not None else i == position and not arg.star:
            return arg
    return None


def _given(
    machine: Machine, home: Module, function: cst.FunctionDef, param: cst.Param, module: Module, call: cst.Call
) -> Any:
    arg = argument_for(function, param, call)
    if arg is not None:
        return machine.aside(module, arg.value, machine.scopes_around(module, arg))
    if param.default is None or any(a.star for a in call.args):
        return Unknown(param.name.value, given=True)
    return machine.aside(home, param.default, ())


Site = tuple[Module, cst.Call]


def call_sites(project: Project, home: Module, function: cst.FunctionDef) -> tuple[Site, ...]:
    """The calls of a function; of an `__init__`, the places where objects are made. Tests are no such places."""
    known = project.fact(_known_sites)
    if function not in known:
        known[function] = tuple(_call_sites(project, home, function))
    return known[function]


def _known_sites(project: Project) -> dict[cst.FunctionDef, tuple[Site, ...]]:
    """What was found before, for each parameter asks: use as a fact."""
    return {}


def _call_sites(project: Project, home: Module, function: cst.FunctionDef) -> Iterator[Site]:
    owner = home.index.enclosing(function, cst.ClassDef, cst.FunctionDef)
    is_init = isinstance(owner, cst.ClassDef) and function.name.value == "__init__"
    words, spelled = {function.name.value}, {function.name.value.encode()}
    if is_init and isinstance(owner, cst.ClassDef):
        made = {line[0].name for line in project.fact(lineages).heirs(owner)}
        words, spelled = words | made, {b".__init__", *(name.encode() for name in made)}
    for path in sorted(project.paths_with(spelled)):
        if is_test(path):
            continue
        module = project.module(path)
        if module is not None:
            named = [call for word in words for call in module.calls.get(word, ())]
            named.sort(key=module.index.number)
            yield from ((module, call) for call in named if _calls(project, module, call, home, function, owner))


def _calls(
    project: Project,
    module: Module,
    call: cst.Call,
    home: Module,
    function: cst.FunctionDef,
    owner: cst.CSTNode | None,
) -> bool:
    lines = project.fact(lineages)
    if isinstance(owner, cst.FunctionDef):
        return module is home and isinstance(call.func, cst.Name) and owner in home.index.ancestors(call)
    if owner is None:
        symbol = project.resolve(module, call.func)
        return symbol is not None and symbol.node is function
    if function.name.value != "__init__":
        return isinstance(call.func, cst.Attribute)
    if is_super_init(call):
        around = module.index.enclosing(call, cst.ClassDef)
        line = lines.of(around)[1:] if isinstance(around, cst.ClassDef) else ()
    else:
        symbol = project.resolve(module, call.func)
        line = lines.of(symbol.node) if symbol is not None and isinstance(symbol.node, cst.ClassDef) else ()
    found = method(line, "__init__")
    return found is not None and found[1] is function

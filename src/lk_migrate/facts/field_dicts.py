"""Dicts that are made of an object's fields: `asdict(settings)`, `settings.model_dump()`."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find

_MAKERS = frozenset({"asdict", "vars", "model_dump"})


@dataclass(frozen=True)
class Fields:
    """The class whose fields they are."""

    module: Module
    owner: cst.ClassDef
    names: frozenset[str]


def fields_behind(project: Project, module: Module, call: cst.Call) -> Fields | None:
    """The fields that `call` makes a dict of, when the class of the object can be told."""
    if (dotted(call.func) or "").rpartition(".")[2] not in _MAKERS:
        return None
    of_method = isinstance(call.func, cst.Attribute) and not call.args
    thing = call.func.value if of_method else call.args[0].value if len(call.args) == 1 else None  # type: ignore[attr-defined]
    found = _class_of(project, module, thing) if isinstance(thing, cst.Name) else None
    if found is None:
        return None
    where, owner = found
    lines = (line for line in owner.body.body if isinstance(line, cst.SimpleStatementLine))
    fields = (small for line in lines for small in line.body if isinstance(small, cst.AnnAssign))
    return Fields(where, owner, frozenset(dotted(field.target) or "" for field in fields))


def _class_of(project: Project, module: Module, thing: cst.Name) -> tuple[Module, cst.ClassDef] | None:
    """The class around `self`, or the one that a variable gets an object of."""
    owner = module.index.enclosing(thing, cst.ClassDef)
    if thing.value == "self" and isinstance(owner, cst.ClassDef):
        return module, owner
    for scope in module.scopes(thing):
        for assign in find(scope, cst.Assign):
            if not isinstance(assign.value, cst.Call) or all(dotted(t.target) != thing.value for t in assign.targets):
                continue
            func = assign.value.func  # `Settings(…)`, or `Settings.load(…)`
            for named in (func, func.value if isinstance(func, cst.Attribute) else func):
                symbol = project.resolve(module, named)
                if symbol is not None and symbol.module is not None and isinstance(symbol.node, cst.ClassDef):
                    return symbol.module, symbol.node
    return None

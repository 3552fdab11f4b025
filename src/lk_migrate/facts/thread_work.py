"""Whether a sync function blocks, by what it calls itself or through the project's own functions, and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts import blocking
from lk_migrate.facts.families import Function
from lk_migrate.facts.held import Holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find, own_scope

_DEPTH = 4
#: With more places than these a function of its own is easier to read.
_FEW = 3
#: What may be asked of a result wherever it comes from.
_PLAIN = frozenset({*dir(str), *dir(list), *dir(dict)})


def blocks(known: Holdings, function: Function, depth: int = 0) -> str | None:
    """The first blocking call that is reached, as it is written; None when none can be seen."""
    found = blocking.blocking_call(known.project, function.module, function.node)
    if found is not None or depth >= _DEPTH:
        return found
    for call in find(function.node.body, cst.Call):
        inner = _through(known, function, call, depth)
        if inner is not None:
            return dotted(call.func) or inner
    return None


def _through(known: Holdings, function: Function, call: cst.Call, depth: int = 0) -> str | None:
    for callee in known.callees(function.module, call):
        if callee.node is not function.node and callee.node.asynchronous is None:
            inner = blocks(known, callee, depth + 1)
            if inner is not None:
                return inner
    return None


@dataclass(frozen=True)
class OneShot:
    """A call that blocks and is over when it returns, so that it can go to a thread alone. `sleeps`: `time.sleep`."""

    call: cst.Call
    sleeps: bool


def one_shots(project: Project, module: Module, function: cst.FunctionDef) -> tuple[OneShot, ...]:
    """The blocking calls of a body, if each can go to a thread alone and they are few; none else."""
    return _one_shots(project, module, function, lambda _: False)


def one_shots_reached(known: Holdings, function: Function) -> tuple[OneShot, ...]:
    """The same where calls of the project's own functions that block count, too."""
    return _one_shots(
        known.project, function.module, function.node, lambda call: _through(known, function, call) is not None
    )


def _one_shots(
    project: Project, module: Module, function: cst.FunctionDef, reaches: Callable[[cst.Call], bool]
) -> tuple[OneShot, ...]:
    found: list[OneShot] = []
    for call in find(function.body, cst.Call):
        name = blocking.blocks(project, module, call)
        if name is None and not reaches(call):
            continue
        alone = blocking.is_one_shot(name) if name is not None else _gives_plain_data(module, function, call)
        if not alone or not _may_await(module, function, call):
            return ()
        found.append(OneShot(call, name == "time.sleep"))
    return tuple(found) if len(found) <= _FEW else ()


def _may_await(module: Module, function: cst.FunctionDef, call: cst.Call) -> bool:
    """Whether the place belongs to the function itself, and no lock or open file is held there."""
    node = module.index.parents.get(call)
    while node is not None and node is not function:
        if isinstance(node, (cst.FunctionDef, cst.Lambda, cst.ClassDef, cst.BaseComp, cst.With)):
            return False
        node = module.index.parents.get(node)
    return node is function


def _gives_plain_data(module: Module, function: cst.FunctionDef, call: cst.Call) -> bool:
    """Whether nothing but data is asked of what a function of the project returns: no cursor, no connection."""
    parent = module.index.parents.get(call)
    if isinstance(parent, cst.Attribute):
        return not _is_called(module, parent) or parent.attr.value in _PLAIN
    targets = [t.target for t in parent.targets] if isinstance(parent, cst.Assign) else []
    names = {t.value for t in targets if isinstance(t, cst.Name)}
    if targets and len(names) < len(targets):
        return False  # kept on the object: others use it
    return not any(
        isinstance(node, cst.Attribute)
        and dotted(node.value) in names
        and _is_called(module, node)
        and node.attr.value not in _PLAIN
        for node in own_scope(function)
    )


def _is_called(module: Module, node: cst.Attribute) -> bool:
    parent = module.index.parents.get(node)
    return isinstance(parent, cst.Call) and parent.func is node

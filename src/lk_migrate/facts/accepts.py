"""`WorkerOptions(request_fnc)` of 0.7: `await req.accept(entrypoint)` named the entrypoint, and connected the job."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.public_names import is_missing
from lk_migrate.facts.walk import find


@dataclass(frozen=True)
class Accepted:
    """`request`: the function that is asked for each job, `call`: its one `accept(entrypoint)`.

    `function`: the entrypoint itself, `subscribe`: the `auto_subscribe=` of the call, which is the job's now.
    """

    request: cst.Name
    call: cst.Call
    entrypoint: cst.Name
    function: cst.FunctionDef
    subscribe: cst.Arg | None = None


#: What `accept` still takes, by keyword.
_KEPT = frozenset({"name", "identity", "metadata"})


def accepted(module: Module, options: cst.Call) -> Accepted | None:
    """The entrypoint that the options' `request_fnc` (also as first argument) accepts with, if they give none."""
    keywords = {a.keyword.value: a.value for a in options.args if a.keyword is not None}
    first = options.args[0].value if options.args and options.args[0].keyword is None else None
    given = first if first is not None else keywords.get("request_fnc")
    if "entrypoint_fnc" in keywords or not isinstance(given, cst.Name):
        return None
    function = module.definitions.get(given.value)
    if not isinstance(function, cst.FunctionDef) or not function.params.params:
        return None
    request = function.params.params[0].name.value
    found = [
        c
        for c in find(function.body, cst.Call)
        if isinstance(c.func, cst.Attribute)
        and c.func.attr.value == "accept"
        and isinstance(c.func.value, cst.Name)
        and c.func.value.value == request
    ]
    if len(found) != 1 or not found[0].args or found[0].args[0].keyword is not None:
        return None
    others = {a.keyword.value if a.keyword is not None else "": a for a in found[0].args[1:]}
    subscribe = others.pop("auto_subscribe", None)
    entry = found[0].args[0].value
    if not isinstance(entry, cst.Name) or not others.keys() <= _KEPT or module.is_local(entry.value, entry):
        return None
    if subscribe is not None and not _can_move(module, subscribe.value):
        return None
    target = _entrypoint(module, entry.value)
    return Accepted(given, found[0], entry, target, subscribe) if target is not None else None


def _can_move(module: Module, value: cst.BaseExpression) -> bool:
    """Whether a value means the same in another function, and asks for nothing that there is not (LK205)."""
    local = any(module.is_local(n.value, n) for n in find(value, cst.Name))
    return not local and not any(is_missing(module.target_of(n) or "") for n in find(value, cst.Attribute))


def _entrypoint(module: Module, name: str) -> cst.FunctionDef | None:
    """The one function of that name, if its parameter may be a job."""
    target = module.definitions.get(name)
    here = (f for f in module.index.of(cst.FunctionDef) if module.index.scope(f) is module.tree)
    if not isinstance(target, cst.FunctionDef) or any(f.name.value == name and f is not target for f in here):
        return None
    annotation = next((p.annotation for p in target.params.params), None)
    kind = module.target_of(annotation.annotation) if annotation is not None else None
    other = kind is not None and kind.startswith("livekit.") and not kind.endswith(".JobContext")
    return None if other else target


def settled_accepts(module: Module) -> dict[cst.Call, Accepted]:
    """Each `accept(entrypoint)` whose entrypoint goes to the server, because the options in this file name it."""
    found = {}
    for call in module.index.of(cst.Call):
        name = call.func.attr.value if isinstance(call.func, cst.Attribute) else getattr(call.func, "value", "")
        if name == "WorkerOptions" and module.may_be_imported(call.func):
            item = accepted(module, call)
            if item is not None:
                found[item.call] = item
    return found

"""Functions that did nothing but reset a turn gate which is gone: they go, with what calls or registers them."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.gate_mentions import name_mentions
from lk_migrate.facts.gate_removals import Read, Removal, Search
from lk_migrate.facts.gate_state import harmless
from lk_migrate.facts.lineage import lineages, method
from lk_migrate.facts.module import Module
from lk_migrate.facts.variables import Binding, uses
from lk_migrate.facts.walk import descendants

_RESET = "it only reset the turn gate"
#: Methods of `Agent` that do nothing unless they are overridden (livekit-agents 1.8.9).
_AGENT_HOOKS = frozenset({"on_user_turn_completed", "on_enter", "on_exit"})


def take_emptied(search: Search, module: Module, statement: cst.CSTNode) -> None:
    """The function that did nothing but reset the gate, with what calls it; else it is noted for a person.

    A method goes when it is a hook of `Agent`, which does nothing there either.
    """
    function = module.index.enclosing(statement, cst.FunctionDef)
    if not isinstance(function, cst.FunctionDef) or function in search.gone:
        return
    if not all(_spent(search, module, line) for line in function.body.body):
        return
    owner = module.index.enclosing(function, cst.FunctionDef, cst.ClassDef)
    if isinstance(owner, cst.ClassDef):
        line = search.project.fact(lineages).of(owner)
        if function.name.value in _AGENT_HOOKS and method(line[1:], function.name.value) is None:
            search.take(Removal(module, function, _RESET))
        return
    if isinstance(owner, cst.FunctionDef):
        mentions = [n for n in uses(module, Binding(owner, function.name.value)) if n not in search.gone]
    else:
        own = set(descendants(function))
        mentions = [
            n
            for n in name_mentions(search.project, search.gone, module, function.name.value, own)
            if isinstance(n, cst.Name)
        ]
    calls = [_bare_call(module, n) for n in mentions]
    if any(c is None for c in calls) or not all(_registers(d) for d in function.decorators):
        search.emptied[function] = Read(module, function, function.name.value)
        return
    search.take(Removal(module, function, _RESET))
    for call in calls:
        if call is not None:
            search.take(Removal(module, call, _RESET))
            take_emptied(search, module, call)


def _spent(search: Search, module: Module, line: cst.CSTNode) -> bool:
    """Whether nothing of a statement is left, or nothing that does anything."""
    if line in search.gone:
        return True
    if isinstance(line, cst.SimpleStatementLine):
        return all(s in search.gone or isinstance(s, cst.Pass) or _is_text(s) for s in line.body)
    only_if = isinstance(line, cst.If) and line.orelse is None and harmless(line.test)
    if only_if and all(_spent(search, module, inner) for inner in line.body.body):  # type: ignore[attr-defined]
        search.take(Removal(module, line, _RESET))
        return True
    return False


def _is_text(small: cst.CSTNode) -> bool:
    return isinstance(small, cst.Expr) and isinstance(small.value, (cst.SimpleString, cst.ConcatenatedString))


def _bare_call(module: Module, node: cst.CSTNode) -> cst.Expr | None:
    """The statement `new_turn()`."""
    call = module.index.parents.get(node)
    statement = module.index.parents.get(call) if isinstance(call, cst.Call) and call.func is node else None
    if isinstance(statement, cst.Await):
        statement = module.index.parents[statement]
    return statement if isinstance(statement, cst.Expr) and not call.args else None  # type: ignore[union-attr]


def _registers(decorator: cst.Decorator) -> bool:
    """`@session.on("user_input_transcribed")`: it gives the function to somebody, and changes nothing itself."""
    call = decorator.decorator
    return (
        isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.func.attr.value in ("on", "once")
    )

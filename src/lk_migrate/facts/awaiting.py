"""Which functions must become coroutines because a call inside them is awaited now, and which calls await them.

A sync function can follow when every use of it is a call from a function that is, or can become, a coroutine. A
callback, a constructor, a generator or a property cannot; there a task has to be created instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.held import Holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.variables import is_variable
from lk_migrate.facts.walk import own_scope

_HARMLESS_DECORATORS = frozenset({"staticmethod", "classmethod"})


@dataclass
class Awaiting:
    """`functions` become `async def`; `calls` get an `await`; `stuck` seeds stand where nothing can be awaited."""

    functions: set[cst.FunctionDef] = field(default_factory=set)
    calls: set[cst.Call] = field(default_factory=set)
    stuck: set[cst.Call] = field(default_factory=set)


def awaiting(known: Holdings, seeds: Iterable[tuple[Module, cst.Call]]) -> Awaiting:
    """Follow from the calls `seeds`, which must be awaited, to their functions and those functions' callers."""
    result = Awaiting()
    for module, call in seeds:
        chain: set[cst.FunctionDef] = set()
        calls: set[cst.Call] = set()
        if _follow(known, module, call, chain, calls):
            result.functions |= chain
            result.calls |= calls
        else:
            result.stuck.add(call)
    return result


def _follow(known: Holdings, module: Module, call: cst.Call, chain: set[cst.FunctionDef], calls: set[cst.Call]) -> bool:
    function = module.index.enclosing(call, cst.FunctionDef, cst.Lambda)
    if not isinstance(function, cst.FunctionDef):
        return False
    if function.asynchronous is not None or function in chain:
        return True
    if not _can_be_coroutine(function):
        return False
    chain.add(function)
    for where, caller in uses_of(known, module, function):
        if caller is None:
            return False
        if isinstance(where.index.parents.get(caller), cst.Await):
            continue
        calls.add(caller)
        if not _follow(known, where, caller, chain, calls):
            return False
    return True


def _can_be_coroutine(function: cst.FunctionDef) -> bool:
    if function.name.value.startswith("__"):
        return False
    if any(dotted(d.decorator) not in _HARMLESS_DECORATORS for d in function.decorators):
        return False
    return not any(isinstance(node, cst.Yield) for node in own_scope(function))


def uses_of(known: Holdings, home: Module, function: cst.FunctionDef) -> list[tuple[Module, cst.Call | None]]:
    """Every call of the function; None for a use that is not a call."""
    found: list[tuple[Module, cst.Call | None]] = []
    name = function.name.value
    for module in known.modules:
        if name.encode() not in module.data:
            continue
        for node in [*module.index.of(cst.Name), *module.index.of(cst.Attribute)]:
            if isinstance(node, cst.Name):
                if node.value != name or not is_variable(module, node):
                    continue
            elif node.attr.value != name:
                continue
            target = known.named_function(module, node)
            if target is None or target.node is not function:
                continue
            parent = module.index.parents.get(node)
            found.append((module, parent if isinstance(parent, cst.Call) and parent.func is node else None))
    return found

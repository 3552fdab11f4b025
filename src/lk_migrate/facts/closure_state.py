"""What a turn gate leaves behind in variables of the function around a closure, and the functions that reset them."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.emptied_functions import take_emptied
from lk_migrate.facts.gate_holders import take_parameter
from lk_migrate.facts.gate_mentions import name_mentions
from lk_migrate.facts.gate_removals import Read, Removal, Search
from lk_migrate.facts.gate_state import harmless, write_of
from lk_migrate.facts.gates import Gate
from lk_migrate.facts.module import Module
from lk_migrate.facts.variables import Binding, binding_of, is_variable, uses
from lk_migrate.facts.walk import descendants, find

_STATE = "the state of the turn gate"


def reads_of_variables(search: Search, gate: Gate, inside: set[cst.CSTNode]) -> Iterator[Read]:
    """Where other code needs the value of a variable that the gate changes; `inside`: the gates that go."""
    for binding, changed in variables_of(gate).items():
        for node in reads_of(gate.module, binding) if changed else ():
            if node not in inside and node not in search.gone:
                yield Read(gate.module, node, binding.name)


def reads_of(module: Module, binding: Binding) -> Iterator[cst.Name]:
    """The places that need the value of a variable, not only set it."""
    return (node for node in uses(module, binding) if _change_of(module, node) is None)


def variables_of(gate: Gate) -> dict[Binding, bool]:
    """The variables of the functions around the gate that it mentions, and whether it changes them."""
    inside = set(descendants(gate.node))
    found: dict[Binding, bool] = {}
    for node in find(gate.node, cst.Name):
        if is_variable(gate.module, node):
            binding = binding_of(gate.module, node)
            if isinstance(binding.owner, cst.FunctionDef) and binding.owner not in inside:
                changes = _change_of(gate.module, node) is not None
                found[binding] = found.get(binding, False) or changes
    return found


def _change_of(module: Module, node: cst.Name) -> tuple[cst.CSTNode, cst.CSTNode | None] | None:
    """The statement that only changes the variable, and the part of it that does; None for a read."""
    parents = module.index.parents
    place: cst.CSTNode = node
    if isinstance(parents[place], cst.NameItem):
        return parents[parents[place]], parents[place]
    while isinstance(parents[place], cst.Subscript) and parents[place].value is place:  # type: ignore[attr-defined]
        place = parents[place]
    above = parents[place]
    if isinstance(above, cst.Attribute) and isinstance(parents[above], (cst.AssignTarget, cst.AugAssign)):
        place = above  # `state.calls = 0`
    return write_of(module, place)


def take_variables(search: Search, gate: Gate) -> None:
    """The variables that nothing reads any more, with all that sets them."""
    for binding, changed in variables_of(gate).items():
        left = [n for n in uses(gate.module, binding) if n not in search.gone]
        if len(left) == 1 and isinstance(gate.module.index.parents[left[0]], cst.Param):
            take_parameter(search, gate, binding.owner, binding.name)  # type: ignore[arg-type]
        elif changed or all(gate.module.index.enclosing(n, cst.FunctionDef) is binding.owner for n in left):
            take_variable(search, gate.module, left)


def take_variable(search: Search, module: Module, left: list[cst.Name]) -> None:
    """All that sets a variable, of which `left` is every mention that stays so far, if none of them reads it."""
    changes = [_change_of(module, node) for node in left]
    if None in changes:
        return
    for statement, part in (c for c in changes if c is not None):
        search.take(Removal(module, statement, _STATE, (part,) if part is not None else ()))
    for statement, _ in (c for c in changes if c is not None):
        take_emptied(search, module, statement)


def take_closure(search: Search, gate: Gate) -> bool:
    """The function inside a function, or the function that does nothing but make it. Whether it could be taken."""
    module, factory = gate.module, gate.module.index.enclosing(gate.node, cst.FunctionDef)
    assert isinstance(factory, cst.FunctionDef)
    inside = set(descendants(gate.node))
    mentions = uses(module, Binding(factory, gate.name))
    if all(n in search.gone or n in inside for n in mentions):
        search.take(Removal(module, gate.node, "the turn gate"))
        return True
    return _take_factory(search, gate, factory)


def _take_factory(search: Search, gate: Gate, factory: cst.FunctionDef) -> bool:
    module = gate.module
    if not isinstance(module.index.parents[factory], cst.Module) or not _only_makes(factory, gate.node):
        return False
    holders = []
    for node in name_mentions(search.project, search.gone, module, factory.name.value, set(descendants(factory))):
        held = _holder(search, node)
        if held is None:
            return False
        holders.append(held)
    for where, statement in holders:
        search.take(Removal(where, statement, "it held the turn gate"))
    search.take(Removal(module, factory, "the turn gate"))
    return True


def _only_makes(factory: cst.FunctionDef, made: cst.FunctionDef) -> bool:
    """Whether a function sets variables, defines the gate and returns it, and does nothing else."""
    for line in factory.body.body:
        for small in line.body if isinstance(line, cst.SimpleStatementLine) else [line]:
            if isinstance(small, cst.Return):
                if not (isinstance(small.value, cst.Name) and small.value.value == made.name.value):
                    return False
            elif isinstance(small, (cst.Assign, cst.AnnAssign)):
                if small.value is not None and not harmless(small.value):
                    return False
            elif small is not made and not (isinstance(small, cst.Expr) and isinstance(small.value, cst.SimpleString)):
                return False
    return True


def _holder(search: Search, node: cst.CSTNode) -> tuple[Module, cst.CSTNode] | None:
    """The statement `limiter = make_limiter(1)` around a mention of the factory, when only guards used the variable."""
    module = search.project.home(node)
    if module is None:
        return None
    call = module.index.parents[node]
    statement = module.index.parents[call]
    if not isinstance(call, cst.Call) or call.func is not node or not all(harmless(a.value) for a in call.args):
        return None
    if not isinstance(statement, cst.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0].target
    if isinstance(target, cst.Name):
        others = list(uses(module, binding_of(module, target)))
        if module.index.enclosing(statement, cst.FunctionDef) is None:
            others += name_mentions(search.project, search.gone, module, target.value, set())  # type: ignore[arg-type]
    elif isinstance(target, cst.Attribute):
        name = target.attr.value
        others = [a.attr for m in search.project.modules() for a in m.index.of(cst.Attribute) if a.attr.value == name]
    else:
        return None
    own = set(descendants(target))
    return (module, statement) if all(n in search.gone or n in own for n in others) else None

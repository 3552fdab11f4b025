"""What only a turn gate needed: its definition, state, constants, helpers, and the imports of all that.

Found as a fixed point: we start from the guards, and whatever is then mentioned nowhere else goes, too. A name that
we cannot follow (`getattr(x, "_turn_gate")`, an object of unknown class) counts as a mention, so doubt keeps code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import libcst as cst

from lk_migrate.facts.closure_state import reads_of_variables, take_closure, take_variables
from lk_migrate.facts.evaluation.initial import set_up_by_inits
from lk_migrate.facts.evaluation.userdata import user_data_displays
from lk_migrate.facts.gate_candidates import written
from lk_migrate.facts.gate_guards import Strip
from lk_migrate.facts.gate_holders import take_holders
from lk_migrate.facts.gate_mentions import (
    attribute_mentions,
    method_mentions,
    name_mentions,
    tests_of,
)
from lk_migrate.facts.gate_records import key_reads, keys_of, left_records, may_go, take_keys, take_mixin, take_records
from lk_migrate.facts.gate_removals import Read, Removal, Search, take_imports
from lk_migrate.facts.gate_resets import take_resets
from lk_migrate.facts.gate_state import definition_of, write_of
from lk_migrate.facts.gates import Gate, find_gates
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.inline_leftovers import inline_leftovers
from lk_migrate.facts.lineage import lineages, method
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import descendants, find


@dataclass(frozen=True)
class Leftovers:
    """`going`: the gates whose guards are stripped; `staying`: gates that other code looks into, with the places.

    `tests`: those of a gate that is removed; `emptied`: functions that only reset a gate, and are used elsewhere;
    `records`: classes that held nothing but a gate's state, and are used elsewhere.
    """

    going: tuple[Gate, ...]
    staying: tuple[tuple[Gate, tuple[Read, ...]], ...]
    removals: tuple[Removal, ...]
    tests: tuple[Read, ...] = ()
    emptied: tuple[Read, ...] = ()
    records: tuple[Read, ...] = ()

    def defined(self, gate: Gate) -> bool:
        """Whether the gate's definition is among what goes."""
        nodes = {r.node for r in self.removals}
        return bool(nodes & {gate.node, gate.owner, *gate.module.index.ancestors(gate.node)})


def find_leftovers(project: Project) -> Leftovers:
    """What goes with the gates of the project. Memoise with `project.fact(find_leftovers)`."""
    gates = project.fact(find_gates)
    staying: dict[Gate, tuple[Read, ...]] = {}
    while True:
        going = [g for g in gates.all if g not in staying and not g.trial.effects]
        search = Search(project, set(project.fact(inline_leftovers).gone))
        for gate in going:
            for guard in gate.guards:
                if isinstance(guard.strip, Strip):
                    search.gone.update(_gone_with(guard.strip, guard.node))
        looked_into = {g: tuple(_reads_of_state(search, g, going)) for g in going}
        looked_into = {g: reads for g, reads in looked_into.items() if reads}
        if not looked_into:
            break
        staying.update(looked_into)
    _grow(search, going)
    effects = {g: () for g in gates.all if g.trial.effects}
    removals = tuple(search.removals.values())
    emptied = tuple(search.emptied.values())
    names = {r.node.name.value for r in removals if isinstance(r.node, cst.FunctionDef)}
    tests = tuple(Read(*found) for found in tests_of(project, names))
    records = tuple(left_records(search, going))
    return Leftovers(tuple(going), tuple({**effects, **staying}.items()), removals, tests, emptied, records)


def _gone_with(strip: Strip, call: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield from descendants(call)
    for node in strip.remove:
        yield from descendants(node)
    for compound, kept in strip.unwrap:
        inside = set(descendants(kept)) if kept is not None else set()
        if not isinstance(compound, cst.With):
            yield from (n for n in descendants(compound) if n not in inside)
    for old, new in strip.values:
        inside = set(descendants(new)) if new is not None else set()
        yield from (n for n in descendants(old) if n not in inside)


# -- who else looks at the state ------------------------------------------------------------------------------


def _reads_of_state(search: Search, gate: Gate, going: list[Gate]) -> Iterator[Read]:
    inside = {n for g in going for n in descendants(_unit(search.project, g))}
    if gate.closure:
        yield from reads_of_variables(search, gate, inside)
    for name in sorted(set(written(gate.node))):
        for module, node in attribute_mentions(search.project, name, gate):
            if node in inside or node in search.gone:
                continue
            if write_of(module, node) is None:
                yield Read(module, node, name)
    for key in keys_of(gate) if search.project.fact(user_data_displays) else ():
        for module, node in key_reads(search, key):
            if node not in inside:
                yield Read(module, node, key)


def _unit(project: Project, gate: Gate) -> cst.CSTNode:
    """What defines the gate: its function, or the class of a gate that is an object of its own."""
    if gate.owner is None:
        return gate.node
    related = project.fact(lineages).related(gate.owner)
    if any(g.owner in related for g in gate.guards):
        return gate.node
    return gate.owner


# -- what nobody mentions any more ----------------------------------------------------------------------------


def _grow(search: Search, going: list[Gate]) -> None:
    """Take definitions, state and constants until nothing more is mentioned only by what goes."""
    project = search.project
    units = {_unit(project, g): g for g in going}
    pending = list(units)
    while True:
        before = len(search.gone)
        for unit in list(pending):
            gate = units[unit]
            if gate.closure:
                if take_closure(search, gate):
                    pending.remove(unit)
            elif _unmentioned(search, gate, unit):
                search.take(Removal(gate.module, unit, "the turn gate"))
                take_imports(search, gate.module, unit.name.value)  # type: ignore[attr-defined]
                pending.remove(unit)
        for gate in going:
            if _unit(project, gate) in search.gone:
                _take_state(search, gate)
                take_records(search, gate)
                take_keys(search, gate)
                if gate.owner is not None:
                    take_mixin(search, gate.owner)
                if gate.closure:
                    take_variables(search, gate)
            if gate.owner is not None and _unit(project, gate) is gate.owner:
                take_holders(search, gate, gate.owner)
        for module in {g.module for g in going} | {x.module for g in going for x in g.guards}:
            _take_module_level(search, module)
        if len(search.gone) == before:
            return


def _unmentioned(search: Search, gate: Gate, unit: cst.CSTNode) -> bool:
    project = search.project
    inside = set(descendants(unit))
    name = unit.name.value  # type: ignore[attr-defined]
    if isinstance(unit, cst.FunctionDef) and gate.owner is not None:
        mentions = (node for _, node in method_mentions(project, name, gate))
        return all(node in inside or node in search.gone for node in mentions)
    return not list(name_mentions(search.project, search.gone, gate.module, name, inside))


# -- state ----------------------------------------------------------------------------------------------------


def _take_state(search: Search, gate: Gate) -> None:
    counted = set(written(gate.node))
    guards = [n for g in gate.guards if isinstance(g.strip, Strip) for n in _gone_with(g.strip, g.node)]
    asking = [*find(_unit(search.project, gate), cst.Attribute), *(n for n in guards if type(n) is cst.Attribute)]
    mentioned = {n.attr.value for n in asking if dotted(n.value) in ("self", "cls")}
    for name in sorted(counted | mentioned):
        _take_attribute(search, gate, name, name in counted)


def _take_attribute(search: Search, gate: Gate, name: str, counted: bool) -> None:
    """Statements that only set an attribute which nothing reads any more; of helpers, the definition."""
    writes: list[tuple[Module, cst.CSTNode, cst.CSTNode | None]] = []
    for module, node in attribute_mentions(search.project, name, gate):
        if node in search.gone:
            continue
        found = write_of(module, node)
        if found is None:
            return
        function = module.index.enclosing(node, cst.FunctionDef)
        early = not isinstance(function, cst.FunctionDef) or _sets_up(search.project, gate, function)
        if not counted and not early:
            return  # something that changes while the program runs is not ours: the id of the turn, for example
        owner = module.index.enclosing(node, cst.ClassDef)
        of_record = isinstance(owner, cst.ClassDef) and owner in gate.trial.records
        if function is None and of_record and not may_go(search.project, found[0], cast(cst.ClassDef, owner)):
            return
        writes.append((module, *found))
    for module, statement, part in writes:
        search.take(Removal(module, statement, "the state of the turn gate", (part,) if part is not None else ()))
    if not writes:
        _take_helper(search, gate, name)
    for module, statement, _ in writes:
        function = module.index.enclosing(statement, cst.FunctionDef)
        if isinstance(function, cst.FunctionDef):
            _take_empty_method(search, gate, module, function)


def _sets_up(project: Project, gate: Gate, function: cst.FunctionDef) -> bool:
    """Whether the method is an `__init__`, or called by one."""
    if function.name.value == "__init__":
        return True
    owners = [o for o in [gate.owner, *(g.owner for g in gate.guards)] if o is not None]
    lines = [project.fact(lineages).of(owner) for owner in dict.fromkeys(owners)]
    return any(function is method for line in lines for _, method in set_up_by_inits(line))


def _take_helper(search: Search, gate: Gate, name: str) -> None:
    """A private method that only the gate called."""
    if gate.owner is None or not name.startswith("_") or name.startswith("__"):
        return
    found = method(search.project.fact(lineages).of(gate.owner), name)
    if found is None or found[1] in search.gone:
        return
    inside = set(descendants(found[1]))
    helper = Gate("method", found[0].module, found[1], found[0].node, found[1], (), None, gate.trial)
    if all(n in search.gone or n in inside for _, n in method_mentions(search.project, name, helper)):
        search.take(Removal(found[0].module, found[1], "only the turn gate called it"))


def _take_empty_method(search: Search, gate: Gate, module: Module, function: cst.FunctionDef) -> None:
    """A method that did nothing but reset the gate, with the statements that call it."""
    if function.name.value.startswith("__") or function.name.value.startswith("on_") or function in search.gone:
        return
    rest = [
        s
        for line in function.body.body
        for s in (line.body if isinstance(line, cst.SimpleStatementLine) else [line])
        if s not in search.gone and not (isinstance(s, cst.Expr) and isinstance(s.value, cst.SimpleString))
    ]
    owner = module.index.enclosing(function, cst.ClassDef)
    if rest or not isinstance(owner, cst.ClassDef):
        return
    helper = Gate("method", module, function, owner, function, (), None, gate.trial)
    calls = []
    for where, node in method_mentions(search.project, function.name.value, helper):
        if node in search.gone:
            continue
        call = where.index.parents[node]
        call = where.index.parents[call] if isinstance(where.index.parents[call], cst.Await) else call
        if not isinstance(node, cst.Attribute) or not isinstance(where.index.parents[call], cst.Expr):
            return
        calls.append((where, where.index.parents[call]))
    if not calls and not function.name.value.startswith("_"):
        return
    search.take(Removal(module, function, "it only reset the turn gate"))
    for where, statement in calls:
        search.take(Removal(where, statement, "it only reset the turn gate"))


# -- constants ------------------------------------------------------------------------------------------------


def _take_module_level(search: Search, module: Module) -> None:
    """Constants and private functions of the module that only what is gone mentioned."""
    mentioned = {n.value for n in search.gone if type(n) is cst.Name and id(n) in module.index.at}
    for name in sorted(mentioned):
        symbol = search.project.resolve_name(module, name)
        if symbol is None or symbol.module is None or symbol.node is None or symbol.node in search.gone:
            continue
        home = symbol.module
        statement = definition_of(home, symbol.name, symbol.node)
        if statement is None or statement in search.gone:
            continue
        if not list(name_mentions(search.project, search.gone, home, symbol.name, set(descendants(statement)))):
            search.take(Removal(home, statement, "only the turn gate used it"))
            take_imports(search, home, symbol.name)
    take_resets(search, module, mentioned)

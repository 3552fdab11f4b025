"""Which of the turn gates at the heads of tools go, and the counters that go with them.

A counter that something else reads keeps its gate, and tools that share one keep it or lose it together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.classes import self_name
from lk_migrate.facts.closure_state import reads_of, take_variable
from lk_migrate.facts.gate_removals import Read, Removal, Search
from lk_migrate.facts.gate_state import write_of
from lk_migrate.facts.inline_gates import InlineGate, inline_gates
from lk_migrate.facts.lineage import lineages
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.variables import Binding, uses
from lk_migrate.facts.walk import descendants

State = str | Binding
"""Where a counter is kept: an attribute of `self`, by its name, or a variable further out."""


@dataclass(frozen=True)
class InlineLeftovers:
    """`going`: the gates that are taken out. `read`: counters that something else reads, `staying` these and those
    that stay with them; `spent`: attributes that only counted, each with the classes whose instances may have it.

    `removals`, `emptied`: what goes with variables that only counted. `gone`: every node of the gates and of these.
    """

    going: frozenset[InlineGate] = frozenset()
    read: frozenset[State] = frozenset()
    staying: frozenset[State] = frozenset()
    spent: tuple[tuple[str, frozenset[cst.ClassDef]], ...] = ()
    removals: tuple[Removal, ...] = ()
    emptied: tuple[Read, ...] = ()
    gone: frozenset[cst.CSTNode] = frozenset()


def inline_leftovers(project: Project) -> InlineLeftovers:
    """For all tools of the project. Memoise with `project.fact(inline_leftovers)`."""
    gates = project.fact(inline_gates)
    if not gates:
        return InlineLeftovers()
    inside = {n for g in gates for s in g.head for n in descendants(s)}
    states = {name for g in gates for name in g.state}
    families = {name: _family(project, gates, name) for name in states}
    variables = {v: g.module for g in gates for v in g.variables}
    read: set[State] = {name for name in states if any(_reads(project, name, inside, families[name]))}
    read |= {v for v, home in variables.items() if _is_read(project, home, v, inside)}
    staying = set(read)
    while more := {n for g in gates if not _goes(g, staying) for n in counted(g)} - staying:
        staying |= more
    going = frozenset(g for g in gates if _goes(g, staying))
    search = Search(project, {n for g in going for s in g.head for n in descendants(s)})
    for variable, home in variables.items():
        if variable not in staying:
            take_variable(search, home, [n for n in uses(home, variable) if n not in search.gone])
    return InlineLeftovers(
        going,
        frozenset(read),
        frozenset(staying),
        tuple((name, families[name]) for name in sorted(states - staying)),
        tuple(search.removals.values()),
        tuple(search.emptied.values()),
        frozenset(search.gone),
    )


def counted(gate: InlineGate) -> frozenset[State]:
    """Where the gate keeps its counters."""
    return frozenset({*gate.state, *gate.variables})


def is_another_s(module: Module, node: cst.Attribute, family: frozenset[cst.ClassDef]) -> bool:
    """Whether it is an attribute of `self` in a class that has nothing to do with the gates'."""
    function = module.index.enclosing(node, cst.FunctionDef)
    owner = module.index.enclosing(node, cst.ClassDef)
    instance = self_name(function) if isinstance(function, cst.FunctionDef) else None
    of_self = instance is not None and isinstance(node.value, cst.Name) and node.value.value == instance
    return of_self and bool(family) and isinstance(owner, cst.ClassDef) and owner not in family


def _goes(gate: InlineGate, staying: set[State]) -> bool:
    return gate.trial is not None and not gate.after and not counted(gate) & staying and not gate.trial.effects


def _family(project: Project, gates: Iterable[InlineGate], name: str) -> frozenset[cst.ClassDef]:
    """The classes whose instances may have the counter that is called so."""
    owners = {g.owner for g in gates if g.owner is not None and name in g.state}
    return frozenset().union(*(project.fact(lineages).related(owner) for owner in owners))


def _reads(
    project: Project, name: str, inside: set[cst.CSTNode], family: frozenset[cst.ClassDef]
) -> Iterator[cst.CSTNode]:
    """Where something besides the gates needs the value of an attribute called so."""
    for path, data in sorted(project.files.items()):
        module = project.module(path) if name.encode() in data else None
        for node in module.index.of(cst.Attribute) if module is not None else ():
            if module is None or node.attr.value != name or node in inside or is_another_s(module, node, family):
                continue
            if write_of(module, node) is None:
                yield node
        for text in module.strings.get(name, ()) if module is not None else ():
            if text not in inside:
                yield text


def _is_read(project: Project, home: Module, variable: Binding, inside: set[cst.CSTNode]) -> bool:
    """Whether something besides the gates needs the value of a variable; a module's may be imported."""
    if any(node not in inside for node in reads_of(home, variable)):
        return True
    others = (p for p, data in project.files.items() if p != home.path and variable.name.encode() in data)
    return isinstance(variable.owner, cst.Module) and any(
        item.local == variable.name for p in others if (m := project.module(p)) is not None for item in m.imports
    )

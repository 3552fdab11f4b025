"""A counter that each tool compares and raises by itself is a turn gate, too: it gives way to `max_tool_steps`.

Some assistants have no gate to ask: every tool begins with the same lines, which reset the counter when the user has
spoken again, refuse when it is at its limit, and raise it. These lines go, with the counter, when nothing else looks
at it; the session limits the tool calls (LK102, LK152). What cannot be told for certain gets a marker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from lk_migrate.facts.classes import self_name
from lk_migrate.facts.closure_state import reads_of, take_variable
from lk_migrate.facts.gate_removals import Search
from lk_migrate.facts.gate_state import definition_of, write_of
from lk_migrate.facts.inline_gates import InlineGate, inline_gates
from lk_migrate.facts.lineage import lineages
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.trial import BREAKS, CAPS
from lk_migrate.facts.variables import Binding, uses
from lk_migrate.facts.walk import descendants, find
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Note, Remove, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.handrolled.gate_removal import EMPTIED, removed
from lk_migrate.rules.registry import Rule

State = str | Binding
"""Where a counter is kept: an attribute of `self`, by its name, or a variable further out."""


def paths(project: Project) -> frozenset[str]:
    """The files whose tools count, and those that set their counters."""
    gates = project.fact(inline_gates)
    names = {name.encode() for g in gates for name in g.state}
    found = {g.module.path for g in gates}
    return frozenset(found | {p for p, data in project.files.items() if any(n in data for n in names)})


rule = Rule("LK103", Edition.HANDROLLED, __doc__, safety=Safety.REVIEW, paths=paths)


@rule.on(cst.Module)
def strip_heads(tree: cst.Module, file: File) -> Iterator[Change]:
    gates = file.project.fact(inline_gates)
    inside = {n for g in gates for s in g.head for n in descendants(s)}
    states = {name for g in gates for name in g.state}
    families = {name: _family(file.project, gates, name) for name in states}
    variables = {v: g.module for g in gates for v in g.variables}
    read: set[State] = {name for name in states if any(_reads(file.project, name, inside, families[name]))}
    read |= {v for v, home in variables.items() if _is_read(file.project, home, v, inside)}
    staying = set(read)
    while more := {n for g in gates if not _goes(g, staying) for n in _counted(g)} - staying:
        staying |= more  # tools that share a counter keep it or lose it together
    for gate in gates:
        if gate.module is file.module:
            yield from _strip(gate, staying, read)
    for name in sorted(states - staying):
        yield from _without_state(file.module, name, inside, families[name])
    mine = [v for v, home in variables.items() if home is file.module and v not in staying]
    yield from _without_variables(file, mine, inside)
    yield from _without_constants(file, [g for g in gates if _goes(g, staying)])


def _counted(gate: InlineGate) -> frozenset[State]:
    return frozenset({*gate.state, *gate.variables})


def _goes(gate: InlineGate, staying: set[State]) -> bool:
    return gate.trial is not None and not gate.after and not _counted(gate) & staying and not gate.trial.effects


def _strip(gate: InlineGate, staying: set[State], read: set[State]) -> Iterator[Change]:
    name = gate.function.name.value
    if not _goes(gate, staying):
        counted = _counted(gate)
        used = sorted(gate.after) or sorted(map(_name, counted & read)) or sorted(map(_name, counted & staying))
        why = "what it counts could not be followed"
        if gate.trial is not None:
            why = f"`{used[0]}` is used elsewhere" if used else "it does more than count"
        yield Todo(
            gate.refusal,
            f"This looks like a turn gate at the head of `{name}`; {why}. The session limits tool calls now "
            "(`max_tool_steps=N-1` for N calls, with `parallel_tool_calls=False`): set that, then take this out.",
        )
        return
    for statement in gate.head:
        yield Remove(statement, f"the turn gate at the head of `{name}`", comments=_comments(statement))
    assert gate.trial is not None
    yield Note(gate.function, _note(gate))


def _name(state: State) -> str:
    return state.name if isinstance(state, Binding) else state


def _note(gate: InlineGate) -> str:
    trial = gate.trial
    assert trial is not None
    many = "an unknown number of" if trial.limit is None else str(trial.limit)
    text = f"`{gate.function.name.value}` let {many} tool call(s) through per utterance by a counter of its own."
    if trial.today == CAPS:
        text += " It asked for an utterance id that no RunContext has, so it refused every tool after that."
    elif trial.today == BREAKS:
        text += " It read an utterance id that no RunContext has and raised AttributeError."
    return text


def _comments(statement: cst.BaseStatement) -> tuple[cst.CSTNode, ...]:
    """The remark behind a statement goes with it; the lines above stay with what follows."""
    trailing = getattr(statement, "trailing_whitespace", None)
    return (trailing.comment,) if isinstance(trailing, cst.TrailingWhitespace) and trailing.comment is not None else ()


def _family(project: Project, gates: Iterable[InlineGate], name: str) -> frozenset[cst.ClassDef]:
    """The classes whose instances may have the counter that is called so."""
    owners = {g.owner for g in gates if g.owner is not None and name in g.state}
    return frozenset().union(*(project.fact(lineages).related(owner) for owner in owners))


def _is_another_s(module: Module, node: cst.Attribute, family: frozenset[cst.ClassDef]) -> bool:
    """Whether it is an attribute of `self` in a class that has nothing to do with the gates'."""
    function = module.index.enclosing(node, cst.FunctionDef)
    owner = module.index.enclosing(node, cst.ClassDef)
    instance = self_name(function) if isinstance(function, cst.FunctionDef) else None
    of_self = instance is not None and isinstance(node.value, cst.Name) and node.value.value == instance
    return of_self and bool(family) and isinstance(owner, cst.ClassDef) and owner not in family


def _reads(
    project: Project, name: str, inside: set[cst.CSTNode], family: frozenset[cst.ClassDef]
) -> Iterator[cst.CSTNode]:
    """Where something besides the gates needs the value of an attribute called so."""
    for path, data in sorted(project.files.items()):
        module = project.module(path) if name.encode() in data else None
        for node in module.index.of(cst.Attribute) if module is not None else ():
            if module is None or node.attr.value != name or node in inside or _is_another_s(module, node, family):
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


def _without_variables(file: File, variables: list[Binding], inside: set[cst.CSTNode]) -> Iterator[Change]:
    search = Search(file.project, set(inside))
    for variable in variables:
        take_variable(search, file.module, [n for n in uses(file.module, variable) if n not in search.gone])
    gone = {r.node for r in search.removals.values() if not r.parts}
    for removal in search.removals.values():
        yield from removed(removal, {v.name for v in variables}, gone)
    for emptied in search.emptied.values():
        yield Todo(emptied.node, EMPTIED.format(emptied.name))


def _without_state(
    module: Module, name: str, inside: set[cst.CSTNode], family: frozenset[cst.ClassDef]
) -> Iterator[Change]:
    for node in module.index.of(cst.Attribute):
        if node.attr.value != name or node in inside or _is_another_s(module, node, family):
            continue
        written = write_of(module, node)
        if written is not None and written[1] is None:
            line = module.index.parents[written[0]]
            alone = isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1
            yield Remove(
                written[0],
                f"`{name}` counted tool calls",
                comments=_own_comments(line, name) if alone and isinstance(line, cst.SimpleStatementLine) else (),
            )


def _own_comments(line: cst.SimpleStatementLine, name: str) -> tuple[cst.CSTNode, ...]:
    """The remark behind the statement, and the lines right above it (no blank line between) that head a group."""
    above: list[cst.CSTNode] = []
    for empty in reversed(line.leading_lines):
        if empty.comment is None:
            break
        above.append(empty)
    return (*above, *_comments(line))


def _without_constants(file: File, going: list[InlineGate]) -> Iterator[Change]:
    """The constants of this module that only the gates' heads mention."""
    inside = {n for g in going for s in g.head for n in descendants(s)}
    names = {n.value for g in going for s in g.head for n in find(s, cst.Name)}
    for name in sorted(names & set(file.module.definitions)):
        value = file.module.definitions[name]
        elsewhere = any(name.encode() in data for path, data in file.project.files.items() if path != file.path)
        used = [n for n in find(file.module.tree, cst.Name) if n.value == name and n not in inside]
        definition = definition_of(file.module, name, value)
        if definition is not None and not elsewhere and all(n in set(descendants(definition)) for n in used):
            yield Remove(definition, f"only the turn gate used `{name}`")

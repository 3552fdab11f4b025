"""A counter that each tool compares and raises by itself is a turn gate, too: it gives way to `max_tool_steps`.

Some assistants have no gate to ask: every tool begins with the same lines, which reset the counter when the user has
spoken again, refuse when it is at its limit, and raise it. These lines go, with the counter, when nothing else looks
at it; the session limits the tool calls (LK102, LK152). What cannot be told for certain gets a marker. A counter in
front of one tool, beside two or more that count nothing, is that tool's own limit, and stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.gate_state import definition_of, write_of
from lk_migrate.facts.inline_gates import InlineGate, inline_gates
from lk_migrate.facts.inline_leftovers import InlineLeftovers, State, counted, inline_leftovers, is_another_s
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.trial import BREAKS, CAPS
from lk_migrate.facts.variables import Binding
from lk_migrate.facts.walk import descendants, find
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Note, Remove, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.handrolled.gate_removal import EMPTIED, removed
from lk_migrate.rules.registry import Rule


def paths(project: Project) -> frozenset[str]:
    """The files whose tools count, and those that set their counters."""
    gates = project.fact(inline_gates)
    names = {name.encode() for g in gates for name in g.state}
    found = {g.module.path for g in gates}
    return frozenset(found | {p for p, data in project.files.items() if any(n in data for n in names)})


rule = Rule("LK103", Edition.HANDROLLED, __doc__, safety=Safety.REVIEW, paths=paths)


@rule.on(cst.Module)
def strip_heads(tree: cst.Module, file: File) -> Iterator[Change]:
    found = file.project.fact(inline_leftovers)
    for gate in file.project.fact(inline_gates):
        if gate.module is file.module:
            yield from _strip(gate, found)
    for name, family in found.spent:
        yield from _without_state(file.module, name, found, family)
    yield from _without_variables(file, found)
    yield from _without_constants(file, found)


def _strip(gate: InlineGate, found: InlineLeftovers) -> Iterator[Change]:
    name = gate.function.name.value
    if gate not in found.going:
        states = counted(gate)
        used = (
            sorted(gate.after) or sorted(map(_name, states & found.read)) or sorted(map(_name, states & found.staying))
        )
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


def _without_variables(file: File, found: InlineLeftovers) -> Iterator[Change]:
    gone = {r.node for r in found.removals if not r.parts}
    names = {_name(state) for gate in found.going for state in counted(gate)}
    for removal in found.removals:
        if removal.module is file.module:
            yield from removed(removal, names, gone)
    for emptied in found.emptied:
        if emptied.module is file.module:
            yield Todo(emptied.node, EMPTIED.format(emptied.name))


def _without_state(
    module: Module, name: str, found: InlineLeftovers, family: frozenset[cst.ClassDef]
) -> Iterator[Change]:
    for node in module.index.of(cst.Attribute):
        if node.attr.value != name or node in found.gone or is_another_s(module, node, family):
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


def _without_constants(file: File, found: InlineLeftovers) -> Iterator[Change]:
    """The constants of this module that only the gates' heads mention."""
    names = {n.value for g in found.going for s in g.head for n in find(s, cst.Name)}
    for name in sorted(names & set(file.module.definitions)):
        value = file.module.definitions[name]
        elsewhere = any(name.encode() in data for path, data in file.project.files.items() if path != file.path)
        used = [n for n in find(file.module.tree, cst.Name) if n.value == name and n not in found.gone]
        definition = definition_of(file.module, name, value)
        if definition is not None and not elsewhere and all(n in set(descendants(definition)) for n in used):
            yield Remove(definition, f"only the turn gate used `{name}`")

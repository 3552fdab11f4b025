"""A hand-made turn gate gives way to the session's own `max_tool_steps`.

A turn gate lets N tool calls through per user utterance and answers the model with a refusal after that. The
framework limits the rounds of tool calls by itself: `AgentSession(max_tool_steps=N-1)` runs N rounds (it runs one
more than its value), and with `parallel_tool_calls=False` on the model a round is one call. Most gates ask
`ctx.speech_id`, which no `RunContext` has: they count over the whole call, and refuse everything after N calls.

Removed are the guards in the tools, the gate, its state, and the constants, helpers and imports that only it used.
Where the gate's answer is used for anything else (logged, counted, stored, passed on), a marker is left instead, and
where neither agent nor session takes the gate's place (a loop of the project's own), it stays and is marked. What one
tool alone asks, beside two or more that ask nothing, is that tool's own limit: it stays as it is, and so do they.
What refuses by something that is set back when the user speaks, in a shape that cannot be followed, is pointed out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import libcst as cst

from lk_migrate.facts.agent_limits import agent_limits
from lk_migrate.facts.classes import is_super_init
from lk_migrate.facts.gate_guards import Strip
from lk_migrate.facts.gate_leftovers import Leftovers, find_leftovers
from lk_migrate.facts.gate_mentions import other_calls
from lk_migrate.facts.gate_sessions import gated_and_used
from lk_migrate.facts.gates import Gate, Guard, closure_counters, find_gates, unasked_beside
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.project import Project
from lk_migrate.facts.trial import BREAKS, CAPS
from lk_migrate.facts.unclear_gates import unclear_gates
from lk_migrate.model import Action, Edition, Safety
from lk_migrate.rewrite.arguments import keyword
from lk_migrate.rewrite.blocks import comments_of_else, dedented
from lk_migrate.rewrite.changes import Change, Note, Remove, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.markers import has_marker
from lk_migrate.rules.handrolled.gate_removal import EMPTIED, SPENT, own_comments, removed
from lk_migrate.rules.registry import Rule

_CLOSURE = (
    "`{}` counts tool calls in a closure, by an utterance id that no RunContext has: it counts over the whole call. "
    "If it is a turn gate, give the session `max_tool_steps=N-1` and its model `parallel_tool_calls=False`, and take "
    "it out."
)

_UNREPLACED = (
    "`{}` limits the tool calls per utterance of a loop of your own: no `Agent` asks it and no `AgentSession` is made "
    "here, so it stays. Once an `AgentSession` runs these tools, give it {} and take the gate out."
)
_UNCLEAR = (
    "{} may refuse by `{}`, which `{}` sets back when the user speaks; it stays as it is. If that limits the tool "
    "calls of a turn, the session can do it: `max_tool_steps=N-1`, with `parallel_tool_calls=False` on its model."
)


def paths(project: Project) -> frozenset[str]:
    """The files that hold a gate, a guard, or something that goes with them."""
    gates = project.fact(find_gates)
    found = {module.path for module, _ in project.fact(closure_counters)}
    found |= {gate.module.path for gate in gates.unreplaced}
    found |= {gate.module.path for gate in project.fact(unclear_gates)}
    if not gates.all:
        return frozenset(found)
    leftovers = project.fact(find_leftovers)
    found |= {r.module.path for r in leftovers.removals}
    for gate in gates.all:
        found |= {gate.module.path, *(g.module.path for g in gate.guards)}
    for reads in (leftovers.tests, leftovers.emptied, leftovers.records, *(reads for _, reads in leftovers.staying)):
        found |= {r.module.path for r in reads}
    return frozenset(found)


rule = Rule("LK101", Edition.HANDROLLED, __doc__, safety=Safety.REVIEW, paths=paths)


@rule.on(cst.Module)
def strip_gates(module: cst.Module, file: File) -> Iterator[Change]:
    """All that concerns gates in this file, wherever they are defined."""
    leftovers = file.project.fact(find_leftovers)
    unwrapped: set[cst.CSTNode] = set()
    for gate in leftovers.going:
        yield from _strip_gate(gate, leftovers, file, unwrapped)
    for gate, reads in leftovers.staying:
        here = [r.node for r in reads if r.module is file.module and not _is_prompt(r.node, file)]
        yield from _keep_gate(gate, here, bool(reads), file)
    for gate in file.project.fact(find_gates).unreplaced:
        if gate.module is file.module:
            yield Todo(gate.node, _UNREPLACED.format(gate.name, _replacement(gate)))
    for unclear in file.project.fact(unclear_gates):
        if unclear.module is file.module:
            asked = _listed(tuple(f.name.value for f in unclear.functions))
            yield Note(unclear.functions[0], _UNCLEAR.format(asked, unclear.state, unclear.hook))
    for module_of, counter in file.project.fact(closure_counters):
        if module_of is file.module and not _was_asked(counter, file):
            yield Todo(counter, _CLOSURE.format(counter.name.value))
    for read in leftovers.tests:
        if read.module is file.module:
            yield Todo(read.node, f"This tests `{read.name}`, which went with the turn gate: take the test out.")
    for read in leftovers.emptied:
        if read.module is file.module:
            yield Todo(read.node, EMPTIED.format(read.name))
    for read in leftovers.records:
        if read.module is file.module:
            yield Todo(read.node, SPENT.format(read.name))
    names = {n for g in leftovers.going for n in (g.name, g.owner.name.value if g.owner else g.name)}
    gone = {r.node for r in leftovers.removals if not r.parts}
    for removal in leftovers.removals:
        if removal.module is file.module:
            yield from removed(removal, names, gone)
    if any(r.module is file.module for r in leftovers.removals) and all(_is_spent(s, gone) for s in module.body):
        yield Note(module.body[0], f"Only the turn gate was in {file.path}: nothing is left to import, delete it.")


def _is_prompt(node: cst.CSTNode, file: File) -> bool:
    """Whether it is what `super().__init__` is given as the instructions, which is so after a first run (LK111)."""
    arg = file.parent(node)
    call = file.parent(arg) if isinstance(arg, cst.Arg) and keyword(arg) == "instructions" else None
    return call is not None and is_super_init(call)


def _was_asked(function: cst.FunctionDef, file: File) -> bool:
    """Whether it was known for a gate once: what asks it, or a function around it, has been left to a person."""
    calls = map(file.statement, file.module.calls.get(function.name.value, ()))
    around = (a for a in file.module.index.ancestors(function) if isinstance(a, cst.FunctionDef))
    return any(has_marker(each, rule.id, file.module.tree) for each in (*calls, *around))


def _is_spent(statement: cst.CSTNode, gone: set[cst.CSTNode]) -> bool:
    """Whether a top-level statement goes, or is a docstring, an import or a logger."""
    if statement in gone or not isinstance(statement, cst.SimpleStatementLine):
        return statement in gone
    kinds = (cst.Import, cst.ImportFrom)
    return all(
        s in gone
        or isinstance(s, kinds)
        or (isinstance(s, cst.Expr) and isinstance(s.value, cst.SimpleString))
        or (isinstance(s, cst.Assign) and isinstance(s.value, cst.Call) and dotted(s.value.func) == "logging.getLogger")
        for s in statement.body
    )


def _strip_gate(gate: Gate, leftovers: Leftovers, file: File, unwrapped: set[cst.CSTNode]) -> Iterator[Change]:
    """`unwrapped`: the statements around guards that have been taken off already, and those that this takes off."""
    for guard in gate.guards:
        if guard.module is not file.module:
            continue
        if isinstance(guard.strip, Strip):
            yield from _strip_guard(guard, gate, guard.strip, file, unwrapped)
        else:
            yield Todo(
                guard.node,
                f"{guard.strip.why[0].upper()}{guard.strip.why[1:]}, so this call of the turn gate `{gate.name}` "
                f"stays. The session limits tool calls now ({_replacement(gate)}): take the gate out "
                "here once that other use is settled.",
            )
    if gate.module is not file.module:
        return
    if gate.guards:
        yield Note(gate.node, _note(gate, file.project))
    if gate.goes and not leftovers.defined(gate):
        others = other_calls(file.project, gate)
        if others:
            where = _listed(tuple(dict.fromkeys(f"{m.path}:{m.span(node).line}" for m, node in others)))
            yield Note(gate.node, f"`{gate.name}` stays for {where}: what asks it there is not set back at each turn.")
            return
        yield Todo(
            gate.node,
            f"No tool asks the turn gate `{gate.name}` any more, but something that could not be followed still "
            "mentions it: remove both by hand.",
        )


def _keep_gate(gate: Gate, reads: Sequence[cst.CSTNode], is_read: bool, file: File) -> Iterator[Change]:
    why = "its state is used elsewhere" if is_read else f"it does more than count ({', '.join(gate.trial.effects)})"
    for node in reads:
        yield Todo(
            node,
            f"This uses the state of the turn gate `{gate.name}`, which therefore stays. Take this out, then the gate "
            "can go.",
        )
    if gate.module is file.module:
        yield Note(gate.node, _note(gate, file.project))
        yield Todo(
            gate.node,
            f"The turn gate `{gate.name}` stays because {why}. The session limits tool calls now "
            f"({_replacement(gate)}): decide what to do with that, then remove the gate.",
        )


def _replacement(gate: Gate) -> str:
    steps = "N-1" if gate.limit is None else str(gate.limit - 1)
    return f"`max_tool_steps={steps}` with `parallel_tool_calls=False`"


def _is_used(project: Project) -> bool:
    """Whether any code makes an assistant whose tools ask a gate."""
    return bool(project.fact(gated_and_used)) or bool(project.fact(agent_limits).units)


def _note(gate: Gate, project: Project) -> str:
    """What the gate did, what does it now, and what is another thing then."""
    limits = sorted({g.trial.limit for g in gate.guards if g.trial.limit is not None})
    many = " or ".join(map(str, limits)) or "an unknown number of"
    calls = "call" if many == "1" else "calls"
    text = f"`{gate.name}` lets {many} tool {calls} through per utterance."
    if gate.trial.today == CAPS:
        text += (
            " It asks `ctx` for an utterance id that no RunContext has, so it counted over the whole call and refused"
            " every tool after that: the converted agent will call tools where the old one was blocked."
        )
    elif gate.trial.today == BREAKS:
        text += " It reads an utterance id that no RunContext has and raised AttributeError at every tool call."
    free = unasked_beside(project, gate)
    if free:
        text += f" The session's limit is for every tool: {_listed(free)} asked no gate so far."
    if not _is_used(project):
        return (
            f"{text} No code here makes an assistant that asks it: where one is run, its session and model need "
            f"{_replacement(gate)} instead."
        )
    return f"{text} {_replacement(gate)} on the session and its model replaces it."


def _listed(names: Sequence[str]) -> str:
    """The first few of them."""
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(f"`{name}`" for name in names[:4]) + more


# -- guards ---------------------------------------------------------------------------------------------------


def _strip_guard(guard: Guard, gate: Gate, strip: Strip, file: File, unwrapped: set[cst.CSTNode]) -> Iterator[Change]:
    message = f"the guard of the turn gate `{gate.name}`"
    names = {gate.name}
    for node in strip.remove:
        if isinstance(node, cst.Decorator):
            yield Rewrite(guard.function, _without_decorator(node), message, Action.REMOVED, (node,))
        else:
            yield Remove(node, message, comments=own_comments(file, node, names))
    for node, kept in strip.unwrap:
        if node in unwrapped:
            continue  # (one `try` around two of them)
        unwrapped.add(node)
        yield from _unwrap(file, node, kept, message, names)
    for old, new in strip.values:
        yield Replace(old, _value(old, new), message)
    for item in strip.items:
        statement = file.parent(item)
        assert isinstance(statement, cst.With)
        yield Rewrite(statement, _without_item(list(statement.items).index(item)), message, Action.REMOVED)


def _without_decorator(gone: cst.Decorator) -> Any:
    def apply(updated: cst.FunctionDef) -> cst.FunctionDef:
        left = [d for d in updated.decorators if d is not gone and not d.deep_equals(gone)]
        return updated.with_changes(decorators=left)

    return apply


def _value(old: cst.CSTNode, new: cst.CSTNode | None) -> Any:
    side = next(
        (f for f in ("left", "right", "body", "orelse") if new is not None and getattr(old, f, None) is new), ""
    )

    def apply(updated: Any) -> Any:
        if not side:
            return cst.Name("None")
        value = getattr(updated, side)
        return value.with_changes(lpar=[*updated.lpar, *value.lpar], rpar=[*value.rpar, *updated.rpar])

    return apply


def _without_item(position: int) -> Any:
    def apply(updated: cst.With) -> cst.With:
        items = [i for n, i in enumerate(updated.items) if n != position]
        items[-1] = items[-1].with_changes(comma=updated.items[-1].comma)
        return updated.with_changes(items=items)

    return apply


def _unwrap(file: File, node: cst.CSTNode, kept: cst.CSTNode | None, message: str, names: set[str]) -> Iterator[Change]:
    """`kept` (a block, an `elif`, or nothing) takes the place of the compound statement `node`."""
    parent = file.parent(node)
    if isinstance(node, cst.If) and isinstance(parent, cst.If) and parent.orelse is node:
        yield Rewrite(parent, _without_elif, message, Action.REMOVED, (node.test,))
        yield Rewrite(node, lambda updated: updated, message, Action.REMOVED)
    else:
        comments = set(own_comments(file, node, names))
        yield Rewrite(node, _unwrapped(node, kept, comments), message, Action.REMOVED)
        for clause in _clauses(node):
            yield Rewrite(clause, lambda updated: updated, message, Action.REMOVED)
    for block in _dropped(node, kept):
        body = block.body if isinstance(block, (cst.Else, cst.ExceptHandler)) else block
        for statement in body.body:
            yield Remove(statement, message, with_comments=True)


def _clauses(node: Any) -> Iterator[cst.CSTNode]:
    """The lines of a compound statement below its first that are gone when a block takes its place."""
    if getattr(node, "orelse", None) is not None:
        yield node.orelse
    yield from getattr(node, "handlers", ())


def _dropped(node: Any, kept: cst.CSTNode | None) -> Iterator[Any]:
    """The parts of a compound statement that go with it."""
    if isinstance(node, cst.With):
        return
    if node.body is not kept:
        yield node.body
    orelse = getattr(node, "orelse", None)
    if isinstance(orelse, cst.Else) and orelse.body is not kept:
        yield orelse
    yield from getattr(node, "handlers", ())


def _without_elif(updated: cst.If) -> cst.If:
    gone = updated.orelse
    assert isinstance(gone, cst.If)
    above = [line for line in gone.leading_lines if line.comment is not None]
    after = gone.orelse
    if after is not None:
        return updated.with_changes(orelse=after.with_changes(leading_lines=[*above, *after.leading_lines]))
    if isinstance(updated.body, cst.IndentedBlock):
        updated = updated.with_changes(body=updated.body.with_changes(footer=[*updated.body.footer, *above]))
    return updated.with_changes(orelse=None)


def _unwrapped(node: Any, kept: cst.CSTNode | None, taken: set[cst.CSTNode]) -> Any:
    in_else = isinstance(getattr(node, "orelse", None), cst.Else) and node.orelse.body is kept

    def apply(updated: Any) -> Any:
        leading = [line for line in updated.leading_lines if line not in taken]
        if isinstance(kept, cst.If):
            return updated.orelse.with_changes(leading_lines=[*leading, *updated.orelse.leading_lines])
        if in_else:
            return dedented(updated.orelse.body, [*leading, *comments_of_else(updated.orelse)])
        return dedented(updated.body, leading)

    return apply

"""One phase as a function: the entrypoint's own control flow, with the statements of that phase alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import libcst as cst

from lk_migrate.entrypoint.spine import Branch, CannotSplit, Cut, Guard, Items, Plain, ends, length, statement_ends
from lk_migrate.facts.scopes import occurrences
from lk_migrate.facts.walk import find, is_block, own_scope
from lk_migrate.rewrite.blocks import close_gaps

Statements = list[cst.BaseStatement]


@dataclass(frozen=True)
class Writer:
    """How the pieces of a phase are written.

    `statement`: a legacy statement as it reads in its phase (it may become several, or none).
    `before_cut`: what a path must set just before a cut. `flag`: the name that keeps the outcome of a branch.
    """

    statement: Callable[[cst.BaseStatement], Statements]
    before_cut: Callable[[Cut], Statements]
    test: Callable[[Branch], cst.BaseExpression]
    flag: Callable[[Branch], cst.BaseExpression]


@dataclass(frozen=True)
class PhaseFunction:
    """A phase as a function. `answers`: it returns False when the call is over, and main.py must return, too."""

    number: int
    label: str
    name: str
    node: cst.FunctionDef
    answers: bool
    is_async: bool
    arguments: tuple[str, ...]


def phase_function(
    number: int, labels: Sequence[str], body: Statements, taken: Collection[str], types: Mapping[str, str]
) -> PhaseFunction:
    """The function of phase `number`. `types`: the arguments it may take → their annotations; `taken`: names in use."""
    answering = number != len(labels) and answers(body)
    if not answering:
        body = [cast(cst.BaseStatement, s.visit(_Bare())) for s in body]
    elif not statement_ends(body[-1]):
        body = [*body, cst.SimpleStatementLine([cst.Return(cst.Name("True"))])]
    label = _label(number, labels, body)
    name, suffix = label, 1
    while name in taken:
        suffix += 1
        name = f"{label}_{suffix}"
    used = {o.name for s in body for o in occurrences(s)}
    arguments = tuple(a for a in types if a in used)
    asynchronous = is_async(body)
    params = ", ".join(f"{a}: {types[a]}" for a in arguments)
    returns = "bool" if answering else "None"
    text = f"{'async ' if asynchronous else ''}def {name}({params}) -> {returns}:\n    pass\n"
    node = cst.ensure_type(cst.parse_statement(text), cst.FunctionDef)
    doc = cst.parse_statement(f'"""{_DOCS[label]}{" False: the call is over." if answering else ""}"""\n')
    block = close_gaps(cst.IndentedBlock([cast(cst.BaseStatement, doc), without_opening_blanks(body[0]), *body[1:]]))
    return PhaseFunction(number, label, name, node.with_changes(body=block), answering, asynchronous, arguments)


_DOCS = {
    "prepare_call": "What is done before the session is made.",
    "choose_models": "The models and voices of this call.",
    "choose_agent": "Who answers, and how the session is set up.",
    "finish_options": "The last of what the session is made with.",
    "add_handlers": "Event handlers and shutdown callbacks; the session is there, but has not started.",
    "before_start": "What is done between making the session and starting it.",
    "after_start": "What follows once the session runs.",
}


def _label(number: int, labels: Sequence[str], body: Statements) -> str:
    past = labels[:number]
    if "start" in past:
        return "after_start"
    if "session" in past:
        asked = {a.attr.value for s in body for a in find(s, cst.Attribute)}
        return "add_handlers" if asked & {"on", "add_shutdown_callback"} else "before_start"
    if past and past[-1] == "agent":
        names = {o.name for s in body for o in occurrences(s)} | {_attribute_set(s) for s in body}
        return "choose_agent" if any("agent" in n or "assistant" in n for n in names) else "finish_options"
    return "choose_models" if past and past[-1] == "models" else "prepare_call"


def _attribute_set(statement: cst.CSTNode) -> str:
    """The name in `call.name = …`."""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) and statement.body else None
    target = small.targets[0].target if isinstance(small, cst.Assign) else None
    return target.attr.value if isinstance(target, cst.Attribute) else ""


class _OwnReturns(cst.CSTTransformer):
    """Comes to the `return`s of a function's own statements, and past nothing that cannot hold one."""

    def on_visit(self, node: cst.CSTNode) -> bool:
        if type(node) is cst.SimpleStatementLine or type(node) is cst.SimpleStatementSuite:
            return any(type(small) is cst.Return for small in node.body)
        return is_block(node) and type(node) not in (cst.FunctionDef, cst.ClassDef)


class _Bare(_OwnReturns):
    """Where there is no answer to give, `return True` is `return`."""

    def leave_Return(self, original_node: cst.Return, updated_node: cst.Return) -> cst.Return:
        value = updated_node.value
        return cst.Return() if isinstance(value, cst.Name) and value.value == "True" else updated_node


def phase_body(items: Items, phase: int, last: int, write: Writer, state: int = 0) -> Statements:
    """The statements of `phase`; `last` is the number of the last one, whose early returns need no answer."""
    if not items:
        return []
    item, tail = items[0], items[1:]
    if isinstance(item, Plain):
        own = write.statement(item.node) if state == phase else []
        if own and phase != last:
            own = [_answering(s) for s in own]
        return [*own, *phase_body(tail, phase, last, write, state)]
    if isinstance(item, Cut):
        own = write.before_cut(item) if state == phase else []
        return [*own, *phase_body(tail, phase, last, write, state + 1)]
    if isinstance(item, Guard):
        inner = phase_body(item.body, phase, last, write, state + 1)
        return [*inner, *phase_body(tail, phase, last, write, state + 2 + length(item.body))]
    return _branch(item, tail, phase, last, write, state)


def _branch(item: Branch, tail: Items, phase: int, last: int, write: Writer, state: int) -> Statements:
    going = [length(arm) for arm in item.arms if not ends(arm)]
    after = state + (going[0] if going else max(length(arm) for arm in item.arms))
    rest = phase_body(tail, phase, last, write, after)
    if phase < state:
        return rest
    entering = phase == state
    arms: list[Statements] = []
    for arm in item.arms:
        over = ends(arm) and state + length(arm) < phase
        arms.append([] if over else phase_body(arm, phase, last, write, state))
    first, second = item.arms
    if ends(first) and (rest or arms[1]) and not _over(first, state, phase) and not _ended(arms[0]):
        arms[0] = [*arms[0], _return(phase, last)]
    if ends(second) and rest and not _over(second, state, phase) and not _ended(arms[1]):
        arms[1] = [*arms[1], _return(phase, last)]
    found: Statements = []
    test = write.flag(item)
    if entering:
        found.extend(_kept_flag(item, write))
    if arms[0] or arms[1]:
        found.append(_if(item, test, arms, entering, bool(found)))
    return [*found, *rest]


def _over(arm: Items, state: int, phase: int) -> bool:
    return state + length(arm) < phase


def _ended(body: Statements) -> bool:
    return bool(body) and statement_ends(body[-1])


def _return(phase: int, last: int) -> cst.SimpleStatementLine:
    value = None if phase == last else cst.Name("True")
    return cst.SimpleStatementLine([cst.Return(value)])


def _kept_flag(item: Branch, write: Writer) -> Statements:
    test, flag = write.test(item), write.flag(item)
    if test.deep_equals(flag):
        return []
    assign = cst.Assign([cst.AssignTarget(flag)], test)  # type: ignore[arg-type]
    return [cst.SimpleStatementLine([assign], leading_lines=item.node.leading_lines)]


def _if(item: Branch, test: cst.BaseExpression, arms: list[Statements], entering: bool, flagged: bool) -> cst.If:
    legacy = item.node
    other = legacy.orelse
    lines = legacy.leading_lines if entering and not item.is_elif and not flagged else ()
    arms = [[without_opening_blanks(a[0]), *a[1:]] if a else a for a in arms]
    if not arms[0]:
        negated = cst.UnaryOperation(cst.Not(), test)
        return cst.If(negated, cst.IndentedBlock(arms[1]), leading_lines=lines)
    orelse: cst.Else | None = None
    if arms[1]:
        above = other.leading_lines if isinstance(other, cst.Else) and entering else ()
        orelse = cst.Else(cst.IndentedBlock(arms[1]), leading_lines=above)
    return cst.If(test, cst.IndentedBlock(arms[0]), orelse, leading_lines=lines)


def without_opening_blanks(statement: cst.BaseStatement) -> cst.BaseStatement:
    """A block does not begin with a blank line."""
    lines = list(getattr(statement, "leading_lines", ()))
    while lines and lines[0].comment is None:
        lines = lines[1:]
    return statement.with_changes(leading_lines=lines)


def _answering(statement: cst.BaseStatement) -> cst.BaseStatement:
    """`return` → `return False`: the phase tells main.py that the call is over."""
    changed = statement.visit(_Answers())
    assert isinstance(changed, cst.BaseStatement)
    return changed


class _Answers(_OwnReturns):
    def leave_Return(self, original_node: cst.Return, updated_node: cst.Return) -> cst.Return:
        value = original_node.value
        if value is not None and not (isinstance(value, cst.Name) and value.value in ("None", "True", "False")):
            raise CannotSplit("the entrypoint returns a value before its end", original_node)
        return updated_node.with_changes(value=cst.Name("False"), whitespace_after_return=cst.SimpleWhitespace(" "))


def answers(body: Sequence[cst.BaseStatement]) -> bool:
    """Whether a phase has an early end to report."""
    block = cst.IndentedBlock(list(body))
    return any(
        type(n) is cst.Return and type(n.value) is cst.Name and n.value.value == "False" for n in own_scope(block)
    )


_MAY_WAIT = frozenset({cst.For, cst.With, cst.CompFor})


def is_async(body: Sequence[cst.BaseStatement]) -> bool:
    """Whether the statements await anything themselves."""
    for node in own_scope(cst.IndentedBlock(list(body))):
        if type(node) is cst.Await:
            return True
        if type(node) in _MAY_WAIT and node.asynchronous is not None:  # type: ignore[attr-defined]
            return True
    return False

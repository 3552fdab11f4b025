"""The body of one phase: the entrypoint's own control flow, with the statements of that phase alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import libcst as cst

from lk_migrate.entrypoint.spine import Branch, CannotSplit, Cut, Guard, Items, Plain, ends, length, statement_ends
from lk_migrate.facts.walk import own_scope

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


class _Answers(cst.CSTTransformer):
    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        return False

    def leave_Return(self, original_node: cst.Return, updated_node: cst.Return) -> cst.Return:
        value = original_node.value
        if value is not None and not (isinstance(value, cst.Name) and value.value in ("None", "True", "False")):
            raise CannotSplit("the entrypoint returns a value before its end", original_node)
        return updated_node.with_changes(value=cst.Name("False"), whitespace_after_return=cst.SimpleWhitespace(" "))


def answers(body: Sequence[cst.BaseStatement]) -> bool:
    """Whether a phase has an early end to report."""
    block = cst.IndentedBlock(list(body))
    return any(
        isinstance(n, cst.Return) and isinstance(n.value, cst.Name) and n.value.value == "False" for n in own_scope(block)
    )


def is_async(body: Sequence[cst.BaseStatement]) -> bool:
    """Whether the statements await anything themselves."""
    for node in own_scope(cst.IndentedBlock(list(body))):
        if isinstance(node, cst.Await):
            return True
        if isinstance(node, (cst.For, cst.With, cst.CompFor)) and node.asynchronous is not None:
            return True
    return False

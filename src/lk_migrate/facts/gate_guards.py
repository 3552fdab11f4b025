"""The places where a gate is asked, and what would have to go so that the code always takes the way let through.

Each shape is answered with a `Strip` (data: which statements go, which blocks take the place of their statement),
or with a sentence that says what else the gate's answer is used for; then a person must decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.trial import Trial
from lk_migrate.facts.walk import descendants, find

#: Calls around the refusal that do nothing but give it a form.
_FORMS = {"json.dumps", "dumps", "str", "dict", "repr", "ToolResult"}
#: What small statements stand in: a line, and what follows a header on its line.
_LINES = (cst.SimpleStatementLine, cst.SimpleStatementSuite)


@dataclass(frozen=True)
class Strip:
    """`remove`: statements; `unwrap`: compound statements that the statements given take the place of;

    `values`: (old expression or statement, new one), where None stands for `None`.
    """

    remove: tuple[cst.CSTNode, ...] = ()
    unwrap: tuple[tuple[cst.CSTNode, cst.BaseSuite | cst.If | None], ...] = ()
    values: tuple[tuple[cst.CSTNode, cst.BaseExpression | None], ...] = ()
    items: tuple[cst.WithItem, ...] = ()


@dataclass(frozen=True)
class Unclear:
    """Why a person must decide. `refuses`: the place does answer with a refusal, so this is a guard all the same."""

    why: str
    refuses: bool = False


def strip_of(module: Module, call: cst.CSTNode, trial: Trial) -> Strip | Unclear:
    """How to take out the guard around `call` (the call of the gate), or why that cannot be done safely."""
    expression = _outermost(module, call)
    parent = module.index.parents[expression]
    if isinstance(parent, cst.WithItem):
        return _context_manager(module, parent, trial)
    if isinstance(parent, cst.Expr):
        return _bare(module, parent, trial)
    if isinstance(parent, cst.Assign) and len(parent.targets) == 1:
        return _assigned(module, parent, parent.targets[0].target, trial)
    if isinstance(parent, cst.AnnAssign):
        return _assigned(module, parent, parent.target, trial)
    if isinstance(parent, cst.NamedExpr):
        return _tested(module, parent, [parent.target.value], trial)  # type: ignore[attr-defined]
    return _tested(module, expression, [], trial)


def _outermost(module: Module, call: cst.CSTNode) -> cst.CSTNode:
    parent = module.index.parents[call]
    return parent if isinstance(parent, cst.Await) else call


def _statement(module: Module, node: cst.CSTNode) -> cst.CSTNode:
    current = node
    while not isinstance(current, (*_LINES, cst.BaseCompoundStatement)):
        current = module.index.parents[current]
    return current


def _following(module: Module, statement: cst.CSTNode) -> Sequence[cst.CSTNode]:
    body = getattr(module.index.parents[statement], "body", ())
    if not isinstance(body, (tuple, list)) or statement not in body:
        return ()
    return body[list(body).index(statement) + 1 :]


# -- the gate's answer bound to a name ------------------------------------------------------------------------


def _assigned(module: Module, node: cst.CSTNode, target: cst.CSTNode, trial: Trial) -> Strip | Unclear:
    line = module.index.parents[node]
    if not isinstance(line, cst.SimpleStatementLine):
        return Unclear("the gate's answer is kept in a place of its own")
    names = _plain_names(target)
    if not names:
        return Unclear("the gate's answer is stored")
    following = _following(module, line)
    uses = list(_reads(module, node, names))
    gone: tuple[cst.CSTNode, ...] = (line if len(line.body) == 1 else node,)
    if not uses:
        return Strip(remove=gone)
    for statement in following:
        if isinstance(statement, cst.If) and any(u in set(descendants(statement.test)) for u in uses):
            found = _branch(module, statement, statement.test, names, trial)
        elif isinstance(statement, cst.SimpleStatementLine) and any(u in set(descendants(statement)) for u in uses):
            found = _returned(module, statement, names, trial)
        else:
            continue
        if isinstance(found, Unclear):
            return found
        strip, seen = found
        if any(u not in seen for u in uses):
            return Unclear(f"`{names[0]}`, the gate's answer, is used for something else, too")
        return Strip((*gone, *strip.remove), strip.unwrap, strip.values)
    return Unclear(f"`{names[0]}`, the gate's answer, is used for something else")


def _plain_names(target: cst.CSTNode) -> list[str]:
    if isinstance(target, cst.Name):
        return [target.value]
    if isinstance(target, cst.Tuple) and all(isinstance(e.value, cst.Name) for e in target.elements):
        return [e.value.value for e in target.elements]  # type: ignore[attr-defined]
    return []


def _reads(module: Module, bound_at: cst.CSTNode, names: list[str]) -> Iterator[cst.Name]:
    """Where `names` are used after `bound_at`, until a statement of the same block binds them anew."""
    function = module.index.enclosing(bound_at, cst.FunctionDef) or module.tree
    line = _statement(module, bound_at)
    following = set(_following(module, line))
    own = set(descendants(bound_at))
    begin = module.index.number(bound_at)
    for node in module.index.find(function, cst.Name):
        if node.value not in names or node in own or module.index.number(node) < begin:
            continue
        parent = module.index.parents[node]
        if getattr(parent, "attr", None) is node or getattr(parent, "keyword", None) is node:
            continue
        anew = isinstance(parent, cst.AssignTarget) or (isinstance(parent, cst.AnnAssign) and parent.target is node)
        if anew and _statement(module, node) in following:
            return
        binder = _binding_if(module, node)
        if binder is not None and binder in following:
            return
        yield node


def _binding_if(module: Module, node: cst.Name) -> cst.CSTNode | None:
    """The `if (name := …)` or `with … as name` that binds this name, if it does."""
    parent = module.index.parents[node]
    if isinstance(parent, cst.NamedExpr) and parent.target is node:
        statement = _statement(module, node)
        return statement if isinstance(statement, cst.If) else None
    if isinstance(parent, cst.AsName) and isinstance(module.index.parents[parent], cst.WithItem):
        return _statement(module, node)
    return None


# -- the gate's answer tested ---------------------------------------------------------------------------------


def _tested(module: Module, expression: cst.CSTNode, names: list[str], trial: Trial) -> Strip | Unclear:
    """`if (gate := …):`, `if self._gate(ctx):`, `return self._gate(ctx) or …`."""
    statement = _statement(module, expression)
    if isinstance(statement, cst.If) and expression in set(descendants(statement.test)):
        found = _branch(module, statement, statement.test, names, trial, asked=expression)
    elif isinstance(statement, _LINES):
        found = _returned(module, statement, names, trial, asked=expression)
    else:
        return Unclear("the gate is asked inside a larger expression")
    if isinstance(found, Unclear):
        return found
    strip, seen = found
    bound_at = module.index.parents[expression] if names else expression
    for node in _reads(module, bound_at, names):
        if node not in seen:
            return Unclear(f"`{node.value}`, the gate's answer, is used for something else, too")
    return strip


def _refuses_when(
    test: cst.CSTNode, names: list[str], trial: Trial, asked: cst.CSTNode | None
) -> tuple[bool, list[cst.CSTNode]] | None:
    """Whether `test` is true when the gate refuses, with the nodes that it reads; None when it asks anything else."""
    if test is asked or (isinstance(test, cst.Name) and names and test.value == names[0]):
        return not trial.passes, [test]
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        inner = _refuses_when(test.expression, names, trial, asked)
        return None if inner is None else (not inner[0], inner[1])
    if isinstance(test, cst.Call) and dotted(test.func) == "bool" and len(test.args) == 1:
        return _refuses_when(test.args[0].value, names, trial, asked)
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        inner = _refuses_when(test.left, names, trial, asked)
        sign, other = test.comparisons[0].operator, dotted(test.comparisons[0].comparator)
        if inner is None or not isinstance(sign, (cst.Is, cst.IsNot, cst.Equal, cst.NotEqual)):
            return None
        same = isinstance(sign, (cst.Is, cst.Equal))
        if other == "True":
            return (inner[0] if same else not inner[0]), inner[1]
        if other in ("None", "False") and (other == "False" or trial.passed_none):
            return (not inner[0] if same else inner[0]), inner[1]
    return None


def _branch(
    module: Module,
    statement: cst.If,
    test: cst.CSTNode,
    names: list[str],
    trial: Trial,
    asked: cst.CSTNode | None = None,
) -> tuple[Strip, set[cst.CSTNode]] | Unclear:
    """An `if` on the gate's answer: the refusing branch goes, the other one stays."""
    found = _refuses_when(test, names, trial, asked)
    if found is None:
        return Unclear("the gate's answer is combined with another condition", refuses=True)
    refuses, seen_list = found
    seen: set[cst.CSTNode] = set(seen_list)
    other = statement.orelse.body if isinstance(statement.orelse, cst.Else) else statement.orelse
    if refuses:
        reads = _refusal(statement.body, names)
        if isinstance(reads, Unclear):
            return reads
        seen |= reads
        if other is None and not _is_elif(module, statement):
            return Strip(remove=(statement,)), seen
        return Strip(unwrap=((statement, other),)), seen
    gone: tuple[cst.CSTNode, ...] = ()
    if isinstance(other, cst.BaseSuite):
        reads = _refusal(other, names)
        if isinstance(reads, Unclear):
            return reads
        seen |= reads
    elif other is not None:
        return Unclear("an `elif` follows the question to the gate")
    elif _ends(statement.body):
        after = _following(module, statement)
        if after:
            reads = _refusal_statement(after[0], names)
            if isinstance(reads, Unclear) or not isinstance(after[0], cst.SimpleStatementLine):
                return Unclear("what happens after a refusal is more than an answer", refuses=True)
            seen |= reads
            gone = (after[0],)
    return Strip(remove=gone, unwrap=((statement, statement.body),)), seen


def _is_elif(module: Module, statement: cst.If) -> bool:
    parent = module.index.parents[statement]
    return isinstance(parent, cst.If) and parent.orelse is statement


def _ends(body: cst.BaseSuite) -> bool:
    last = body.body[-1] if body.body else None
    small = last.body[-1] if isinstance(last, cst.SimpleStatementLine) and last.body else last
    return isinstance(small, (cst.Return, cst.Raise))


def _refusal(body: cst.BaseSuite, names: list[str]) -> set[cst.CSTNode] | Unclear:
    """The nodes that a refusing branch reads, or what else it does."""
    statements = list(body.body)
    if not statements:
        return Unclear("an empty branch")
    if len(statements) > 1:
        return Unclear("a refusal does more than answer (it logs, counts or stores)", refuses=True)
    return _refusal_statement(statements[0], names)


def _refusal_statement(statement: cst.CSTNode, names: list[str]) -> set[cst.CSTNode] | Unclear:
    smalls = statement.body if isinstance(statement, cst.SimpleStatementLine) else [statement]
    if len(smalls) != 1:
        return Unclear("a refusal does more than answer (it logs, counts or stores)", refuses=True)
    small = smalls[0]
    if isinstance(small, cst.Return):
        value: cst.CSTNode | None = small.value
    elif isinstance(small, cst.Raise):
        value = small.exc
    else:
        return Unclear("a refusal does more than answer (it logs, counts or stores)", refuses=True)
    for call in find(value, cst.Call) if value is not None else ():
        name = dotted(call.func) or ""
        if name not in _FORMS and not name.endswith(("Error", "Exception", ".format")):
            return Unclear(f"the refusal is passed on to `{name or 'a call'}`", refuses=True)
    if value is not None and any(isinstance(n, (cst.Await, cst.NamedExpr)) for n in descendants(value)):
        return Unclear("the refusal is passed on", refuses=True)
    return {n for n in find(value, cst.Name) if n.value in names} if value is not None else set()


def _returned(
    module: Module,
    line: cst.SimpleStatementLine | cst.SimpleStatementSuite,
    names: list[str],
    trial: Trial,
    asked: cst.CSTNode | None = None,
) -> tuple[Strip, set[cst.CSTNode]] | Unclear:
    """`return gate or await self._save()`, `return gate if gate else …`, `return gate`."""
    small = line.body[0] if len(line.body) == 1 else None
    if not isinstance(small, cst.Return) or small.value is None or trial.passes:
        return Unclear("the gate's answer is passed on")
    value = small.value

    def is_answer(node: cst.CSTNode) -> bool:
        return node is asked or (isinstance(node, cst.Name) and node.value in names)

    if is_answer(value):
        return Strip(values=((value, None),)), {value}
    if isinstance(value, cst.BooleanOperation) and isinstance(value.operator, cst.Or) and is_answer(value.left):
        return Strip(values=((value, value.right),)), {value.left}
    if isinstance(value, cst.IfExp):
        found = _refuses_when(value.test, names, trial, asked)
        if found is not None:
            kept, dropped = (value.orelse, value.body) if found[0] else (value.body, value.orelse)
            reads = {n for n in find(dropped, cst.Name) if n.value in names}
            if not any(isinstance(n, cst.Call) for n in descendants(dropped)):
                return Strip(values=((value, kept),)), {*found[1], *reads}
    return Unclear("the gate's answer is passed on")


# -- gates that raise, and context managers -------------------------------------------------------------------


def _bare(module: Module, node: cst.Expr, trial: Trial) -> Strip | Unclear:
    """`self._gate(ctx)` on its own: it refuses by raising, or nobody listens to it."""
    line = module.index.parents[node]
    gone = line if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else node
    block = module.index.parents.get(line)
    tried = module.index.parents.get(block) if block is not None else None
    if not trial.raises or not isinstance(tried, cst.Try) or tried.body is not block:
        return Strip(remove=(gone,))
    return _in_try(module, tried, gone, trial)


def _in_try(module: Module, tried: cst.Try, gone: cst.CSTNode, trial: Trial) -> Strip | Unclear:
    ours = [h for h in tried.handlers if h.type is not None and (dotted(h.type) or "").split(".")[-1] == trial.raised]
    if not ours:
        return Strip(remove=(gone,))
    for handler in ours:
        name = handler.name.name.value if handler.name is not None and isinstance(handler.name.name, cst.Name) else ""
        reads = _refusal(handler.body, [name] if name else [])
        if isinstance(reads, Unclear):
            return reads
    if len(ours) < len(tried.handlers) or tried.finalbody is not None:
        return Strip(remove=(gone, *ours))
    if len(tried.body.body) == 1:
        if tried.orelse is None:
            return Strip(remove=(tried,))
        return Strip(unwrap=((tried, tried.orelse.body),))
    if tried.orelse is not None:
        return Unclear("the `try` around the gate has an `else`")
    return Strip(remove=(gone,), unwrap=((tried, tried.body),))


def _context_manager(module: Module, item: cst.WithItem, trial: Trial) -> Strip | Unclear:
    """`async with self._limit(ctx) as refused:` with the refusal first in its body."""
    statement = module.index.parents[item]
    assert isinstance(statement, cst.With)
    names = []
    if item.asname is not None:
        if not isinstance(item.asname.name, cst.Name):
            return Unclear("the context manager's answer is unpacked")
        names = [item.asname.name.value]
    inner = Strip()
    seen: set[cst.CSTNode] = set()
    body = list(statement.body.body)
    if names and not trial.raises:
        tests = [s for s in body if isinstance(s, cst.If) and any(n.value in names for n in find(s.test, cst.Name))]
        if tests:
            found = _branch(module, tests[0], tests[0].test, names, trial)
            if isinstance(found, Unclear):
                return found
            inner, seen = found
    for node in _reads(module, item, names):
        if node not in seen:
            return Unclear(f"`{node.value}`, the context manager's answer, is used for something else, too")
    if len(statement.items) > 1:
        return Strip(inner.remove, inner.unwrap, inner.values, (item,))
    if len(body) == 1 and inner.remove == tuple(body):
        return Strip(remove=(statement,))
    around = _try_around(module, statement, trial)
    if isinstance(around, Unclear):
        return around
    removed, unwrapped = (*inner.remove, *around.remove), (*inner.unwrap, *around.unwrap)
    return Strip(removed, (*unwrapped, (statement, statement.body)), inner.values)


def _try_around(module: Module, statement: cst.With, trial: Trial) -> Strip | Unclear:
    """What goes of a `try` whose handlers wait for the refusal of the one context manager in it."""
    block = module.index.parents[statement]
    tried = module.index.parents.get(block)
    if not trial.raises or not isinstance(tried, cst.Try) or tried.body is not block or len(tried.body.body) > 1:
        return Strip()
    found = _in_try(module, tried, statement, trial)
    if isinstance(found, Unclear) or tried.orelse is not None:
        return found if isinstance(found, Unclear) else Strip()
    ours = tuple(node for node in found.remove if isinstance(node, cst.ExceptHandler))
    return Strip(ours) if ours else Strip(unwrap=((tried, tried.body),)) if found.remove == (tried,) else Strip()

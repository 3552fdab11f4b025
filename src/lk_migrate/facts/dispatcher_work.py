"""What a dispatcher does beside choosing a tool: nobody does it once the framework calls the tools."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.dispatchers import Dispatcher
from lk_migrate.facts.gate_guards import Strip
from lk_migrate.facts.gates import find_gates
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import descendants, find

_LOGS = frozenset({"debug", "info", "warning", "error", "exception", "log", "print"})


def work_beside(project: Project, dispatcher: Dispatcher) -> cst.CSTNode | None:
    """The first statement that changes something or asks somebody, other than to choose and call a tool.

    Taking the arguments apart, logging, answering for unknown names, and a turn gate that goes are no such work.
    """
    going = {
        n
        for g in project.fact(find_gates).all
        for u in g.guards
        if isinstance(u.strip, Strip)
        for part in (*u.strip.remove, *(old for old, _ in u.strip.unwrap))
        for n in descendants(part)
    }
    branches = {r.branch for r in dispatcher.routes}
    for statement in _statements(dispatcher.node.body, branches):
        if statement not in going and _works(statement):
            return statement
    return None


def _statements(block: cst.BaseSuite, branches: set[cst.If | cst.MatchCase]) -> Iterator[cst.CSTNode]:
    """Every small statement outside of the branches that are tools; those of `try` and `with` included."""
    for line in block.body:
        if isinstance(line, cst.SimpleStatementLine):
            yield from line.body
        elif isinstance(line, cst.If):
            yield from _outside(line, branches)
        elif isinstance(line, (cst.Try, cst.With, cst.For, cst.While)):
            yield from _statements(line.body, branches)
        elif isinstance(line, cst.Match) and not branches & set(line.cases):
            yield line


def _outside(chain: cst.If, branches: set[cst.If | cst.MatchCase]) -> Iterator[cst.CSTNode]:
    if chain not in branches:
        yield from _statements(chain.body, branches)
    if isinstance(chain.orelse, cst.If):
        yield from _outside(chain.orelse, branches)
    elif isinstance(chain.orelse, cst.Else):
        yield from _statements(chain.orelse.body, branches)


def _works(statement: cst.CSTNode) -> bool:
    """Whether it sets an attribute or an item, or calls something for what that does."""
    if isinstance(statement, (cst.Assign, cst.AnnAssign, cst.AugAssign)):
        targets = [t.target for t in statement.targets] if isinstance(statement, cst.Assign) else [statement.target]
        return any(isinstance(t, (cst.Attribute, cst.Subscript)) for t in targets)
    if isinstance(statement, cst.Expr):
        return any(_last(c) not in _LOGS for c in find(statement, cst.Call))
    return isinstance(statement, (cst.Del, cst.Global, cst.Nonlocal))


def _last(call: cst.Call) -> str:
    return call.func.attr.value if isinstance(call.func, cst.Attribute) else dotted(call.func) or ""

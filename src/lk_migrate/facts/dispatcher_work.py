"""What a dispatcher, or a method in front of one, does beside choosing a tool: once the framework calls the tools,
nobody does it.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import find_agents
from lk_migrate.facts.classes import self_name
from lk_migrate.facts.dispatchers import Dispatcher
from lk_migrate.facts.gate_guards import Strip
from lk_migrate.facts.gates import find_gates
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import lineages
from lk_migrate.facts.project import Project
from lk_migrate.facts.refusals import refuses
from lk_migrate.facts.walk import descendants, find

_LOGS = frozenset({"debug", "info", "warning", "error", "exception", "log", "print"})


def work_beside(project: Project, dispatcher: Dispatcher) -> cst.CSTNode | None:
    """The first statement that changes something or asks somebody, other than to choose and call a tool.

    Taking the arguments apart, logging, answering for unknown names, and a turn gate that goes are no such work.
    """
    return _work(project, dispatcher.node, {r.branch for r in dispatcher.routes})


def work_before(project: Project, front: cst.FunctionDef) -> cst.CSTNode | None:
    """The same of a method that hands on to a dispatcher."""
    return _work(project, front, set())


def fronts_of_dispatchers(project: Project) -> dict[cst.FunctionDef, str]:
    """The methods that hand a tool's name on to a dispatcher of their family, and what that is called.

    `async def dispatch(self, name, raw): …; return await super().dispatch(name, raw)` in a mixin, or a method of
    another name that calls `self.dispatch(name, raw)`. Memoise with `project.fact(fronts_of_dispatchers)`.
    """
    found: dict[cst.FunctionDef, str] = {}
    for agent in find_agents(project):
        for dispatcher in agent.dispatchers if agent.handrolled else ():
            name = dispatcher.node.name.value
            family = {c for line in project.fact(lineages).heirs(agent.node) for c in line}
            for function in (f for c in family for f in c.methods()):
                if function is not dispatcher.node and _hands_on(function, name):
                    found[function] = name
    return found


def _hands_on(function: cst.FunctionDef, name: str) -> bool:
    instance = self_name(function)
    given = {p.name.value for p in function.params.params} - {instance}
    for call in find(function, cst.Call):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == name:
            receiver = call.func.value
            above = isinstance(receiver, cst.Call) and dotted(receiver.func) == "super"
            first = call.args[0].value if call.args else None
            if (above or dotted(receiver) == instance) and isinstance(first, cst.Name) and first.value in given:
                return True
    return False


def _work(project: Project, function: cst.FunctionDef, branches: set[cst.If | cst.MatchCase]) -> cst.CSTNode | None:
    going = {
        n
        for g in project.fact(find_gates).all
        for u in g.guards
        if isinstance(u.strip, Strip)
        for part in (*u.strip.remove, *(old for old, _ in u.strip.unwrap))
        for n in descendants(part)
    }
    for statement in _statements(function.body, branches):
        if statement in going:
            continue
        if refuses(function, statement) if isinstance(statement, cst.If) else _works(statement):
            return statement
    return None


def _statements(block: cst.BaseSuite, branches: set[cst.If | cst.MatchCase]) -> Iterator[cst.CSTNode]:
    """Every small statement outside of the branches that are tools, also in `try` and `with`, and each other `if`."""
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
        yield chain
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

"""Raw realtime sessions (`session = model.sessions[0]`) and the `AgentSession` that takes their place."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.held import Holdings
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.module import Module
from lk_migrate.facts.pipelines import Pipelines, pipelines
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.variables import Binding, binding_of


@dataclass
class RawSessions:
    """`aliases`: the assignments that go; `renamed`: variable → what the AgentSession is called there."""

    aliases: set[cst.CSTNode] = field(default_factory=set)
    renamed: dict[Binding, str] = field(default_factory=dict)

    def is_session(self, module: Module, name: cst.Name) -> bool:
        """Whether the variable is to be the AgentSession."""
        return binding_of(module, name) in self.renamed


def raw_sessions(project: Project) -> RawSessions:
    """Use as `project.fact(raw_sessions)`."""
    known = project.fact(pipelines)
    result = RawSessions()
    for module in known.holdings.modules:
        for assignment in module.index.of(cst.Assign):
            target = assignment.targets[0].target
            if len(assignment.targets) != 1 or not isinstance(target, cst.Name):
                continue
            if not _is_raw(known.holdings, module, assignment.value):
                continue
            session = _session_here(known, module, assignment)
            if session is not None:
                result.aliases.add(assignment)
                result.renamed[binding_of(module, target)] = session
    return result


def _is_raw(known: Holdings, module: Module, value: cst.BaseExpression) -> bool:
    return Kind.REALTIME_SESSION in known.kinds(module, value)


def _session_here(known: Pipelines, module: Module, line: cst.CSTNode) -> str | None:
    """The name of the AgentSession that is made in the same function, before this line."""
    here = module.index.enclosing(line, cst.FunctionDef)
    for construction in known.constructions.values():
        if construction.module is not module or construction.binding is None or construction.binding.attribute:
            continue
        if module.index.enclosing(construction.call, cst.FunctionDef) is not here:
            continue
        if module.span(construction.call).line < module.span(line).line:
            return known.renamed.get(construction.binding, construction.binding.name)
    return None


#: What was asked of a raw session: a message added, an answer started.
CREATE = ("conversation", "item", "create")
RESPOND = ("response", "create")


def raw_call(project: Project, module: Module, line: cst.CSTNode, path: tuple[str, ...]) -> cst.Call | None:
    """The call `<session>.conversation.item.create(…)` (the `path`) that the statement consists of.

    An alias of the session before it on its line goes, and does not count.
    """
    if not isinstance(line, cst.SimpleStatementLine):
        return None
    left = [small for small in line.body if small not in project.fact(raw_sessions).aliases]
    if len(left) != 1:
        return None
    small = left[0]
    value = small.value if isinstance(small, (cst.Expr, cst.Assign)) else None
    if isinstance(value, cst.Await):
        value = value.expression
    if not isinstance(value, cst.Call):
        return None
    node: cst.BaseExpression = value.func
    for name in reversed(path):
        if not (isinstance(node, cst.Attribute) and node.attr.value == name):
            return None
        node = node.value
    found = project.fact(holdings).kinds(module, node)
    if found.isdisjoint({Kind.SESSION, Kind.PIPELINE, Kind.MULTIMODAL}) and not (
        isinstance(node, cst.Name) and project.fact(raw_sessions).is_session(module, node)
    ):
        return None
    return value

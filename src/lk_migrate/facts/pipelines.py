"""The 0.x agents of a project: where they are made, started and kept, and what their two successors are called.

`VoicePipelineAgent`, `VoiceAssistant` and `MultimodalAgent` were one object; today it is an `AgentSession` (which
keeps the variable) and an `Agent` (which gets one of its own beside it).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.factories import Factories, factories
from lk_migrate.facts.holdings import Holdings, arguments, holdings
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.variables import Binding, binding_of, is_free
from lk_migrate.facts.walk import find

V0_AGENTS = (Kind.PIPELINE, Kind.MULTIMODAL)
_SESSION_NAMES = ("session", "agent_session", "voice_session", "lk_session")
_AGENT_NAMES = ("agent", "voice_agent", "lk_agent")


@dataclass(frozen=True)
class Construction:
    """A 0.x agent is made here. `binding` is where it is kept, None if that is not a variable or attribute.

    `agent`: how the new Agent is spelled at this place ("agent", "self.agent").
    """

    module: Module
    call: cst.Call
    kind: Kind
    statement: cst.CSTNode
    binding: Binding | None
    agent: str

    def argument(self, *names: str) -> cst.Arg | None:
        """The constructor argument of one of these names."""
        return next((a for a in self.call.args if a.keyword is not None and a.keyword.value in names), None)


@dataclass
class Pipelines:
    """Every construction, and every variable or attribute whose name changes."""

    holdings: Holdings
    constructions: dict[cst.Call, Construction] = field(default_factory=dict)
    renamed: dict[Binding, str] = field(default_factory=dict)
    factories: Factories = field(default_factory=Factories)

    def of(self, module: Module, expression: cst.CSTNode) -> list[Construction]:
        """The constructions whose object `expression` reads directly from where it was first kept.

        That is also where a factory's caller keeps it.
        """
        binding = self.holdings.binding(module, expression)
        handed = self.factories.handed.get(binding) if binding is not None else None
        if handed is not None:
            return [self.constructions[handed.call]]
        return [c for c in self.constructions.values() if binding is not None and c.binding == binding]

    def agent_for(self, module: Module, session: cst.BaseExpression) -> str | None:
        """How the Agent that belongs to `session` (as 0.x spelled it) is spelled there, None if it is out of sight."""
        binding = self.holdings.binding(module, session)
        handed = self.factories.handed.get(binding) if binding is not None else None
        if handed is not None:
            return handed.agent
        for construction in self.of(module, session):
            if construction.module is not module:
                continue
            if construction.binding is not None and construction.binding.attribute:
                if isinstance(session, cst.Attribute):
                    base = module.tree.code_for_node(session.value)
                    return f"{base}.{construction.agent.rpartition('.')[2]}"
                continue
            scope = function_around(module, construction.call)
            if scope is None or scope in module.index.ancestors(session):
                return construction.agent
        return None

    def spelled(self, module: Module, expression: cst.BaseExpression) -> str:
        """How `expression` (a variable or attribute) is spelled once the rules have renamed what holds a session."""
        code = module.tree.code_for_node(expression)
        binding = self.holdings.binding(module, expression)
        new = self.renamed.get(binding) if binding is not None else None
        if new is None:
            return code
        base, dot, _ = code.rpartition(".")
        return f"{base}{dot}{new}"

    def new_name(self, module: Module, node: cst.Name) -> str | None:
        """What the variable at `node` is to be called, None if its name stays."""
        if not self.renamed:
            return None
        return self.renamed.get(binding_of(module, node))


def pipelines(project: Project) -> Pipelines:
    """Use as `project.fact(pipelines)`."""
    known = project.fact(holdings)
    result = Pipelines(known)
    if not known.constructions and not any(k in V0_AGENTS for kinds in known.table.values() for k in kinds):
        return result
    for binding, kinds in known.table.items():
        if kinds.isdisjoint(V0_AGENTS) or binding.name.startswith("<"):
            continue
        name = _renamed_attribute(known, binding) if binding.attribute else _renamed_variable(known, binding)
        if name is not None:
            result.renamed[binding] = name
    for module, call, kind in known.constructions:
        result.constructions[call] = _construction(result, module, call, kind)
    made = [(c.module, c.call, c.binding, c.agent) for c in result.constructions.values()]
    result.factories = factories(known, made, lambda module, scope: _agent_variable(result, module, scope))
    return result


def _construction(result: Pipelines, module: Module, call: cst.Call, kind: Kind) -> Construction:
    statement = module.index.enclosing(call, cst.SimpleStatementLine) or call
    target = _target(module, call)
    binding = result.holdings.binding(module, target) if target is not None else None
    if binding is not None and binding.attribute and isinstance(target, cst.Attribute):
        agent = f"{module.tree.code_for_node(target.value)}.{_agent_attribute(result, binding)}"
    else:
        function = module.index.enclosing(call, cst.FunctionDef)
        scope = function if function is not None else module.tree
        agent = _agent_variable(result, module, scope)
    return Construction(module, call, kind, statement, binding, agent)


def _target(module: Module, call: cst.Call) -> cst.CSTNode | None:
    """`agent` in `agent = VoicePipelineAgent(…)`."""
    parent = module.index.parents.get(call)
    if isinstance(parent, cst.Assign) and parent.value is call and len(parent.targets) == 1:
        return parent.targets[0].target
    if isinstance(parent, cst.AnnAssign) and parent.value is call:
        return parent.target
    return None


def _agent_variable(result: Pipelines, module: Module, scope: cst.CSTNode) -> str:
    freed = {b.name for b in result.renamed if b.owner is scope and not b.attribute}
    taken = {n for b, n in result.renamed.items() if b.owner is scope}
    for name in _AGENT_NAMES:
        if name not in taken and (name in freed or is_free(module, scope, name)):
            return name
    return "the_agent"


def _agent_attribute(result: Pipelines, binding: Binding) -> str:
    freed = {b.name for b in result.renamed if b.attribute and b.owner is binding.owner}
    for name in _AGENT_NAMES:
        if name in freed or (name != binding.name and _is_free_attribute(result.holdings, binding, name)):
            return name
    return "voice_agent_"


def _renamed_variable(known: Holdings, binding: Binding) -> str | None:
    module = _module_of(known, binding.owner)
    if module is None or "session" in binding.name.lower():
        return None
    if isinstance(binding.owner, cst.ClassDef) or not _is_closed(known, module, binding):
        return None
    for name in _SESSION_NAMES:
        raw = Binding(binding.owner, name)
        merged = raw if known.table.get(raw) == {Kind.REALTIME_SESSION} else None
        if is_free(module, binding.owner, name, instead_of=binding.name, merged=merged):
            return name
    return None


def _is_closed(known: Holdings, module: Module, binding: Binding) -> bool:
    """Whether every use of the variable is in sight: no other file imports it, no call names it unseen."""
    owner = binding.owner
    if isinstance(owner, cst.Module):
        return not any(
            item.target.rpartition(".")[2] == binding.name and item.alias is not None
            for other in known.modules
            if other is not module
            for item in other.imports
        )
    if isinstance(owner, cst.FunctionDef) and any(p.name.value == binding.name for p in find(owner.params, cst.Param)):
        return all(call is not None for call in _naming_calls(known, module, owner, binding.name))
    return True


def _naming_calls(known: Holdings, home: Module, owner: cst.FunctionDef, keyword: str) -> Iterator[cst.Call | None]:
    """The calls that pass `keyword=` to the function; None for one that might."""
    holder = home.index.enclosing(owner, cst.FunctionDef, cst.ClassDef)
    class_name = holder.name.value if isinstance(holder, cst.ClassDef) else ""
    names = {owner.name.value} | ({class_name} if owner.name.value == "__init__" else set())
    for module in known.modules:
        for call in module.index.of(cst.Call):
            if not any(a.keyword is not None and a.keyword.value == keyword for a in call.args):
                continue
            func = call.func
            last = func.attr.value if isinstance(func, cst.Attribute) else getattr(func, "value", "")
            reached = [f.node for f in known.callees(module, call)]
            if owner in reached:
                yield call
            elif last in names and not reached:
                yield None


def renamed_keyword(result: Pipelines, module: Module, arg: cst.Arg, call: cst.Call) -> str | None:
    """The new spelling of `agent=` in a call of a function whose parameter was renamed."""
    if arg.keyword is None:
        return None
    for function in result.holdings.callees(module, call):
        for param, found in arguments(function, call):
            if found is arg:
                return result.renamed.get(Binding(function.node, param.name.value))
    return None


def _renamed_attribute(known: Holdings, binding: Binding) -> str | None:
    if "session" in binding.name.lower():
        return None
    for module in known.modules:
        for node in module.index.of(cst.Attribute):
            if node.attr.value == binding.name and not _is_settled(known, module, node, binding):
                return None
        for call in module.index.of(cst.Call):
            if getattr(call.func, "value", "") in ("getattr", "hasattr", "setattr") and any(
                isinstance(a.value, cst.SimpleString) and a.value.evaluated_value == binding.name for a in call.args
            ):
                return None
    if not isinstance(binding.owner, cst.ClassDef) or _declares(known, binding.owner, binding.name):
        return None
    prefix = "_" if binding.name.startswith("_") else ""
    for name in _SESSION_NAMES:
        if _is_free_attribute(known, binding, prefix + name):
            return prefix + name
    return None


def _is_settled(known: Holdings, module: Module, node: cst.Attribute, binding: Binding) -> bool:
    """Whether it is known that the attribute is this one, or that it is another."""
    if known.binding(module, node) is not None:
        return True
    if known.project.full_name(module, node) is not None:
        return True
    return bool(known.kinds(module, node.value))


def _declares(known: Holdings, owner: cst.ClassDef, name: str) -> bool:
    """Whether the class gives the attribute in its body (a field, a property): others may reach it by that name."""
    for statement in owner.body.body:
        if isinstance(statement, cst.FunctionDef) and statement.name.value == name:
            return True
        for node in find(statement, cst.AnnAssign) if isinstance(statement, cst.SimpleStatementLine) else ():
            if isinstance(node.target, cst.Name) and node.target.value == name:
                return True
    return False


def _is_free_attribute(known: Holdings, binding: Binding, name: str) -> bool:
    for module in known.modules:
        for node in module.index.of(cst.Attribute):
            if node.attr.value == name:
                found = known.binding(module, node)
                if found is not None and found.owner is binding.owner:
                    return False
    for owner in list(known.home):
        if isinstance(owner, cst.ClassDef) and known.root(owner) is binding.owner and known.method(owner, name):
            return False
    return True


def _module_of(known: Holdings, node: cst.CSTNode) -> Module | None:
    if isinstance(node, cst.Module):
        return next((m for m in known.modules if m.tree is node), None)
    return next((m for m in known.modules if node in m.index.parents), None)


def function_around(module: Module, node: cst.CSTNode) -> cst.FunctionDef | None:
    """The function whose body holds `node`."""
    found = module.index.enclosing(node, cst.FunctionDef, cst.Lambda)
    return found if isinstance(found, cst.FunctionDef) else None

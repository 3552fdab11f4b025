"""The 0.x agents of a project: where they are made, started and kept, and what their two successors are called.

`VoicePipelineAgent`, `VoiceAssistant` and `MultimodalAgent` were one object; today it is an `AgentSession` (which
keeps the variable) and an `Agent` (which gets one of its own beside it).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.agents import find_agents
from lk_migrate.facts.collisions import RESERVED
from lk_migrate.facts.factories import MOVED_TO_START, Factories, factories
from lk_migrate.facts.families import arguments
from lk_migrate.facts.held import Holdings
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.passed_agents import Passed, passed_agents
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.variables import Binding, binding_of, is_free, uses
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
    #: `session` → `agent` of `session = agent.start(room)`: one object under two names, which becomes one variable.
    started: dict[Binding, Binding] = field(default_factory=dict)
    #: The names that new Agents got, each with the scope of its variable.
    named: list[tuple[Module, cst.CSTNode, str]] = field(default_factory=list)
    factories: Factories = field(default_factory=Factories)
    passed: Passed = field(default_factory=Passed)

    def of(self, module: Module, expression: cst.CSTNode) -> list[Construction]:
        """The constructions whose object `expression` reads directly from where it was first kept.

        That is also where a factory's caller keeps it.
        """
        binding = self.binding(module, expression)
        handed = self.factories.handed.get(binding) if binding is not None else None
        if handed is not None:
            return [self.constructions[handed.call]]
        if binding in self.passed.sessions:
            return [self.constructions[call] for call in self.passed.sessions[binding][1]]
        found = [c for c in self.constructions.values() if binding is not None and c.binding == binding]
        asked = self._asked(module, expression) if not found else None
        return found or [c for c in self.constructions.values() if asked is not None and c.binding == asked[1]]

    def binding(self, module: Module, expression: cst.CSTNode) -> Binding | None:
        """Where the object that `expression` reads was first kept."""
        found = self.holdings.binding(module, expression)
        return self.started.get(found, found) if found is not None else None

    def agent_for(self, module: Module, session: cst.BaseExpression) -> str | None:
        """How the Agent that belongs to `session` (as 0.x spelled it) is spelled there, None if it is out of sight."""
        binding = self.binding(module, session)
        handed = self.factories.handed.get(binding) if binding is not None else None
        if handed is not None:
            return handed.agent
        if binding in self.passed.sessions:
            return self.passed.sessions[binding][2]
        asked = self._asked(module, session)
        for construction in self.of(module, session):
            if asked is not None and construction.binding == asked[1]:
                return f"{asked[0]}.{construction.agent.rpartition('.')[2]}"
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

    def _asked(self, module: Module, session: cst.CSTNode) -> tuple[str, Binding] | None:
        """`desk` of `agent = desk.get_agent()`, and the attribute: a method that does nothing but return it."""
        value: cst.CSTNode | None = session
        if isinstance(session, cst.Name):
            bound = [module.index.parents.get(n) for n in uses(module, binding_of(module, session))]
            targets = [module.index.parents.get(t) for t in bound if isinstance(t, cst.AssignTarget)]
            value = targets[0].value if len(targets) == 1 and isinstance(targets[0], cst.Assign) else None
        if not isinstance(value, cst.Call) or not isinstance(value.func, cst.Attribute) or value.args:
            return None
        owner = dotted(value.func.value)
        for method in self.holdings.callees(module, value) if owner is not None else ():
            *before, last = method.node.body.body
            small = last.body[0] if isinstance(last, cst.SimpleStatementLine) else None
            given = small.value if isinstance(small, cst.Return) else None
            kept = self.holdings.binding(method.module, given) if isinstance(given, cst.Attribute) else None
            if owner and kept and kept.attribute and len(before) == (method.node.get_docstring() is not None):
                return owner, kept
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


def pipelines(project: Project) -> Pipelines:
    """Use as `project.fact(pipelines)`."""
    known = project.fact(holdings)
    result = Pipelines(known)
    if not known.constructions and not any(k in V0_AGENTS for kinds in known.table.values() for k in kinds):
        return result
    held = [b for b, kinds in known.table.items() if b.name.isidentifier() and not kinds.isdisjoint(V0_AGENTS)]
    result.started = dict(_started(known, held))
    for binding in held:
        if binding in result.started:
            continue
        name = _renamed_attribute(known, binding) if binding.attribute else _renamed_variable(result, binding, held)
        if name is not None:
            result.renamed[binding] = name
    for again, first in result.started.items():
        result.renamed[again] = result.renamed.get(first, first.name)
    for module, call, kind in known.constructions:
        result.constructions[call] = _construction(result, module, call, kind)
    made = [(c.module, c.call, c.binding, c.agent) for c in result.constructions.values()]
    result.factories = factories(known, made, lambda module, scope: _agent_variable(result, module, scope))
    result.passed = passed_agents(
        known,
        _started_parameters(known),
        lambda module, value: _seen(result, module, value),
        lambda module, function: _agent_variable(result, module, function),
    )
    return result


def _started_parameters(known: Holdings) -> Iterator[tuple[Module, cst.Call]]:
    """`agent.start(…)` where `agent` is a parameter."""
    for module in known.modules:
        for call in module.index.of(cst.Call):
            func = call.func
            starts = isinstance(func, cst.Attribute) and func.attr.value == "start"
            if starts and isinstance(func.value, cst.Name) and known.is_v0_agent(module, func.value):
                yield module, call


def _seen(result: Pipelines, module: Module, value: cst.BaseExpression) -> tuple[list[cst.Call], str | None]:
    """What makes the 0.x agent that `value` reads, unless its making says what only belongs where it is started."""
    found = result.of(module, value)
    if any(c.argument(*MOVED_TO_START) is not None for c in found):
        return [], None
    return [c.call for c in found], result.agent_for(module, value)


def _construction(result: Pipelines, module: Module, call: cst.Call, kind: Kind) -> Construction:
    statement = module.index.enclosing(call, cst.SimpleStatementLine) or call
    target = _target(module, call)
    binding = result.holdings.binding(module, target) if target is not None else None
    if binding is not None and binding.attribute and isinstance(target, cst.Attribute):
        agent = f"{module.tree.code_for_node(target.value)}.{_agent_attribute(result, binding)}"
    else:
        function = module.index.enclosing(call, cst.FunctionDef)
        scope = function if function is not None else module.tree
        same = (c.agent for c in result.constructions.values() if binding is not None and c.binding == binding)
        agent = next(same, None) or _agent_variable(result, module, scope, binding.name if binding is not None else "")
    return Construction(module, call, kind, statement, binding, agent)


def _target(module: Module, call: cst.Call) -> cst.CSTNode | None:
    """`agent` in `agent = VoicePipelineAgent(…)`."""
    parent = module.index.parents.get(call)
    if isinstance(parent, cst.Assign) and parent.value is call and len(parent.targets) == 1:
        return parent.targets[0].target
    if isinstance(parent, cst.AnnAssign) and parent.value is call:
        return parent.target
    return None


def _agent_variable(result: Pipelines, module: Module, scope: cst.CSTNode, beside: str = "") -> str:
    """A name for the new Agent; `beside`: the variable that keeps the session, as 0.x called it."""
    freed = {b.name for b in result.renamed if b.owner is scope and not b.attribute}
    taken = {n for b, n in result.renamed.items() if b.owner is scope}
    taken |= {n for where, other, n in result.named if where is module and _are_nested(module, scope, other)}
    more = (f"{_stem(beside)}_agent",) if _stem(beside) else ()
    for name in (*_AGENT_NAMES[:1], *more, *_AGENT_NAMES[1:], *(f"agent_{n}" for n in range(2, 100))):
        if name not in taken and (name in freed or is_free(module, scope, name)):
            result.named.append((module, scope, name))
            return name
    return "the_agent"


def _stem(name: str) -> str:
    """`outbound` of `outbound_agent`, nothing of `agent`."""
    words = [w for w in name.split("_") if w not in ("agent", "assistant", "pipeline")]
    return "_".join(words).strip("_") if name.isidentifier() else ""


def _are_nested(module: Module, one: cst.CSTNode, other: cst.CSTNode) -> bool:
    return one is other or one in module.index.ancestors(other) or other in module.index.ancestors(one)


def _started(known: Holdings, held: list[Binding]) -> Iterator[tuple[Binding, Binding]]:
    """Variables that keep nothing but the result of `agent.start(…)`, with that of the agent."""
    for binding in held:
        module = _module_of(known, binding.owner)
        if binding.attribute or module is None:
            continue
        source = _start_kept(known, module, binding)
        if source is not None and source != binding and source.owner is binding.owner and not source.attribute:
            yield binding, source


def _start_kept(known: Holdings, module: Module, binding: Binding) -> Binding | None:
    """Whose `start` the only assignment of the variable calls."""
    targets = [module.index.parents.get(n) for n in uses(module, binding) if _is_written(module, n)]
    assign = module.index.parents.get(targets[0]) if len(targets) == 1 and targets[0] is not None else None
    if not isinstance(assign, cst.Assign) or len(assign.targets) != 1:
        return None
    call = assign.value.expression if isinstance(assign.value, cst.Await) else assign.value
    if not (isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.func.attr.value == "start"):
        return None
    return known.binding(module, call.func.value) if known.is_v0_agent(module, call.func.value) else None


def _is_written(module: Module, name: cst.Name) -> bool:
    """Whether the name is bound here; a place in a tuple may be either, and counts."""
    parent = module.index.parents.get(name)
    is_target = getattr(parent, "target", None) is name
    return is_target or isinstance(parent, (cst.AssignTarget, cst.Param, cst.AsName, cst.Element))


def _agent_attribute(result: Pipelines, binding: Binding) -> str:
    freed = {b.name for b in result.renamed if b.attribute and b.owner is binding.owner}
    for name in _AGENT_NAMES:
        if name in freed or (name != binding.name and _is_free_attribute(result.holdings, binding, name)):
            return name
    return "voice_agent_"


def _renamed_variable(result: Pipelines, binding: Binding, held: list[Binding]) -> str | None:
    known = result.holdings
    module = _module_of(known, binding.owner)
    if module is None or "session" in binding.name.lower():
        return None
    if isinstance(binding.owner, cst.ClassDef) or not _is_closed(known, module, binding):
        return None
    taken = {result.renamed.get(b, b.name) for b in held if b != binding and _meet(result, module, binding, b)}
    more = (f"{_stem(binding.name)}_session",) if _stem(binding.name) else ()
    for name in (*_SESSION_NAMES[:1], *more, *_SESSION_NAMES[1:]):
        raw = Binding(binding.owner, name)
        is_same = known.table.get(raw) == {Kind.REALTIME_SESSION} or result.started.get(raw) == binding
        merged = raw if is_same else None
        if name not in taken and is_free(module, binding.owner, name, instead_of=binding.name, merged=merged):
            return name
    return None


def _meet(result: Pipelines, module: Module, one: Binding, other: Binding) -> bool:
    """Whether two variables are seen by the same code, so that they need two names."""
    if other.attribute or result.started.get(other) == one:
        return False
    if one.owner is other.owner:
        return True
    for inner, outer in ((one, other), (other, one)):
        if outer.owner in module.index.ancestors(inner.owner) and inner.name != outer.name:
            return any(n.value == outer.name for n in find(inner.owner, cst.Name))
    return False


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
                text_of(a.value) == binding.name for a in call.args
            ):
                return None
    if not isinstance(binding.owner, cst.ClassDef) or _declares(known, binding.owner, binding.name):
        return None
    prefix = "_" if binding.name.startswith("_") else ""
    taken = RESERVED if any(known.root(a.node) is binding.owner for a in find_agents(known.project)) else ()
    for name in _SESSION_NAMES:
        if prefix + name not in taken and _is_free_attribute(known, binding, prefix + name):
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

"""Which agent an `AgentSession` runs, and which limit of tool calls that asks of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.agent_class import Role
from lk_migrate.facts.agent_limits import Limits, agent_limits
from lk_migrate.facts.agent_values import PLAIN_AGENT, agent_classes
from lk_migrate.facts.agents import agent_of, find_agents
from lk_migrate.facts.classes import is_super_init
from lk_migrate.facts.framework import Owner, callee, constructed, framework_base
from lk_migrate.facts.fronts import asked_by_front, has_member
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import lineages
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.partials import bound_name, is_partial, partial_behind
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_names import AGENT_CLASSES
from lk_migrate.facts.walk import find, own_scope

_SAYS = re.compile(rb"^[^#\n]*max_tool_steps", re.M)


@dataclass(frozen=True)
class SessionLimits:
    """`limits`: the calls per utterance that the session's agents had, None for one that isn't known.

    `known`: whether all agents that the session runs were found.
    """

    limits: frozenset[int | None]
    known: bool


def session_paths(project: Project) -> frozenset[str]:
    """The files of a project with gates that name `AgentSession`, a class derived from it, or a 0.x agent's class."""
    limits = project.fact(agent_limits)
    if not limits.classes and not limits.units:
        return frozenset()
    names = {b"AgentSession", *(name.rpartition(".")[2].encode() for name in AGENT_CLASSES)}
    for path in sorted(p for p, data in project.files.items() if b"AgentSession" in data):
        module = project.module(path)
        for node in module.index.of(cst.ClassDef) if module is not None else ():
            if module is not None and framework_base(project, Owner(module, node)) == "AgentSession":
                names.add(node.name.value.encode())
        for call in module.calls.get("partial", ()) if module is not None else ():
            if module is not None and (bound := bound_name(module, call)):
                names.add(bound.encode())
    return frozenset(p for p, data in project.files.items() if any(name in data for name in names))


def limits_of_session(project: Project, module: Module, call: cst.Call) -> SessionLimits | None:
    """The gates' limits that the session built by `call` stands in for; None when `call` builds no session.

    A subclass of the project counts when its constructor hands `max_tool_steps` on, and a 0.x agent, which LK202
    makes a session. Of a `functools.partial` that has a name, its calls do, not itself.
    """
    if is_partial(project, module, call) and bound_name(module, call):
        return None
    is_session = constructed(project, module, call, "max_tool_steps") == "AgentSession" and not is_super_init(call)
    if not is_session and not _becomes_session(project, module, call):
        return None
    gates = project.fact(agent_limits)
    classes = [c for a in _started(module, call) for c in agent_classes(project, module, a)]
    found = [c for c in classes if c is not None]
    if found and len(found) == len(classes):
        with_tools = PLAIN_AGENT in found and bool(module.keywords.get("tools"))
        plain = gates.of_plain(module.index.top_level(call)) if PLAIN_AGENT in found else []
        run = _with_successors(project, found)
        run += [c for front in run for c in _behind(project, front)]
        limits = frozenset({*_limits(gates, run), *plain})
        if limits or not with_tools:
            return SessionLimits(limits, known=True)
        # tools in a plain `Agent`, and gates in classes that are no agents: they may be theirs
        strays = [c for c in project.fact(gated_and_used) if agent_of(project, c) is None]
        return SessionLimits(frozenset(_limits(gates, strays)), known=False)
    built = [c for c in _built_nearby(project, module, call) if c in gates.classes]
    if built:
        return SessionLimits(frozenset(_limits(gates, built)), known=True)
    used = project.fact(gated_and_used)
    runnable = {a.node for a in find_agents(project) if a.role is Role.AGENT}
    known = not used or (bool(runnable) and runnable <= gates.classes.keys())
    return SessionLimits(frozenset(_limits(gates, list(used))), known)


def _with_successors(project: Project, classes: list[cst.ClassDef]) -> list[cst.ClassDef]:
    """`classes`, and the agents that these make: a tool may hand the session over to them."""
    agents = {a.node: a.module for a in find_agents(project)}
    found: list[cst.ClassDef] = []
    while classes:
        node = classes.pop()
        if node in found:
            continue
        found.append(node)
        made = (_class_of(project, agents[node], c) for c in find(node, cst.Call)) if node in agents else ()
        classes.extend(c for c in made if c in agents)
    return found


def _behind(project: Project, front: cst.ClassDef) -> list[cst.ClassDef]:
    """The classes with a gate whose objects the agent `front` is put before."""
    asked = asked_by_front(front)
    lines = project.fact(lineages)
    used = project.fact(gated_and_used) if asked else ()
    return [c for c in used if any(has_member(each.node, asked) for each in lines.of(c))]


def gated_and_used(project: Project) -> frozenset[cst.ClassDef]:
    """The classes with a gate that any code of the project speaks of, other than to import or derive from them."""
    return frozenset(c for c in project.fact(agent_limits).classes if _is_used(project, c))


def _is_used(project: Project, node: cst.ClassDef) -> bool:
    name = node.name.value
    for path in sorted(p for p, data in project.files.items() if name.encode() in data):
        module = project.module(path)
        for use in module.index.of(cst.Name) if module is not None else ():
            if module is None or use.value != name or _is_anothers(project, module, use, node):
                continue
            around = module.index.enclosing(use, cst.Annotation, cst.ImportAlias, cst.BaseStatement)
            is_base = isinstance(around, cst.ClassDef) and (
                around.name is use or any(a.value is use for a in around.bases)
            )
            if not is_base and not isinstance(around, (cst.Annotation, cst.ImportAlias)):
                return True
    return False


def _is_anothers(project: Project, module: Module, use: cst.Name, node: cst.ClassDef) -> bool:
    """`self.client.Assistant(…)`: an attribute of that name, of something else."""
    if not module.index.is_attribute(use):
        return False
    symbol = project.resolve(module, module.index.parents[use])
    return symbol is None or symbol.node is not node


def _becomes_session(project: Project, module: Module, call: cst.Call) -> bool:
    """Whether the call makes a 0.x agent, which LK202 makes a session."""
    return module.may_be_imported(call.func) and project.full_name(module, call.func) in AGENT_CLASSES


def _limits(gates: Limits, classes: list[cst.ClassDef]) -> Iterator[int | None]:
    return (gates.classes[c] for c in classes if c in gates.classes)


def agents_of_session(project: Project, module: Module, call: cst.Call) -> Iterator[cst.BaseExpression]:
    """The expressions given as agent to `start` on whatever the session is bound to; variables looked through."""
    for agent in _started(module, call):
        yield from values_of(module, agent)


def _started(module: Module, call: cst.Call) -> Iterator[cst.BaseExpression]:
    bound = _bound_to(module, call)
    numbers = module.index.numbers(_scope_of(module, call, bound))
    for start in module.calls.get("start", ()):
        func = start.func
        if module.index.number(start) not in numbers or not isinstance(func, cst.Attribute):
            continue
        receiver = module.tree.code_for_node(func.value)
        if func.value is not call and receiver not in bound:
            continue
        for arg in start.args:
            if arg.keyword is None or arg.keyword.value == "agent":
                yield arg.value
                break


def _scope_of(module: Module, call: cst.Call, bound: set[str]) -> cst.CSTNode:
    """Where the names hold: a variable in its function, an attribute in its class."""
    kind = cst.ClassDef if any("." in name for name in bound) else cst.FunctionDef
    return module.index.enclosing(call, kind) or module.tree


def _bound_to(module: Module, call: cst.Call) -> set[str]:
    parent = module.index.parents[call]
    if isinstance(parent, cst.Assign):
        return {module.tree.code_for_node(t.target).strip() for t in parent.targets}
    if isinstance(parent, cst.AnnAssign):
        return {module.tree.code_for_node(parent.target)}
    return set()


def values_of(module: Module, value: cst.BaseExpression, depth: int = 0) -> Iterator[cst.BaseExpression]:
    """What a variable of the same function may hold."""
    if isinstance(value, cst.IfExp):
        yield from values_of(module, value.body, depth)
        yield from values_of(module, value.orelse, depth)
        return
    assigned: list[cst.BaseExpression] = []
    if isinstance(value, cst.Name):
        function = module.index.enclosing(value, cst.FunctionDef) or module.tree
        assigned = [
            node.value
            for node in module.index.find(function, cst.Assign)
            for target in node.targets
            if isinstance(target.target, cst.Name) and target.target.value == value.value
        ]
    if not assigned or depth > 3:
        yield value
    for item in assigned:
        yield from values_of(module, item, depth + 1)


def _class_of(project: Project, module: Module, value: cst.BaseExpression) -> cst.ClassDef | None:
    if not isinstance(value, cst.Call):
        return None
    symbol = project.resolve(module, callee(value))
    return symbol.node if symbol is not None and isinstance(symbol.node, cst.ClassDef) else None


def _built_nearby(project: Project, module: Module, call: cst.Call) -> list[cst.ClassDef]:
    """The classes that the function around the session makes objects of."""
    function = module.index.enclosing(call, cst.FunctionDef) or module.tree
    made = (_class_of(project, module, c) for c in find(function, cst.Call))
    return [c for c in made if c is not None]


def models_of_session(project: Project, module: Module, call: cst.Call) -> list[cst.BaseExpression]:
    """What the session is given as `llm=`, or by `**models`; variables and functions of the module looked through."""
    args = _arguments(project, module, call)
    given = [arg.value for arg in args if arg.keyword is not None and arg.keyword.value == "llm"]
    given += [value for one in _unpacked(module, args) for key, value in _entries(one) if key == "llm"]
    return [model for arg in given for value in values_of(module, arg) for model in _made(module, value)]


def decides_limit(project: Project, module: Module, call: cst.Call) -> bool:
    """Whether the `*` or `**` of a call, or a partial that it calls, may hand over `max_tool_steps`: it does so nowhere
    that never says the word.
    """
    filled = partial_behind(project, module, callee(call))
    if filled is not None and any(
        a.keyword is not None and a.keyword.value == "max_tool_steps" for a in filled[1].args
    ):
        return True
    args = _arguments(project, module, call)
    if not any(arg.star for arg in args):
        return False
    if any(arg.star == "*" for arg in args):
        return True
    return says_limit(project) and any(
        key in ("", "max_tool_steps") for one in _unpacked(module, args) for key, _ in _entries(one)
    )


def says_limit(project: Project) -> bool:
    """Whether the project speaks of `max_tool_steps`, other than in a comment: a marker does."""
    return any(_SAYS.search(project.files[path]) for path in project.paths_with([b"max_tool_steps"]))


def hands_over_more(project: Project, module: Module, call: cst.Call) -> bool:
    """Whether the `**` of a call may hold what cannot be seen here, or a partial of another module that it calls."""
    filled = partial_behind(project, module, callee(call))
    afar = filled is not None and filled[0] is not module
    args = _arguments(project, module, call)
    return afar or any(key == "" for one in _unpacked(module, args) for key, _ in _entries(one))


def _arguments(project: Project, module: Module, call: cst.Call) -> list[cst.Arg]:
    """What the call hands over itself, and what a partial of the same module that it calls does."""
    filled = partial_behind(project, module, callee(call))
    return [*call.args, *(filled[1].args[1:] if filled is not None and filled[0] is module else ())]


def _unpacked(module: Module, args: Sequence[cst.Arg]) -> list[cst.BaseExpression]:
    """What stands behind the `**` of a call: `{…}`, `dict(…)`, or whatever else it comes from."""
    starred = [arg.value for arg in args if arg.star == "**"]
    return [made for arg in starred for value in values_of(module, arg) for made in _made(module, value)]


def _entries(mapping: cst.BaseExpression) -> Iterator[tuple[str, cst.BaseExpression]]:
    """The keys and values of `{…}` and `dict(…)`; an empty key for what cannot be seen."""
    if isinstance(mapping, cst.Dict):
        for element in mapping.elements:
            yield _key(element), element.value
    elif isinstance(mapping, cst.Call) and dotted(mapping.func) == "dict":
        for arg in mapping.args:
            yield arg.keyword.value if arg.keyword is not None else "", arg.value
    else:
        yield "", mapping


def _key(element: cst.BaseDictElement) -> str:
    key = element.key if isinstance(element, cst.DictElement) else None
    return text_of(key) or ""


def _made(module: Module, value: cst.BaseExpression, depth: int = 0) -> list[cst.BaseExpression]:
    """The value itself, or what a function of the module returns that is called for it."""
    name = value.func.value if isinstance(value, cst.Call) and isinstance(value.func, cst.Name) else ""
    function = module.definitions.get(name)
    if not isinstance(function, cst.FunctionDef) or depth > 3:
        return [value]
    returned = [r.value for r in own_scope(function) if isinstance(r, cst.Return) and r.value is not None]
    return [model for r in returned for v in values_of(module, r) for model in _made(module, v, depth + 1)]

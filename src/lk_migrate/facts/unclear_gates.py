"""What refuses by something that is set back when the user speaks, and was not found to be a turn gate.

It may be one in a shape that cannot be followed (a lock, an enum, a decorator of the class), or a rule of the
project's own. Either way it stays, and is pointed out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.agents import any_tool_files, find_agents
from lk_migrate.facts.dispatcher_work import fronts_of_dispatchers
from lk_migrate.facts.gates import find_gates
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.inline_gates import inline_gates
from lk_migrate.facts.module import Module
from lk_migrate.facts.own_limits import is_one_of_many
from lk_migrate.facts.project import Project
from lk_migrate.facts.turn_hooks import turn_hooks
from lk_migrate.facts.walk import descendants, find, own_scope

_SETS_BACK = frozenset({"clear", "release", "reset", "refill", "set"})
_COUNTS = frozenset({"append", "add", "acquire", "set", "pop", "remove", "discard", "setdefault"})


@dataclass(frozen=True)
class UnclearGate:
    """`state`: what is asked and changed by the `functions`, and set back by `hook`."""

    module: Module
    state: str
    hook: str
    functions: tuple[cst.FunctionDef, ...]


def unclear_gates(project: Project) -> tuple[UnclearGate, ...]:
    """By file and state. Memoise with `project.fact(unclear_gates)`."""
    hooks = project.fact(turn_hooks)
    set_back = {name: function.name.value for _, function in hooks for name in _set_back(function)}
    if not set_back:
        return ()
    files = project.fact(any_tool_files)
    gates = project.fact(find_gates)
    followed = (*gates.all, *gates.unreplaced, *gates.of_one_tool)
    known = {guard.function for gate in followed for guard in gate.guards}
    known |= {f for gate in followed for f in (gate.node, gate.counter)}
    known |= project.fact(fronts_of_dispatchers).keys() | {d.node for a in find_agents(project) for d in a.dispatchers}
    known |= {gate.function for gate in project.fact(inline_gates)} | {function for _, function in hooks}
    found: dict[tuple[str, str], list[cst.FunctionDef]] = {}
    modules = {path: project.module(path) for path in sorted(project.paths_with(n.encode() for n in set_back))}
    for path, module in modules.items():
        for function in module.index.of(cst.FunctionDef) if module is not None else ():
            if module is None or function in known or known & set(_around(module, function)):
                continue
            for name in set_back:
                if _may_refuse(module, function, name) and _is_of_tools(project, module, function, files):
                    found.setdefault((path, name), []).append(function)
                    break
    # (what one tool alone asks beside others is its own limit)
    return tuple(
        UnclearGate(module, name, set_back[name], tuple(functions))
        for (path, name), functions in found.items()
        if (module := modules[path]) is not None
        and not (len(functions) == 1 and is_one_of_many(project, module, functions[0], functions))
    )


def _around(module: Module, function: cst.FunctionDef) -> Iterator[cst.FunctionDef]:
    return (a for a in module.index.ancestors(function) if isinstance(a, cst.FunctionDef))


def _set_back(hook: cst.FunctionDef) -> Iterator[str]:
    """The attributes, and variables of a scope further out, that a hook sets, empties or releases."""
    outside = {i.name.value for i in find(hook, cst.NameItem) if isinstance(i.name, cst.Name)}
    targets: list[cst.AssignTarget | cst.AugAssign] = [*find(hook, cst.AssignTarget), *find(hook, cst.AugAssign)]
    for node in targets:
        if isinstance(node.target, cst.Attribute):
            yield node.target.attr.value
        elif isinstance(node.target, cst.Name) and node.target.value in outside:
            yield node.target.value
    for call in find(hook, cst.Call):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in _SETS_BACK:
            yield _root(call.func.value)


def _root(node: cst.CSTNode) -> str:
    """`_busy` of `self._busy`, `calls` of `calls.get()`."""
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        node = node.func.value
    return (dotted(node) or "").rpartition(".")[2]


def _may_refuse(module: Module, function: cst.FunctionDef, name: str) -> bool:
    """Whether it gives an answer of its own, or takes the model's tools, where `name` is such and such, and changes
    that or what it is compared with; or hands `name` out, and is asked by an `if` that answers.
    """
    same = {name}
    own = list(own_scope(function))
    for assign in own:  # `calls = state.calls`, `used = getattr(self, "used", 0)`, `self._acted_in = self._turn`
        if isinstance(assign, cst.Assign) and _says(assign.value, same):
            same |= {_root(t) for target in assign.targets for t in _targets(target.target)} - {""}
    if not any(_changes(n, same) for n in own):
        return False
    tests = [n for n in own if isinstance(n, cst.If) and _says(n.test, same)]
    if any(_answers(test) or _takes_tools(function, test) for test in tests):
        return True
    given = any(isinstance(n, cst.Return) and n.value is not None and _says(n.value, same) for n in own)
    return given and any(_answers(n) and _calls(n.test, function.name.value) for n in module.index.of(cst.If))


def _calls(test: cst.CSTNode, name: str) -> bool:
    return any((dotted(c.func) or "").rpartition(".")[2] == name for c in find(test, cst.Call))


def _targets(target: cst.CSTNode) -> Iterator[cst.CSTNode]:
    if isinstance(target, (cst.Tuple, cst.List)):
        yield from (e.value for e in target.elements)
    else:
        yield target


def _says(node: cst.CSTNode, names: set[str]) -> bool:
    for part in descendants(node):
        if isinstance(part, cst.Name) and part.value in names:
            return True
        if isinstance(part, cst.SimpleString) and part.raw_value in names:
            return True
    return False


def _answers(test: cst.If) -> bool:
    parts = own_scope(test.body)
    return any(isinstance(n, cst.Raise) or (isinstance(n, cst.Return) and n.value is not None) for n in parts)


def _takes_tools(function: cst.FunctionDef, test: cst.If) -> bool:
    """`if self._rounds > 2: tools = []` in an `llm_node`, which hands the tools on to the model."""
    params = [p.name.value for p in function.params.params]
    if function.name.value != "llm_node" or len(params) < 3:
        return False
    return any(dotted(target.target) == params[2] for target in find(test.body, cst.AssignTarget))


def _changes(node: cst.CSTNode, names: set[str]) -> bool:
    if isinstance(node, (cst.AssignTarget, cst.AugAssign)):
        return any(isinstance(t, (cst.Attribute, cst.Subscript)) and _says(t, names) for t in _targets(node.target))
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        return node.func.attr.value in _COUNTS and _says(node.func.value, names)
    return False


def _is_of_tools(project: Project, module: Module, function: cst.FunctionDef, files: frozenset[str]) -> bool:
    """Whether it stands in a file of tools, or is named in one, itself or what is around it."""
    if module.path in files:
        return True
    around = [a for a in module.index.ancestors(function) if isinstance(a, (cst.FunctionDef, cst.ClassDef))]
    names = [n.name.value.encode() for n in (function, *around)]
    return any(name in project.files[path] for path in files for name in names)

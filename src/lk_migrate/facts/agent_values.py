"""Which classes an expression that is handed to a session as its agent may be an object of.

Followed: variables, conditions, what a function or method of the project returns, and a parameter, by its annotation
or by what its callers give.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import agent_of, find_agents
from lk_migrate.facts.collisions import renamed
from lk_migrate.facts.framework import Owner, agents_name, callee, method
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import lineages
from lk_migrate.facts.module import Module
from lk_migrate.facts.partials import partial_behind
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find, own_scope

#: Stands for the framework's own `Agent`, as in `Agent(instructions=…)`.
PLAIN_AGENT = cst.ensure_type(cst.parse_statement("class Agent: pass"), cst.ClassDef)
#: What assistants call their prompt.
PROMPTS = frozenset({"instructions", renamed("instructions"), "system_prompt", "prompt"})
_DEPTH = 5


def agent_classes(
    project: Project, module: Module, value: cst.BaseExpression, depth: int = 0
) -> Iterator[cst.ClassDef | None]:
    """The classes of what `value` may be, `PLAIN_AGENT` for the framework's; None for each that cannot be told."""
    if depth > _DEPTH:
        yield None
    elif isinstance(value, cst.Await):
        yield from agent_classes(project, module, value.expression, depth)
    elif isinstance(value, cst.IfExp):
        for arm in (value.body, value.orelse):
            yield from agent_classes(project, module, arm, depth)
    elif isinstance(value, cst.BooleanOperation):
        for arm in (value.left, value.right):
            yield from agent_classes(project, module, arm, depth)
    elif isinstance(value, cst.Call):
        yield from _made(project, module, value, depth)
    elif isinstance(value, cst.Name):
        if value.value != "None":
            yield from _named(project, module, value, depth)
    else:
        yield None


def is_no_agent(project: Project, node: cst.ClassDef) -> bool:
    """Whether nothing in the project makes the class an `Agent`: all its bases are the project's own."""
    line = project.fact(lineages).of(node)
    known = {c.node for c in line}
    for each in line:
        for arg in each.node.bases:
            symbol = project.resolve(each.module, arg.value)
            if dotted(arg.value) != "object" and (symbol is None or symbol.node not in known):
                return False
    return bool(line) and agent_of(project, node) is None


def _made(project: Project, module: Module, call: cst.Call, depth: int) -> Iterator[cst.ClassDef | None]:
    func = callee(call)
    symbol = project.resolve(module, func)
    node, home = (symbol.node, symbol.module) if symbol is not None else (None, None)
    if (
        node is None
        and isinstance(func, cst.Attribute)
        and isinstance(func.value, cst.Name)
        and func.value.value == "self"
    ):
        owner = module.index.enclosing(call, cst.ClassDef)
        node = method(Owner(module, owner), func.attr.value) if isinstance(owner, cst.ClassDef) else None
        home = module
    if isinstance(node, cst.ClassDef):
        yield node
    elif isinstance(node, cst.FunctionDef) and home is not None:
        returned = [r.value for r in own_scope(node) if isinstance(r, cst.Return) and r.value is not None]
        if not returned:
            yield None
        for given in returned:
            yield from agent_classes(project, home, given, depth + 1)
    elif module.may_be_imported(func) and agents_name(project, module, func) == "Agent":
        wrapped = _wrapped(module, call)
        known = set(_objects(project, module, wrapped, depth + 1)) if wrapped is not None else set()
        yield from known & {a.node for a in find_agents(project)} or (PLAIN_AGENT,)
    else:
        filled = partial_behind(project, module, func)
        made = project.resolve(filled[0], filled[1].args[0].value) if filled is not None else None
        yield made.node if made is not None and isinstance(made.node, cst.ClassDef) else None


def _wrapped(module: Module, call: cst.Call) -> cst.BaseExpression | None:
    """The assistant that `Agent(instructions=assistant.instructions, …)` is put around."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == "instructions" and isinstance(arg.value, cst.Attribute):
            return arg.value.value if arg.value.attr.value in PROMPTS else None
    return None


def _objects(project: Project, module: Module, value: cst.BaseExpression, depth: int) -> Iterator[cst.ClassDef | None]:
    owner = module.index.enclosing(value, cst.ClassDef)
    if isinstance(value, cst.Name) and value.value == "self" and isinstance(owner, cst.ClassDef):
        yield owner
    else:
        yield from agent_classes(project, module, value, depth)


def _named(project: Project, module: Module, name: cst.Name, depth: int) -> Iterator[cst.ClassDef | None]:
    function = module.index.enclosing(name, cst.FunctionDef)
    if not isinstance(function, cst.FunctionDef):
        yield from _assigned(project, module, name, module.tree, depth)
        return
    params = [p.name.value for p in (*function.params.posonly_params, *function.params.params)]
    keywords = [p.name.value for p in function.params.kwonly_params]
    if name.value not in (*params, *keywords):
        yield from _assigned(project, module, name, function, depth)
        return
    yield from _assigned(project, module, name, function, depth, may_be_none=True)
    param = next(p for p in find(function.params, cst.Param) if p.name.value == name.value)
    annotated = _annotated(project, module, param)
    if annotated is not None:
        yield annotated
        return
    position = params.index(name.value) if name.value in params else None
    if position is not None and params[:1] == ["self"]:
        position -= 1
    given = list(_given(project, function, name.value, position))
    if not given:
        yield None
    for home, value in given:
        yield from agent_classes(project, home, value, depth + 1)


def _assigned(
    project: Project, module: Module, name: cst.Name, scope: cst.CSTNode, depth: int, may_be_none: bool = False
) -> Iterator[cst.ClassDef | None]:
    """What is assigned to the variable in its scope."""
    found = False
    index = module.index
    for node in (*index.find(scope, cst.Assign), *index.find(scope, cst.AnnAssign)):
        targets = [t.target for t in node.targets] if isinstance(node, cst.Assign) else [node.target]
        if node.value is not None and any(isinstance(t, cst.Name) and t.value == name.value for t in targets):
            found = True
            if not any(n is name for n in find(node.value, cst.Name)):
                yield from agent_classes(project, module, node.value, depth + 1)
    if not found and not may_be_none:
        yield None


def _annotated(project: Project, module: Module, param: cst.Param) -> cst.ClassDef | None:
    """The class of the project that an annotation names, and no other does."""
    if param.annotation is None:
        return None
    symbol = project.resolve(module, param.annotation.annotation)
    return symbol.node if symbol is not None and isinstance(symbol.node, cst.ClassDef) else None


def _given(
    project: Project, function: cst.FunctionDef, keyword: str, position: int | None
) -> Iterator[tuple[Module, cst.BaseExpression]]:
    """What the callers of a function, found by its name, give for one of its parameters."""
    word = function.name.value
    for path in sorted(p for p, data in project.files.items() if f"{word}(".encode() in data):
        module = project.module(path)
        for call in module.index.of(cst.Call) if module is not None else ():
            if module is None or (dotted(call.func) or "").rpartition(".")[2] != word:
                continue
            for i, arg in enumerate(call.args):
                if (arg.keyword is None and not arg.star and i == position) or (
                    arg.keyword is not None and arg.keyword.value == keyword
                ):
                    yield module, arg.value

"""Where the summaries of usage collectors go: the expressions that hold one, and the functions that are handed one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.metrics import collectors
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find


@dataclass(frozen=True)
class Receiver:
    """A function of the project that is handed a summary as its parameter `param`, by every one of its callers."""

    function: cst.FunctionDef
    param: str
    arguments: frozenset[cst.Arg]


def expressions(module: Module, summary: cst.Call) -> Iterator[cst.BaseExpression]:
    """`collector.get_summary()` itself, or each use of the one name that it is assigned to.

    Of several summaries that are assigned to a name the one above a use is meant, in a loop the last.
    """
    name = assigned_name(module, summary)
    if name is None:
        yield summary
        return
    given = namesakes(module, summary)
    meant = given[-1]
    for use in find(_scope(module, summary), cst.Name):
        parent = module.index.parents.get(use)
        if use.value != name or isinstance(parent, (cst.AssignTarget, cst.Param, cst.NameItem)):
            assign = module.index.parents.get(parent) if isinstance(parent, cst.AssignTarget) else None
            if use.value == name and isinstance(assign, cst.Assign) and assign.value in given:
                meant = assign.value  # type: ignore[assignment]
            continue
        if meant is not summary:
            continue
        is_label = (isinstance(parent, cst.Attribute) and parent.attr is use) or (
            isinstance(parent, cst.Arg) and parent.keyword is use
        )
        if not is_label:
            yield use


def namesakes(module: Module, summary: cst.Call) -> list[cst.Call]:
    """The summaries that are assigned to the name that this one is assigned to, by line; itself is one of them."""
    name = assigned_name(module, summary)
    calls = find(_scope(module, summary), cst.Call)
    return [c for c in calls if _is_summary(c) and assigned_name(module, c) == name]


def _scope(module: Module, summary: cst.Call) -> cst.CSTNode:
    return module.index.enclosing(summary, cst.FunctionDef) or module.tree


def _is_summary(call: cst.Call) -> bool:
    return isinstance(call.func, cst.Attribute) and call.func.attr.value == "get_summary"


def assigned_name(module: Module, summary: cst.Call) -> str | None:
    """`name` in `name = collector.get_summary()`."""
    parent = module.index.parents.get(summary)
    if isinstance(parent, cst.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0].target, cst.Name):
        return parent.targets[0].target.value
    if isinstance(parent, cst.AnnAssign) and isinstance(parent.target, cst.Name):
        return parent.target.value
    return None


def asked(module: Module, expression: cst.BaseExpression) -> tuple[cst.If | cst.IfExp, str] | None:
    """What stands under `hasattr(summary, "llm_prompt_tokens")`, and the field; nothing where there is more to it."""
    arg = module.index.parents.get(expression)
    call = module.index.parents.get(arg) if isinstance(arg, cst.Arg) else None
    if not isinstance(call, cst.Call) or dotted(call.func) != "hasattr" or len(call.args) != 2:
        return None
    name, outer = call.args[1].value, module.index.parents.get(call)
    if call.args[0] is not arg or not isinstance(name, cst.SimpleString):
        return None
    if not isinstance(outer, (cst.If, cst.IfExp)) or outer.test is not call:
        return None
    above = module.index.parents.get(outer)
    is_elif = isinstance(above, cst.If) and above.orelse is outer
    if isinstance(outer, cst.If) and (outer.orelse is not None or is_elif):
        return None
    return outer, str(string_value(name))


def kept(project: Project, module: Module) -> dict[cst.BaseExpression, tuple[cst.Attribute, ...]]:
    """Summaries that are kept in an attribute: each with the attribute's reads, which stand with the first of them.

    Only where all that is ever kept there is a summary, and every read of it is of a field.
    """
    made = [e for c in collectors(project, module) for s in c.summaries for e in expressions(module, s)]
    targets = {e: target for e in made if (target := _kept_in(module, e)) is not None}
    found: dict[cst.BaseExpression, tuple[cst.Attribute, ...]] = {}
    for name in sorted({t.attr.value for t in targets.values()}):
        mine = [e for e, t in targets.items() if t.attr.value == name]
        assigned = {targets[e] for e in mine}
        others = [a for a in module.index.of(cst.Attribute) if a.attr.value == name and a not in assigned]
        read = [a for a in others if isinstance(module.index.parents.get(a), cst.Attribute)]
        is_elsewhere = any(name.encode() in data for path, data in project.files.items() if path != module.path)
        one_class = len({module.index.enclosing(a, cst.ClassDef) for a in (*assigned, *others)}) == 1
        if one_class and not is_elsewhere and read == others and all(dotted(a.value) == "self" for a in others):
            found.update({e: tuple(read) if e is mine[0] else () for e in mine})
    return found


def _kept_in(module: Module, expression: cst.BaseExpression) -> cst.Attribute | None:
    """`self.last` of `self.last = summary`."""
    parent = module.index.parents.get(expression)
    if not isinstance(parent, cst.Assign) or parent.value is not expression or len(parent.targets) != 1:
        return None
    target = parent.targets[0].target
    return target if isinstance(target, cst.Attribute) and dotted(target.value) == "self" else None


def receivers(project: Project) -> dict[cst.FunctionDef, Receiver]:
    """Every function of the project that is only ever called with a summary in one of its places."""
    handed: dict[cst.FunctionDef, set[tuple[str, cst.Arg]]] = {}
    for path, data in project.files.items():
        module = project.module(path) if b"get_summary" in data else None
        if module is None:
            continue
        for collector in collectors(project, module):
            for summary in collector.summaries:
                for expression in expressions(module, summary):
                    arg = module.index.parents.get(expression)
                    call = module.index.parents.get(arg) if isinstance(arg, cst.Arg) else None
                    function = _called(project, module, call) if isinstance(call, cst.Call) else None
                    param = _param(function, call, arg) if function and isinstance(call, cst.Call) else None  # type: ignore[arg-type]
                    if function is not None and param is not None:
                        handed.setdefault(function, set()).add((param, arg))  # type: ignore[arg-type]
    found = {}
    for function, places in handed.items():
        params = {param for param, _ in places}
        if len(params) == 1 and _calls(project, function) == len(places):
            found[function] = Receiver(function, params.pop(), frozenset(arg for _, arg in places))
    return found


def _called(project: Project, module: Module, call: cst.Call) -> cst.FunctionDef | None:
    if dotted(call.func) == f"self.{getattr(getattr(call.func, 'attr', None), 'value', '')}":
        owner = module.index.enclosing(call, cst.ClassDef)
        body = owner.body.body if isinstance(owner, cst.ClassDef) else ()
        name = call.func.attr.value  # type: ignore[attr-defined]
        return next((s for s in body if isinstance(s, cst.FunctionDef) and s.name.value == name), None)
    symbol = project.resolve(module, call.func)
    if symbol is not None and isinstance(symbol.node, cst.FunctionDef):
        return symbol.node
    if symbol is None and isinstance(call.func, cst.Name):
        # A function inside the same function.
        for scope in module.scopes(call):
            nested = [f for f in find(scope, cst.FunctionDef) if f.name.value == call.func.value]
            if len(nested) == 1:
                return nested[0]
    return None


def _param(function: cst.FunctionDef, call: cst.Call, arg: cst.Arg) -> str | None:
    if arg.star:
        return None
    if arg.keyword is not None:
        return arg.keyword.value
    names = [p.name.value for p in function.params.params]
    if names[:1] == ["self"]:
        names = names[1:]
    position = list(call.args).index(arg)
    return names[position] if position < len(names) else None


def _calls(project: Project, function: cst.FunctionDef) -> int:
    """How often the project calls (or mentions) a function of that name."""
    word = function.name.value.encode()
    count = 0
    for path, data in project.files.items():
        module = project.module(path) if word in data else None
        for name in module.names.get(function.name.value, ()) if module is not None else ():
            parent = module.index.parents.get(name) if module is not None else None
            count += not isinstance(parent, (cst.FunctionDef, cst.ImportAlias))
    return count

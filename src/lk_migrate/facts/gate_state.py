"""Statements that do nothing but give a value: what may go when nobody reads the value any more."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.walk import descendants, find

#: Calls whose only effect is the value that they give.
_PURE = {
    *("dict", "set", "list", "int", "str", "bool", "float", "frozenset", "tuple", "Lock", "RLock", "Counter"),
    *("defaultdict", "deque", "OrderedDict", "getenv", "get", "ContextVar", "field", "SimpleNamespace", "dumps"),
}


def write_of(module: Module, node: cst.CSTNode) -> tuple[cst.CSTNode, cst.CSTNode | None] | None:
    """The statement that only sets `node` to something harmless, and the part of it that does; None for a read."""
    parents = module.index.parents
    parent = parents[node]
    if isinstance(parent, cst.AnnAssign) and parent.target is node:
        return (parent, None) if parent.value is None or harmless(parent.value) else None
    if isinstance(parent, cst.AugAssign) and parent.target is node:
        return (parent, None) if harmless(parent.value) else None
    if isinstance(parent, cst.AssignTarget):
        assign = parents[parent]
        if isinstance(assign, cst.Assign) and harmless(assign.value):
            return (assign, None) if len(assign.targets) == 1 else (assign, parent)
        return None
    if isinstance(parent, cst.Element) and isinstance(parents[parents[parent]], cst.AssignTarget):
        assign = parents[parents[parents[parent]]]
        target = parents[parent]
        if not isinstance(assign, cst.Assign) or len(assign.targets) != 1 or not isinstance(target, cst.Tuple):
            return None
        if isinstance(assign.value, cst.Tuple) and len(assign.value.elements) == len(target.elements):
            position = list(target.elements).index(parent)
            return (assign, parent) if harmless(assign.value.elements[position].value) else None
        return None
    if isinstance(parent, cst.Attribute) and parent.value is node:
        call = parents[parent]
        if isinstance(call, cst.Call) and call.func is parent and isinstance(parents[call], cst.Expr):
            emptied = parent.attr.value in ("clear", "reset") and not call.args
            filled = parent.attr.value in ("update", "add", "append") and all(harmless(a.value) for a in call.args)
            return (parents[call], None) if emptied or filled else None
    return None


def harmless(value: cst.CSTNode) -> bool:
    """Whether evaluating the expression has no effect but its value."""
    for node in descendants(value):
        if isinstance(node, (cst.Await, cst.NamedExpr, cst.Yield)):
            return False
        if isinstance(node, cst.Call) and (dotted(node.func) or "").rpartition(".")[2] not in _PURE:
            return False
    return True


def mere_reset(module: Module, node: cst.CSTNode, made: cst.ClassDef) -> cst.CSTNode | None:
    """The statement `self.gate.reset()`, where that method of the gate does nothing but set its own attributes, or
    `self.gate.used = 0`.
    """
    parents = module.index.parents
    attribute = parents[node]
    if isinstance(attribute, cst.Attribute) and attribute.value is node:
        written = write_of(module, attribute)
        if written is not None and written[1] is None and isinstance(written[0], cst.Assign):
            return written[0]
    call = parents.get(attribute)
    if not (
        isinstance(attribute, cst.Attribute) and isinstance(call, cst.Call) and isinstance(parents[call], cst.Expr)
    ):
        return None
    for function in find(made.body, cst.FunctionDef):
        if function.name.value == attribute.attr.value:
            statements = find(function.body, cst.BaseSmallStatement)  # type: ignore[type-abstract]
            sets = all(isinstance(s, (cst.Assign, cst.AnnAssign, cst.Expr, cst.Pass)) for s in statements)
            return parents[call] if sets and _harmless_calls(function) else None
    return None


def _harmless_calls(function: cst.FunctionDef) -> bool:
    return all(
        isinstance(c.func, cst.Attribute) and c.func.attr.value in ("clear", "pop", "discard")
        for c in find(function.body, cst.Call)
    )


def definition_of(home: Module, name: str, node: cst.CSTNode) -> cst.CSTNode | None:
    """The statement that defines a module-level name, if it may go: a harmless value, or a private helper."""
    parent = home.index.parents.get(node)
    if isinstance(node, cst.FunctionDef):
        return node if name.startswith("_") and isinstance(parent, cst.Module) and not node.decorators else None
    if isinstance(node, cst.ClassDef):
        only_error = node.bases and all((dotted(b.value) or "").endswith(("Error", "Exception")) for b in node.bases)
        return node if only_error and not list(find(node.body, cst.FunctionDef)) else None
    if isinstance(parent, cst.Assign) and len(parent.targets) == 1 and dotted(parent.targets[0].target) == name:
        return parent if harmless(node) else None
    if isinstance(parent, cst.AnnAssign):
        return parent if harmless(node) else None
    return None

"""What each kind of statement does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import libcst as cst

from lk_migrate.facts.evaluation.operators import binary, truth
from lk_migrate.facts.evaluation.values import (
    External,
    Function,
    Instance,
    Raised,
    Returned,
    Undecidable,
    Unknown,
    Utterance,
    Wrapped,
)
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.walk import find

if TYPE_CHECKING:
    from lk_migrate.facts.evaluation.machine import Frame, Machine


_WITH_A_BODY = (cst.IndentedBlock, cst.SimpleStatementLine, cst.SimpleStatementSuite)


def run(at: Frame, node: cst.CSTNode) -> None:
    """Execute a statement or a block."""
    at.machine.step()
    if type(node) in _WITH_A_BODY:
        for statement in cast(Any, node).body:
            run(at, statement)
        return
    handler = _HANDLERS.get(type(node))
    if handler is None:
        raise Undecidable(type(node).__name__)
    handler(at, node)


def _pass(at: Frame, node: cst.Pass) -> None:
    pass


def _global(at: Frame, node: cst.Global) -> None:
    at.scopes[-1].setdefault("global", set()).update(i.name.value for i in node.names)


def _nonlocal(at: Frame, node: cst.Nonlocal) -> None:
    at.scopes[-1].setdefault("nonlocal", set()).update(i.name.value for i in node.names)


def _expr(at: Frame, node: cst.Expr) -> None:
    at.evaluate(node.value)


def _return(at: Frame, node: cst.Return) -> None:
    raise Returned(None if node.value is None else at.evaluate(node.value))


def _raise(at: Frame, node: cst.Raise) -> None:
    name = "Exception"
    if node.exc is not None:
        head = node.exc.func if isinstance(node.exc, cst.Call) else node.exc
        name = dotted(head) or name
    raise Raised(Unknown(name), name)


def _if(at: Frame, node: cst.If) -> None:
    if truth(at.machine, at.evaluate(node.test)):
        run(at, node.body)
    elif isinstance(node.orelse, cst.If):
        run(at, node.orelse)
    elif node.orelse is not None:
        run(at, node.orelse.body)


def _with(at: Frame, node: cst.With) -> None:
    for item in node.items:
        value = at.evaluate(item.item)
        if isinstance(value, (Function, Instance, Wrapped)):
            raise Undecidable("with")
        if item.asname is not None:
            raise Undecidable("with … as")
    run(at, node.body)


def _try(at: Frame, node: cst.Try) -> None:
    try:
        run(at, node.body)
    except Raised as error:
        for handler in node.handlers:
            kinds = {n.value for n in find(handler.type, cst.Name)} if handler.type is not None else None
            if kinds is None or error.name.rpartition(".")[2] in kinds or kinds & {"Exception", "BaseException"}:
                run(at, handler.body)
                break
        else:
            raise
    else:
        if node.orelse is not None:
            run(at, node.orelse.body)
    finally:
        if node.finalbody is not None:
            run(at, node.finalbody.body)


def _function_def(at: Frame, node: cst.FunctionDef) -> None:
    at.scopes[-1][node.name.value] = Function(at.module, node, at.scopes)


def _assign(at: Frame, node: cst.Assign) -> None:
    value = at.evaluate(node.value)
    for target in node.targets:
        assign(at, target.target, value)


def _ann_assign(at: Frame, node: cst.AnnAssign) -> None:
    if node.value is not None:
        assign(at, node.target, at.evaluate(node.value))


def _aug_assign(at: Frame, node: cst.AugAssign) -> None:
    value = at.evaluate(node.target)
    other = at.evaluate(node.value)
    assign(at, node.target, binary(at.machine, type(node.operator), value, other))


def _del(at: Frame, node: cst.Del) -> None:
    raise Undecidable("del")


def assign(at: Frame, target: cst.CSTNode, value: Any) -> None:
    """Give `target` (a name, an attribute, an item, a tuple of them) the value."""
    if isinstance(target, cst.Name):
        _bind(at, target.value, value)
    elif isinstance(target, cst.Attribute):
        set_attribute(at.machine, at.evaluate(target.value), target.attr.value, value)
    elif isinstance(target, cst.Subscript):
        owner = at.evaluate(target.value)
        if not isinstance(owner, (dict, list)):
            raise Undecidable("an item of something unknown")
        owner[key_of(at, target)] = value
    elif isinstance(target, (cst.Tuple, cst.List)):
        if not isinstance(value, (tuple, list)) or len(value) != len(target.elements):
            raise Undecidable("unpacking")
        for element, part in zip(target.elements, value, strict=True):
            assign(at, element.value, part)
    else:
        raise Undecidable("an assignment")


def _bind(at: Frame, name: str, value: Any) -> None:
    if name in at.scopes[-1].get("nonlocal", ()):
        for scope in reversed(at.scopes[:-1]):
            if name in scope:
                scope[name] = value
                return
    function_globals = at.scopes[-1].get("global", ())
    if name in function_globals:
        at.machine.globals[at.module.path, name] = value
    else:
        at.scopes[-1][name] = value


def set_attribute(machine: Machine, owner: Any, name: str, value: Any) -> None:
    """`owner.name = value`."""
    if isinstance(owner, (Instance, Function)):
        owner.attributes[name] = value
        if isinstance(owner, Instance) and owner.line:
            machine.changed.setdefault(owner.line[0].node)
    elif isinstance(owner, (Unknown, External, Utterance)):
        machine.effects.add(f"{owner}.{name} =")
    else:
        raise Undecidable("an attribute of something unknown")


def key_of(at: Frame, node: cst.Subscript) -> Any:
    """The value between the brackets."""
    index = node.slice[0].slice
    if len(node.slice) != 1 or not isinstance(index, cst.Index):
        raise Undecidable("a slice")
    return at.evaluate(index.value)


_HANDLERS: dict[type[cst.CSTNode], Callable[[Frame, Any], None]] = {
    cst.Pass: _pass,
    cst.Global: _global,
    cst.Nonlocal: _nonlocal,
    cst.Expr: _expr,
    cst.Return: _return,
    cst.Raise: _raise,
    cst.If: _if,
    cst.With: _with,
    cst.Try: _try,
    cst.FunctionDef: _function_def,
    cst.Assign: _assign,
    cst.AnnAssign: _ann_assign,
    cst.AugAssign: _aug_assign,
    cst.Del: _del,
    cst.Import: _pass,
    cst.ImportFrom: _pass,
}

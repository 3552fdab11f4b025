"""Conditions on the way to a tool: what is asked before it is called, beside its name and the model's arguments."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.classes import self_name
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.walk import find, own_scope

#: Questions about what a name or an argument is, which change nothing and know of nothing else.
_OF_VALUES = frozenset(
    {
        *("isinstance", "issubclass", "hasattr", "callable", "len", "bool", "str", "int", "type", "any", "all"),
        *("get", "keys", "items", "values", "startswith", "endswith", "strip", "lower", "upper"),
        *("iscoroutine", "iscoroutinefunction", "isawaitable", "isfunction", "ismethod", "signature"),
    }
)


def refuses(function: cst.FunctionDef, statement: cst.If) -> bool:
    """Whether `statement` ends the way to a tool for a reason that is neither the tool's name nor its arguments.

    `if not limits.allow(self.caller): return …` does, `if handler is None: return …` and `if name not in TOOLS:` don't.
    """
    ends = any(isinstance(n, (cst.Return, cst.Raise)) for n in own_scope(statement.body))
    return ends and _asks_more(function, statement.test)


def _asks_more(function: cst.FunctionDef, test: cst.CSTNode) -> bool:
    tables = {
        id(n) for part in find(test, cst.ComparisonTarget) if _is_membership(part) for n in find(part, cst.Attribute)
    }
    if any(_is_question(call) for call in find(test, cst.Call)):
        return True
    if any(id(a) not in tables and _is_state(function, a, test) for a in find(test, cst.Attribute)):
        return True
    return any(_comes_from_elsewhere(function, name.value) for name in find(test, cst.Name))


def _is_membership(part: cst.ComparisonTarget) -> bool:
    return isinstance(part.operator, (cst.In, cst.NotIn))


def _is_question(call: cst.Call) -> bool:
    """A call of anything that may count or look something up; `getattr(self, "_used", 0)` reads state, too."""
    name = (dotted(call.func) or "").rpartition(".")[2]
    if name == "getattr":
        return len(call.args) > 1 and text_of(call.args[1].value) is not None
    return name not in _OF_VALUES


def _is_state(function: cst.FunctionDef, attribute: cst.Attribute, test: cst.CSTNode) -> bool:
    """`self.used`, `limits.left`: no method that is only called, and no attribute of what the function was given."""
    if any(call.func is attribute for call in find(test, cst.Call)):
        return False
    root = (dotted(attribute) or "").partition(".")[0]
    given = {p.name.value for p in find(function.params, cst.Param)} - {self_name(function)}
    return root != "" and root not in given and not _is_bound(function, root)


def _is_bound(function: cst.FunctionDef, name: str) -> bool:
    return any(dotted(t.target) == name for t in find(function, cst.AssignTarget))


def _comes_from_elsewhere(function: cst.FunctionDef, name: str) -> bool:
    """Whether a variable of the function holds what was asked without a word of what the function was given."""
    given = {p.name.value for p in find(function.params, cst.Param)} - {self_name(function)}
    for assign in find(function, cst.Assign):
        if all(dotted(t.target) != name for t in assign.targets):
            continue
        said = {n.value for n in find(assign.value, cst.Name)}
        if any(_is_question(c) for c in find(assign.value, cst.Call)) and not said & given:
            return True
    return False

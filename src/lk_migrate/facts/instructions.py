"""Where an assistant class has its instructions (the system prompt) from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import libcst as cst

from lk_migrate.facts.classes import assigning, class_attributes, is_self_attribute, method, methods, self_name
from lk_migrate.facts.imports import dotted, target_names
from lk_migrate.facts.module import Module
from lk_migrate.facts.walk import find

#: Names for the system prompt, the framework's own first.
_NAMES = ("instructions", "system_prompt", "instruction", "system_message", "prompt", "persona", "base_prompt")
_METHODS = re.compile(
    r"^_?(get|build|make|create|load|render|compose)?_?(system_)?(instructions?|prompt|system_message)$", re.IGNORECASE
)
_CONSTANT = re.compile(r"(^|_)(INSTRUCTIONS?|PROMPT|PERSONA)(_|$)|^SYSTEM_", re.IGNORECASE)


class Source(str, Enum):
    """Where the text comes from."""

    ATTRIBUTE = "attribute"  # `self.instructions = …` in `__init__`
    ASSIGNMENTS = "assignments"  # several of them, or under a condition
    PARAMETER = "parameter"  # a parameter of `__init__` that is never stored
    CLASS_ATTRIBUTE = "class attribute"
    METHOD = "method"
    CONSTANT = "constant"  # of the module
    MISSING = "missing"


@dataclass(frozen=True)
class Instructions:
    """`expression` is what to hand to `super().__init__(instructions=…)`; `statement` the assignment of it now.

    `early`: the expression needs nothing but parameters and globals, so it may be the first thing `__init__` does.
    `name` is the attribute's, parameter's, method's or constant's.
    """

    source: Source
    name: str = ""
    expression: cst.BaseExpression | None = None
    statement: cst.BaseSmallStatement | None = None
    early: bool = True


def instructions_of(module: Module, node: cst.ClassDef) -> Instructions:
    """What the class body itself says; `Source.MISSING` when nothing there looks like a prompt."""
    init = method(node, "__init__")
    attributes = class_attributes(node)
    assigned = module.index.find(init, cst.Assign, cst.AnnAssign, cst.AugAssign) if init is not None else []
    for name in _NAMES:
        found = _assigned(module, init, name, assigned) if init is not None and assigned else None
        if found is not None:
            return found
    if init is not None:
        params = {p.name.value for p in [*init.params.params, *init.params.kwonly_params]}
        for name in _NAMES:
            if name in params:
                return Instructions(Source.PARAMETER, name, cst.Name(name))
    for name in _NAMES:
        for spelt in (name, name.upper()):
            if spelt in attributes:
                line, value = attributes[spelt]
                return Instructions(Source.CLASS_ATTRIBUTE, spelt, value, assigning(line, spelt))
    for function in methods(node):
        if _METHODS.match(function.name.value) and function.asynchronous is None and _takes_nothing(function):
            return Instructions(Source.METHOD, function.name.value, early=False)
    constants = [n for n, v in module.definitions.items() if _CONSTANT.search(n) and _is_text(v)]
    used = {n.value for n in module.index.find(node, cst.Name)} if constants else frozenset()
    mentioned = [n for n in constants if n in used]
    for name in mentioned or (constants if len(constants) == 1 else []):
        return Instructions(Source.CONSTANT, name, cst.Name(name))
    return Instructions(Source.MISSING)


def _takes_nothing(function: cst.FunctionDef) -> bool:
    instance = self_name(function)
    required = [p for p in function.params.params[1 if instance else 0 :] if p.default is None]
    return not required


def _is_text(node: cst.CSTNode) -> bool:
    """Whether a constant is a text: written out, put together, or read from a file."""
    if isinstance(node, cst.Call):
        name = (dotted(node.func) or "").rpartition(".")[2]
        if isinstance(node.func, cst.Attribute):
            name = node.func.attr.value
            return name in ("read_text", "read") or _is_text(node.func.value)
        return name == "dedent" and bool(node.args) and _is_text(node.args[0].value)
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, (cst.Add, cst.Modulo)):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, (cst.SimpleString, cst.ConcatenatedString, cst.FormattedString))


def _assigned(
    module: Module, init: cst.FunctionDef, name: str, assigned: Sequence[cst.BaseSmallStatement]
) -> Instructions | None:
    """`self.<name> = …` among what is `assigned` in `__init__`: one plain statement, or several."""
    instance = self_name(init)
    places = [n for n in assigned if _targets(n, instance, name)]
    if not places:
        return None
    only = places[0]
    line = module.index.parents.get(only)
    plain = (
        len(places) == 1
        and isinstance(only, (cst.Assign, cst.AnnAssign))
        and only.value is not None
        and isinstance(line, cst.SimpleStatementLine)
        and module.index.parents.get(line) is init.body
    )
    if not plain:
        return Instructions(Source.ASSIGNMENTS, name, early=False)
    assert isinstance(only, (cst.Assign, cst.AnnAssign))
    value = only.value
    assert value is not None
    return Instructions(Source.ATTRIBUTE, name, value, only, early=not _needs_state(init, value, instance))


def _targets(node: cst.CSTNode, instance: str | None, name: str) -> bool:
    if isinstance(node, cst.Assign):
        return any(is_self_attribute(t.target, instance, name) for t in node.targets)
    return isinstance(node, (cst.AnnAssign, cst.AugAssign)) and is_self_attribute(node.target, instance, name)


_BINDING: tuple[type[cst.CSTNode], ...] = (
    *(cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.NamedExpr),
    *(cst.AsName, cst.Import, cst.ImportFrom),
)


def _needs_state(init: cst.FunctionDef, value: cst.BaseExpression, instance: str | None) -> bool:
    """Whether `value` reads `self`, or a local that `__init__` works out (or a parameter that it changes)."""
    local: set[str] = set()
    for node in find(init.body, *_BINDING):
        if isinstance(node, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.NamedExpr)):
            local |= target_names(node.target)
        elif isinstance(node, cst.AsName):
            local |= target_names(node.name)
        elif isinstance(node, (cst.Import, cst.ImportFrom)) and not isinstance(node.names, cst.ImportStar):
            local |= {(dotted((a.asname or a).name) or "").split(".")[0] for a in node.names}
    names = {n.value for n in find(value, cst.Name)}
    return bool(names & (local | {instance or "self"}))

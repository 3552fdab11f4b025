"""A tool gets a member of its Enum now; 0.x handed over the raw value (part of LK211).

So `Zone(zone)` is just `zone`, and where the value itself was meant, in texts and keys, it is `zone.value`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.function_contexts import function_contexts
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.variables import Binding, uses
from lk_migrate.facts.walk import find
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk211_function_tool import rule as tools

_ENUMS = frozenset({"enum.Enum", "enum.IntEnum", "enum.StrEnum"})


@tools.on(cst.FunctionDef)
def parameters(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """The uses of each Enum parameter in the tool's body."""
    if node not in file.project.fact(function_contexts).tools:
        return
    for param in (*node.params.posonly_params, *node.params.params, *node.params.kwonly_params):
        if param.annotation is None:
            continue
        enum = _enum_of(param.annotation.annotation, file)
        if enum is None:
            continue
        optional = param.default is not None and dotted(param.default) == "None"
        yield from _uses(node, param.name, enum, optional, file)


def _enum_of(annotation: cst.BaseExpression, file: File) -> cst.ClassDef | None:
    """The project's Enum that the annotation names, also inside `Annotated` and `Optional`."""
    if isinstance(annotation, cst.Subscript):
        head = (dotted(annotation.value) or "").rpartition(".")[2]
        if head in ("Annotated", "Optional") and isinstance(annotation.slice[0].slice, cst.Index):
            return _enum_of(annotation.slice[0].slice.value, file)
        return None
    if isinstance(annotation, cst.BinaryOperation):
        return _enum_of(annotation.left, file) or _enum_of(annotation.right, file)
    symbol = file.resolve(annotation)
    if symbol is None or not isinstance(symbol.node, cst.ClassDef) or symbol.module is None:
        return None
    for base in symbol.node.bases:
        if file.project.full_name(symbol.module, base.value) in _ENUMS:
            return symbol.node
    return None


def _uses(
    function: cst.FunctionDef, name: cst.Name, enum: cst.ClassDef, optional: bool, file: File
) -> Iterator[Change]:
    found = [u for u in uses(file.module, Binding(function, name.value)) if not _is_parameter(u, file)]
    if any(_is_target(u, file) for u in found):
        yield Todo(
            function, f"`{name.value}` is a member of `{enum.name.value}` now, not its value (`{name.value}.value`)."
        )
        return
    for use in found:
        parent = file.parent(use)
        call = file.parent(parent) if isinstance(parent, cst.Arg) else None
        if isinstance(call, cst.Call) and len(call.args) == 1 and _names(call.func, enum, file):
            yield Rewrite(
                call, lambda updated: updated.args[0].value, f"`{name.value}` is a `{enum.name.value}` already"
            )
        elif (isinstance(parent, cst.Attribute) and parent.attr.value in ("value", "name")) or _is_test(
            use, parent, file
        ):
            continue
        else:
            value = f"{name.value}.value"
            text = f"({value} if {name.value} is not None else None)" if optional else value
            yield Rewrite(use, lambda _, text=text: cst.parse_expression(text), "the value of the Enum is meant")  # type: ignore[misc]


def _is_parameter(use: cst.Name, file: File) -> bool:
    """Whether it gives a parameter its name."""
    parent = file.parent(use)
    return isinstance(parent, cst.Param) and parent.name is use


def _names(func: cst.CSTNode, enum: cst.ClassDef, file: File) -> bool:
    symbol = file.resolve(func)
    return symbol is not None and symbol.node is enum


def _is_target(use: cst.Name, file: File) -> bool:
    parent = file.parent(use)
    return isinstance(parent, cst.AssignTarget) or getattr(parent, "target", None) is use


def _is_test(use: cst.Name, parent: cst.CSTNode | None, file: File) -> bool:
    """`if zone:`, `zone is None`, `zone == Zone.KITCHEN`: right for a member, too."""
    if isinstance(parent, (cst.If, cst.UnaryOperation, cst.IfExp)) and getattr(parent, "test", use) is use:
        return True
    if isinstance(parent, cst.Comparison):
        sides = [parent.left, *(c.comparator for c in parent.comparisons)]
        return any(dotted(s) == "None" or _is_member(s, file) for s in sides if s is not use)
    return isinstance(parent, cst.ComparisonTarget) and any(
        _is_member(n, file) for n in find(file.parent(parent) or parent, cst.Attribute)
    )


def _is_member(node: cst.CSTNode, file: File) -> bool:
    if not isinstance(node, cst.Attribute):
        return False
    symbol = file.resolve(node.value)
    return symbol is not None and isinstance(symbol.node, cst.ClassDef)

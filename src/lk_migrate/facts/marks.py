"""Decorators of the project's own that mark a method as a tool, whatever they are called.

`@can("Free rooms")` leaves `fn.__can__ = {…}` behind, and what makes the model's tools looks for `__can__`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find

#: What a file says that makes tools for a model: by LiveKit's decorator, or by JSON schemas.
_MAKES_TOOLS = (b"function_tool", b'"function"', b"'function'")
_SCHEMA_KEYS = frozenset({"function", "parameters", "input_schema"})


def marks_a_tool(project: Project, node: cst.CSTNode | None) -> bool:
    """Whether the decorator `node` sets an attribute that whatever makes the model's tools reads."""
    if not isinstance(node, cst.FunctionDef):
        return False
    left = frozenset(_left_behind(node))
    return bool(left) and bool(left & project.fact(_read_for_tools))


def _left_behind(decorator: cst.FunctionDef) -> Iterator[str]:
    """The attributes that it sets on a function that it is given."""
    taken = {p.name.value for f in (decorator, *find(decorator.body, cst.FunctionDef)) for p in f.params.params}
    for target in find(decorator, cst.AssignTarget):
        if isinstance(target.target, cst.Attribute) and dotted(target.target.value) in taken:
            yield target.target.attr.value
    for call in find(decorator, cst.Call):
        if dotted(call.func) == "setattr" and len(call.args) > 2 and dotted(call.args[0].value) in taken:
            yield str(text_of(call.args[1].value) or "")


def _read_for_tools(project: Project) -> frozenset[str]:
    """The attributes that are read in functions which make tools."""
    found: set[str] = set()
    for path in sorted(project.paths_with(_MAKES_TOOLS)):
        module = project.module(path)
        for function in module.index.of(cst.FunctionDef) if module is not None else ():
            if not _makes_tools(function):
                continue
            found.update(a.attr.value for a in find(function, cst.Attribute))
            for call in find(function, cst.Call):
                if dotted(call.func) in ("getattr", "hasattr") and len(call.args) > 1:
                    found.add(str(text_of(call.args[1].value) or ""))
    return frozenset(found)


def _makes_tools(function: cst.FunctionDef) -> bool:
    called = ((dotted(c.func) or "").rpartition(".")[2] for c in find(function, cst.Call))
    if any(name == "function_tool" for name in called):
        return True
    keys = {text_of(e.key) for e in find(function, cst.DictElement)}
    return len(keys & _SCHEMA_KEYS) > 1

"""Modules that read the environment when they are imported: `KEY = os.getenv("KEY")` outside of any function."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find, own_scope

_READERS = frozenset({"getenv", "environ"})


def reads_when_imported(project: Project, module: Module, seen: frozenset[str] = frozenset()) -> str | None:
    """The path of the module that reads, which is `module` or one that it imports; None when there is none."""
    if module.path in seen:
        return None
    if b"environ" in module.data or b"getenv" in module.data:
        for statement in module.tree.body:
            if reads_at_once(statement):
                return module.path
    for item in module.imports:
        if not isinstance(item.scope, cst.Module):
            continue
        names = (item.target, item.target.rpartition(".")[0])
        path = next((p for name in names if name and (p := project.path_of(name, module.path))), None)
        target = project.module(path) if path is not None else None
        found = reads_when_imported(project, target, seen | {module.path}) if target is not None else None
        if found is not None:
            return found
    return None


def reads_at_once(statement: cst.CSTNode) -> bool:
    """Whether the statement asks for a variable of the environment when it is run, not only defines what will."""
    if isinstance(statement, cst.FunctionDef):
        return any(_reads(p.default) for p in find(statement.params, cst.Param) if p.default is not None)
    if isinstance(statement, (cst.SimpleStatementLine, cst.ClassDef, cst.If, cst.Try, cst.With)):
        return any(_reads(n) for n in own_scope(statement) if isinstance(n, (cst.Call, cst.Subscript, cst.Comparison)))
    return False


def _reads(node: cst.CSTNode) -> bool:
    names = (dotted(n) or "" for n in find(node, cst.Attribute, cst.Name))
    return any(name.rpartition(".")[2] in _READERS for name in names)

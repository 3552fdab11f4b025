"""Attributes that the project has itself: no wonder that the framework's classes do not."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.testcode import is_test


def is_own_attribute(project: Project, asker: str, name: str) -> bool:
    """Whether a file assigns an attribute of that name, or one of its classes defines it.

    What tests put on their mocks says nothing of the real object, unless `asker` (a path) is a test itself.
    """
    known = project.fact(_asked_before)
    key = (name, is_test(asker))
    if key not in known:
        with_the_word = (p for p in sorted(project.paths_with([name.encode()])) if key[1] or not is_test(p))
        known[key] = any(name in _attributes_of(module) for module in project.modules(with_the_word))
    return known[key]


def _asked_before(project: Project) -> dict[tuple[str, bool], bool]:
    """What `is_own_attribute` found: use as a fact."""
    return {}


def _attributes_of(module: Module) -> Iterator[str]:
    for target in module.index.of(cst.AssignTarget):
        if isinstance(target.target, cst.Attribute):
            yield target.target.attr.value
    for kind in (cst.AnnAssign, cst.AugAssign):
        for statement in module.index.of(kind):
            target = statement.target
            yield target.attr.value if isinstance(target, cst.Attribute) else getattr(target, "value", "")
    for function in module.index.of(cst.FunctionDef):
        yield function.name.value

"""Attributes that the project has itself: no wonder that the framework's classes do not."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project


def is_own_attribute(project: Project, asker: str, name: str) -> bool:
    """Whether a file assigns an attribute of that name, or one of its classes defines it.

    What tests put on their mocks says nothing of the real object, unless `asker` (a path) is a test itself.
    """
    known = project.fact(_asked_before)
    key = (name, is_test(asker))
    if key not in known:
        word = name.encode()
        with_the_word = (p for p in sorted(project.files) if word in project.files[p] and (key[1] or not is_test(p)))
        known[key] = any(name in _attributes_of(module) for module in project.modules(with_the_word))
    return known[key]


def is_test(path: str) -> bool:
    """`tests/…`, `test_agent.py`, `agent_test.py`, `conftest.py`, as pytest and most people call them."""
    *folders, file = path.split("/")
    return (
        file.startswith("test_") or file.endswith(("_test.py", "conftest.py")) or bool({"test", "tests"} & {*folders})
    )


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

"""Attributes that the project has itself: no wonder that the framework's classes do not."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import agent_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.renames import given_up, holders
from lk_migrate.facts.testcode import is_test


def is_own_attribute(project: Project, asker: str, name: str) -> bool:
    """Whether a file assigns an attribute of that name, or one of its classes defines it.

    What tests put on their mocks says nothing of the real object, unless `asker` (a path) is a test itself.
    """
    return bool(_owners(project, asker, name))


def is_own_attribute_of_others(project: Project, asker: str, name: str) -> bool:
    """Whether anything but an assistant has it for what the project's code shows: no assistant is a session or a job,
    and its attributes may get another name (LK116).
    """
    return any(owner is None or agent_of(project, owner) is None for owner in _owners(project, asker, name))


def _owners(project: Project, asker: str, name: str) -> frozenset[cst.ClassDef | None]:
    """The classes in which an attribute of that name is assigned or defined; None is outside of classes."""
    known = project.fact(_asked_before)
    key = (name, is_test(asker))
    if key not in known:
        with_the_word = (p for p in sorted(project.paths_with([name.encode()])) if key[1] or not is_test(p))
        known[key] = frozenset(
            owner
            for module in project.modules(with_the_word)
            for node in _setting(module, name)
            for owner in _owners_of(node, module, project)
        )
    return known[key]


def _owners_of(node: cst.CSTNode, module: Module, project: Project) -> frozenset[cst.ClassDef | None]:
    """`self.session = …`: the class around it; `desk.session = …`: the class of `desk`, if that is an assistant.

    The latter is asked for only where an assistant gives the name up: what keeps it may stand for another's.
    """
    around = module.index.enclosing(node, cst.ClassDef)
    owner = around if isinstance(around, cst.ClassDef) else None
    target = node.target if isinstance(node, cst.AssignTarget) else None
    if not isinstance(target, cst.Attribute) or target.attr.value not in project.fact(given_up):
        return frozenset({owner})
    if owner is not None and isinstance(target.value, cst.Name) and target.value.value == "self":
        return frozenset({owner})
    held = project.fact(holders).of(module, target.value)
    return frozenset(held.classes) if held.certain and held.classes else frozenset({owner})


def _asked_before(project: Project) -> dict[tuple[str, bool], frozenset[cst.ClassDef | None]]:
    """What `_owners` found: use as a fact."""
    return {}


def _setting(module: Module, name: str) -> Iterator[cst.CSTNode]:
    """Assignments to an attribute of that name, annotated names, and methods that have it."""
    for target in module.index.of(cst.AssignTarget):
        to = target.target
        if isinstance(to, cst.Attribute) and to.attr.value == name and not _is_option(to):
            yield target
    for kind in (cst.AnnAssign, cst.AugAssign):
        for statement in module.index.of(kind):
            changed = statement.target
            if (changed.attr.value if isinstance(changed, cst.Attribute) else getattr(changed, "value", "")) == name:
                yield statement
    for function in module.index.of(cst.FunctionDef):
        if function.name.value == name and isinstance(module.index.scope(function), cst.ClassDef):
            yield function


def _is_option(target: cst.Attribute) -> bool:
    """`session.options.preemptive_generation = False`: it is the options', and becomes one of their keys (LK330)."""
    return isinstance(target.value, cst.Attribute) and target.value.attr.value == "options"

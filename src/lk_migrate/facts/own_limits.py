"""A limit on one tool of many is that tool's own, and no turn gate: what the others may do is none of its business.

`max_tool_steps` on the session would forbid the other tools what they were never refused, and nothing in LiveKit
limits one tool alone: such a counter stays, as it goes on to work.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import libcst as cst

from lk_migrate.facts.agents import any_tool
from lk_migrate.facts.lineage import lineages
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import descendants

#: So many tools beside it ask nothing: with one other, the gate may have been forgotten there.
_UNASKED = 2
#: Where a value is that something is decided by, not just told.
_JUDGED = (cst.Comparison, cst.ComparisonTarget, cst.UnaryOperation, cst.If, cst.IfExp, cst.While)


def is_one_of_many(
    project: Project, module: Module, function: cst.FunctionDef, gated: Collection[cst.FunctionDef]
) -> bool:
    """Whether the tool stands beside tools that ask no gate at all; `gated`: all those that do."""
    return len(unasked(project, module, function, gated)) >= _UNASKED


def unasked(
    project: Project, module: Module, function: cst.FunctionDef, gated: Collection[cst.FunctionDef]
) -> list[cst.FunctionDef]:
    """The tools beside it that ask no gate; none where a dispatcher asks for all of them."""
    if any_tool(project, module, function) is None:
        return []
    return [tool for tool in _beside(project, module, function) if tool not in gated]


def is_judged_beside(project: Project, module: Module, function: cst.FunctionDef, names: Collection[str]) -> bool:
    """Whether other code of the same classes, or of the same file, decides by a counter that is called so."""
    inside = set(descendants(function))
    for home in _homes(project, module, function)[0]:
        for node in (*home.index.of(cst.Attribute), *home.index.of(cst.Name)):
            called = node.attr.value if isinstance(node, cst.Attribute) else node.value
            parent = home.index.parents[node]
            if called in names and node not in inside and isinstance(parent, _JUDGED):
                return True
    return False


def _beside(project: Project, module: Module, function: cst.FunctionDef) -> Iterator[cst.FunctionDef]:
    """The other tools of the same assistant, or of the same function or module."""
    homes, lines = _homes(project, module, function)
    around = module.index.enclosing(function, cst.ClassDef, cst.FunctionDef)
    for home in homes:
        for other in home.index.of(cst.FunctionDef):
            place = home.index.enclosing(other, cst.ClassDef, cst.FunctionDef)
            beside = place in lines if lines else place is around
            if other is not function and beside and any_tool(project, home, other) is not None:
                yield other


def _homes(project: Project, module: Module, function: cst.FunctionDef) -> tuple[list[Module], frozenset[cst.ClassDef]]:
    """The files that may hold tools beside it, and the classes that share its instance, if it is a method."""
    around = module.index.enclosing(function, cst.ClassDef, cst.FunctionDef)
    if not isinstance(around, cst.ClassDef):
        return [module], frozenset()
    related = project.fact(lineages).related(around)
    paths = {home.path for node in related if (home := project.home(node)) is not None}
    return list(project.modules(iter(sorted({module.path, *paths})))), related

"""Classes across files: what a class inherits, who inherits from it, and where a member comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import own_scope


@dataclass(frozen=True)
class Class:
    """A class of the project. Compared by its node, so it can be a key."""

    module: Module = field(compare=False, repr=False)
    node: cst.ClassDef

    @property
    def name(self) -> str:
        return self.node.name.value

    def methods(self) -> tuple[cst.FunctionDef, ...]:
        """The functions of the class body, also those inside its `if` and `try` blocks."""
        return self._methods

    @cached_property
    def _methods(self) -> tuple[cst.FunctionDef, ...]:
        return tuple(n for n in own_scope(self.node) if isinstance(n, cst.FunctionDef))


@dataclass(frozen=True)
class Lineages:
    """Every class with its ancestors, itself first; bases that the project does not define are left out."""

    of: dict[cst.ClassDef, tuple[Class, ...]]

    def heirs(self, node: cst.ClassDef) -> list[tuple[Class, ...]]:
        """The lineages that `node` is part of: its own and those of its subclasses."""
        return [line for line in self.of.values() if any(c.node is node for c in line)]

    def related(self, node: cst.ClassDef) -> frozenset[cst.ClassDef]:
        """All classes whose instances may share attributes with instances of `node` (mixins beside it included)."""
        return frozenset(c.node for line in self.heirs(node) for c in line)


def method(line: tuple[Class, ...], name: str) -> tuple[Class, cst.FunctionDef] | None:
    """The method that instances of `line[0]` find under `name`."""
    for cls in line:
        for function in cls.methods():
            if function.name.value == name:
                return cls, function
    return None


def lineages(project: Project) -> Lineages:
    """Read all classes of the project. Memoise with `project.fact(lineages)`."""
    classes = {
        node: Class(module, node)
        for path in sorted(project.files)
        if b"class " in project.files[path]
        for module in [project.module(path)]
        if module is not None
        for node in module.index.of(cst.ClassDef)
    }
    return Lineages({node: tuple(_ancestors(project, cls, classes, ())) for node, cls in classes.items()})


def _ancestors(
    project: Project, cls: Class, classes: dict[cst.ClassDef, Class], seen: tuple[cst.ClassDef, ...]
) -> list[Class]:
    """Depth first, left to right; a class that several bases share comes after all of them, as in the MRO."""
    found = [cls]
    for base in cls.node.bases:
        symbol = project.resolve(cls.module, base.value)
        node = symbol.node if symbol is not None else None
        if isinstance(node, cst.ClassDef) and node in classes and node is not cls.node and node not in seen:
            for ancestor in _ancestors(project, classes[node], classes, (*seen, cls.node)):
                if ancestor in found:
                    found.remove(ancestor)
                found.append(ancestor)
    return found

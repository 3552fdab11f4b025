"""Classes across files: what a class inherits, who inherits from it, and where a member comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import libcst as cst

from lk_migrate.facts.classes import class_headers
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
    """Classes with their ancestors, themselves first; bases that the project does not define are left out.

    Worked out when asked, so that files whose classes nobody asks about need not be parsed.
    """

    project: Project
    _of: dict[cst.ClassDef, tuple[Class, ...]] = field(default_factory=dict)
    _heirs: dict[cst.ClassDef, list[tuple[Class, ...]]] = field(default_factory=dict)

    def of(self, node: cst.ClassDef) -> tuple[Class, ...]:
        """The lineage of a class of the project."""
        if node not in self._of:
            module = self.project.home(node)
            self._of[node] = tuple(_ancestors(self.project, Class(module, node), ())) if module is not None else ()
        return self._of[node]

    def heirs(self, node: cst.ClassDef) -> list[tuple[Class, ...]]:
        """The lineages that `node` is part of: its own and those of its subclasses."""
        if node not in self._heirs:
            home = self.project.home(node)
            paths = {home.path, *_may_derive(self.project, node.name.value)} if home is not None else set()
            modules = self.project.modules(iter(sorted(paths)))
            lines = (self.of(each) for module in modules for each in module.index.of(cst.ClassDef))
            self._heirs[node] = [line for line in lines if any(c.node is node for c in line)]
        return self._heirs[node]

    def related(self, node: cst.ClassDef) -> frozenset[cst.ClassDef]:
        """All classes whose instances may share attributes with instances of `node` (mixins beside it included)."""
        return frozenset(c.node for line in self.heirs(node) for c in line)


def lineages(project: Project) -> Lineages:
    """Memoise with `project.fact(lineages)`."""
    return Lineages(project)


def _may_derive(project: Project, name: str) -> set[str]:
    """The files with a class whose header names the class `name`, or one that derives from it, by whatever name."""
    known = project.fact(class_headers)
    found: set[str] = set()
    names, fresh = {name.encode()}, {name.encode()}
    while fresh:
        fresh |= set(_aliases(project, fresh))
        below = [(path, cls) for path, classes in known.items() for cls, words in classes if words & fresh]
        found.update(path for path, _ in below)
        fresh = {cls for _, cls in below} - names
        names |= fresh
    return found


def _aliases(project: Project, names: Iterable[bytes]) -> Iterator[bytes]:
    """Other names that a file gives to one of `names`: `import Base as B`, `B = services.Base`."""
    for name in names:
        word = rb"\b%s\b" % re.escape(name)
        given = re.compile(rb"%s[ \t]+as[ \t]+(\w+)|^[ \t]*(\w+)[ \t]*(?::[^=]*)?=.*%s" % (word, word))
        texts = (data for data in project.files.values() if name in data)
        lines = (line for data in texts for line in data.splitlines() if name in line)
        yield from (imported or assigned for line in lines for imported, assigned in given.findall(line))


def method(line: tuple[Class, ...], name: str) -> tuple[Class, cst.FunctionDef] | None:
    """The method that instances of `line[0]` find under `name`."""
    for cls in line:
        for function in cls.methods():
            if function.name.value == name:
                return cls, function
    return None


def _ancestors(project: Project, cls: Class, seen: tuple[cst.ClassDef, ...]) -> list[Class]:
    """Depth first, left to right; a class that several bases share comes after all of them, as in the MRO."""
    found = [cls]
    for base in cls.node.bases:
        symbol = project.resolve(cls.module, base.value)
        node = symbol.node if symbol is not None else None
        module = symbol.module if symbol is not None else None
        if isinstance(node, cst.ClassDef) and module is not None and node is not cls.node and node not in seen:
            for ancestor in _ancestors(project, Class(module, node), (*seen, cls.node)):
                if ancestor in found:
                    found.remove(ancestor)
                found.append(ancestor)
    return found

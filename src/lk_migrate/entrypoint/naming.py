"""What the new modules are called, where they stand, and how main.py imports them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project

_MAIN_STEMS = frozenset({"main", "agent", "app", "bot", "worker", "__main__"})


@dataclass(frozen=True)
class NewModule:
    """A module to be: its name beside main.py, its path, and how the others import it."""

    name: str
    path: str
    spelled: str


@dataclass(frozen=True)
class Naming:
    """Names beside `module`, a main. `made`: those given so far."""

    project: Project
    module: Module
    made: set[str] = field(default_factory=set)

    def new_module(self, kind: str, base: str = "") -> NewModule:
        """`call_<kind>` for a main.py, `<stem>_<kind>` for others, with a number when that is taken."""
        folder, _, file = self.module.path.rpartition("/")
        stem = file.removesuffix(".py")
        base = base or ("call" if stem in _MAIN_STEMS else re.sub(r"\W", "_", stem))
        number, name = 1, f"{base}_{kind}"
        while self._is_taken(name, folder):
            number += 1
            name = f"{base}_{kind}_{number}"
        self.made.add(name)
        return NewModule(name, f"{folder}/{name}.py" if folder else f"{name}.py", self._spelled(name, folder))

    def is_ours(self, name: str) -> bool:
        """Whether a dotted name leads to a file of the project, or to a module that is being made."""
        if name.startswith(".") or name.rpartition(".")[2] in self.made:
            return True
        candidates = (name, name.rpartition(".")[0], name.split(".")[0])
        return any(self.project.path_of(c, self.module.path) for c in candidates if c)

    def _is_taken(self, name: str, folder: str) -> bool:
        path = f"{folder}/{name}" if folder else name
        files = self.project.files
        in_use = name in self.module.definitions or any(i.local == name for i in self.module.imports)
        return in_use or f"{path}.py" in files or f"{path}/__init__.py" in files

    def _spelled(self, name: str, folder: str) -> str:
        """As main.py imports its other neighbours: relative, from the root, or by its bare name."""
        package = folder.replace("/", ".")
        for item in self.module.imports:
            if isinstance(item.statement, cst.ImportFrom) and item.statement.relative:
                return f".{name}"
        for item in self.module.imports:
            if package and item.target.startswith(f"{package}.") and self.is_ours(item.target):
                return f"{package}.{name}"
        return name

"""Which names of a file another one imports from it, or may: what is to stay though the file itself does not use it."""

from __future__ import annotations

import re

import libcst as cst

from lk_migrate.facts.project import Project
from lk_migrate.facts.relevant import imported_names
from lk_migrate.facts.walk import find

#: An import that does not begin a line: `try: import main`.
_HIDDEN_IMPORT = re.compile(rb"[:;][ \t]*(?:from|import)\b")


def _may_import(project: Project, importer: str, data: bytes, path: str) -> bool:
    """Whether `importer` may import from `path`, told by its bytes; parsing it would cost a thousand times as much."""
    if _HIDDEN_IMPORT.search(data):
        return True
    return any(project.path_of(name, importer) == path for name in imported_names(importer, data))


def imported_elsewhere(project: Project, path: str) -> frozenset[str]:
    """Names that another file may import from this one, or that `__all__` offers: never dropped."""
    module = project.module(path)
    if module is None:
        return frozenset()
    names: set[str] = set()
    if path.endswith("__init__.py"):
        names.update(i.local for i in module.imports)
    exported = module.definitions.get("__all__")
    if exported is not None:
        names.update(s.evaluated_value for s in find(exported, cst.SimpleString) if isinstance(s.evaluated_value, str))
    stem = path.rpartition("/")[2].removesuffix(".py").encode()
    for other, data in project.files.items():
        if other == path or stem not in data or b"import" not in data or not _may_import(project, other, data, path):
            continue
        importer = project.module(other)
        if importer is None:
            continue
        for item in importer.imports:
            base, _, name = item.target.rpartition(".")
            if item.local == "*":
                base, name = item.target, "*"
            if base and project.path_of(base, other) == path:
                names.update({i.local for i in module.imports} if name == "*" else {name})
    return frozenset(names)

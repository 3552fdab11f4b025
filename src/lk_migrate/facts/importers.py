"""Which files import from which: what must stay importable although its own file uses it no more."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.literals import text_of
from lk_migrate.facts.project import Project
from lk_migrate.facts.relevant import hides_imports, imported_names
from lk_migrate.facts.walk import find


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
        names.update(filter(None, map(text_of, find(exported, cst.SimpleString))))
    stem = path.rpartition("/")[2].removesuffix(".py").encode("utf-8", "surrogateescape")
    known = project.fact(_importers)
    hidden = (other for other in known.hidden if stem in project.files[other])
    for other in (*known.of.get(path, ()), *hidden):
        importer = project.module(other)
        if importer is None or other == path:
            continue
        for item in importer.imports:
            base, _, name = item.target.rpartition(".")
            if item.local == "*":
                base, name = item.target, "*"
            if base and project.path_of(base, other) == path and (other, name) not in project.fact(released):
                names.update({i.local for i in module.imports} if name == "*" else {name})
    return frozenset(names)


def released(project: Project) -> set[tuple[str, str]]:
    """What files ask for no more once they are converted, (file, name), as far as that is known: use as a fact."""
    return set()


def forgotten(project: Project, path: str, after: bytes) -> frozenset[tuple[str, str]]:
    """What the file at `path` imports from others, (file, name), and does not even mention any more as `after`."""
    module = project.module(path)
    found = set()
    for item in module.imports if module is not None else ():
        base, _, name = item.target.rpartition(".")
        other = project.path_of(base, path) if base and name.encode() not in after else None
        if other is not None and other != path:
            found.add((other, name))
    return frozenset(found)


def release(project: Project, forgotten: Mapping[str, Iterable[tuple[str, str]]]) -> set[str]:
    """Note what the converted files no longer import (path → what is `forgotten`); the files that are free of a name
    now: of what they import themselves."""
    known, free = project.fact(released), set()
    for path, names in forgotten.items():
        for other, name in names:
            giver = project.module(other) if (path, name) not in known else None
            if giver is not None and any(i.local == name for i in giver.imports):
                known.add((path, name))
                free.add(other)
    return free


def importing(project: Project, paths: Collection[str]) -> frozenset[str]:
    """`paths`, the files that import from one of them, also by way of others, and those whose imports are hidden."""
    known = project.fact(_importers)
    found, stack = {*paths, *known.hidden}, [*paths, *known.hidden]
    while stack:
        fresh = set(known.of.get(stack.pop(), ())) - found
        found |= fresh
        stack.extend(fresh)
    return frozenset(found)


def importing_the_same(project: Project, path: str) -> frozenset[str]:
    """The files that import from a file that the one at `path` imports from, and those whose imports are hidden."""
    known = project.fact(_importers)
    if path in known.hidden:
        return frozenset(project.files)
    return frozenset(known.hidden).union(*(importers for importers in known.of.values() if path in importers))


def where_livekit_is_imported(project: Project) -> frozenset[str]:
    """The files in which a name can stand for anything of LiveKit's: it is imported there, or it comes from a file
    that imports it. The `paths` of rules that ask what names stand for; use as a fact.
    """
    files = project.files
    return importing(project, [p for p in project.paths_with([b"livekit"]) if _imports_livekit(p, files[p])])


def _imports_livekit(path: str, data: bytes) -> bool:
    """Whether the file may import the framework: the word may stand in a name, a comment, a text only."""
    return _hides_imports(data) or any(name.partition(".")[0] == "livekit" for name in imported_names(path, data))


def _hides_imports(data: bytes) -> bool:
    """Whether `imported_names` may miss some: two statements on a line, or lines that a lone carriage return ends."""
    return hides_imports(data) or (b"\r" in data and _RETURN.search(data) is not None)


_RETURN = re.compile(rb"\r(?!\n)")


@dataclass(frozen=True)
class _Importers:
    """`of`: file → the files that import from it, as far as their bytes say; `hidden`: those that must be parsed."""

    of: Mapping[str, list[str]]
    hidden: list[str]


def _importers(project: Project) -> _Importers:
    of: dict[str, list[str]] = {}
    hidden: list[str] = []
    for path, data in project.files.items():
        if b"import" not in data:
            continue
        if _hides_imports(data):
            hidden.append(path)
            continue
        for imported in {project.path_of(name, path) for name in imported_names(path, data)} - {None}:
            of.setdefault(str(imported), []).append(path)
    return _Importers(of, hidden)

"""Which files must be understood together: those that can know of each other.

What one file makes reaches another only through an import: of that file, or of one that imports both. Files that no
chain of imports joins (the many one-file agents of an example repository) are programs of their own; each group is
read, converted and forgotten by itself (conversion.py). Bytes and a regular expression only, as in facts/relevant.py.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from lk_migrate.facts.project import Project
from lk_migrate.facts.relevant import imported_names
from lk_migrate.facts.syntax import read_syntax

#: An import that does not begin a line: `try: import main`.
_HIDDEN = re.compile(rb"[:;][ \t]*(?:from|import)\b")
#: What imports by a text, and the texts that may be a module: `import_module("agents.hotel")`, `f"agents.{name}"`.
_BY_TEXT = (b"import_module", b"__import__", b"run_module", b"run_path")
_TEXT = re.compile(rb"[\"']([A-Za-z_][\w.]*)")


def groups(files: Mapping[str, bytes]) -> tuple[tuple[str, ...], ...]:
    """The Python `files` (path → bytes) as groups of sorted paths, in the order of their first paths.

    Two files are in one group when one imports the other, as `Project.path_of` finds it, also by way of others.
    """
    joined = _Joined(files)
    links = _Links(files)
    for path, data in files.items():
        for other in links.of(path, data):
            joined.join(path, other)
    return joined.groups()


class _Joined:
    """Sets of paths that are joined pair by pair."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._above = {path: path for path in paths}

    def _top(self, path: str) -> str:
        while (above := self._above[path]) != path:
            self._above[path] = path = self._above[above]
        return path

    def join(self, one: str, other: str) -> None:
        first, second = sorted((self._top(one), self._top(other)))
        self._above[second] = first

    def groups(self) -> tuple[tuple[str, ...], ...]:
        found: dict[str, list[str]] = {}
        for path in sorted(self._above):
            found.setdefault(self._top(path), []).append(path)
        return tuple(tuple(paths) for paths in found.values())


class _Links:
    """What the imports of a file may reach."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._project = Project(files)
        self._folders: dict[str, list[str]] = {}
        self._words: dict[str, list[str]] = {}
        for path in files:
            folder, _, name = path.rpartition("/")
            self._folders.setdefault(folder, []).append(path)
            self._words.setdefault(name.removesuffix(".py"), []).append(path)
        for folder in [f for f in self._folders if f]:
            for above in _parents(folder):
                self._folders.setdefault(above, [])
        self._modules = cache(self._find_modules)

    def of(self, path: str, data: bytes) -> Iterator[str]:
        """The files that the file at `path` may know of."""
        folder = path.rpartition("/")[0]
        for name in set(_names(path, data)) - {""}:
            found = self._modules(name, folder)
            yield from found
            for package in self._packages(name, folder):
                yield from (p for p in self._folders[package] if b"." + _stem(p) in data)
            if not found:
                yield from self._elsewhere(name)
        if any(word in data for word in _BY_TEXT):
            for text in {t.decode("ascii") for t in _TEXT.findall(data)}:
                yield from self._modules(text.rstrip("."), folder)
                for package in self._packages(text.rstrip("."), folder):
                    yield from self._folders[package]

    def _find_modules(self, name: str, folder: str) -> frozenset[str]:
        """The files of `a.b.c`, `a.b` and `a`, where there are such."""
        parts = name.split(".")
        tails = (".".join(parts[:size]) for size in range(1, len(parts) + 1))
        found = (self._project.path_of(tail, f"{folder}/_" if folder else "_") for tail in tails)
        return frozenset(path for path in found if path is not None)

    def _packages(self, name: str, folder: str) -> Iterator[str]:
        """The folder that is meant by `name`: `import services` gives `services.rag`, if anybody imports that."""
        tail = name.replace(".", "/")
        candidates = (*(f"{above}/{tail}" for above in _parents(folder)), tail, f"src/{tail}")
        yield from (c for c in candidates if c in self._folders)

    def _elsewhere(self, name: str) -> Iterator[str]:
        """Files of that name in other folders: a path that is set when the program runs may lead there."""
        head = name.partition(".")[0]
        if head not in _LIBRARIES:
            yield from self._words.get(head, ())
            for folder in self._folders:
                if folder.rpartition("/")[2] == head:
                    yield from self._folders[folder]


#: What is never looked for in other folders.
_LIBRARIES = frozenset({"livekit", *sys.stdlib_module_names})


def _parents(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _stem(path: str) -> bytes:
    return path.rpartition("/")[2].removesuffix(".py").encode("utf-8", "surrogateescape")


def _names(path: str, data: bytes) -> Iterator[str]:
    """The dotted names that the file imports, as far as its bytes say."""
    if b"import" not in data:
        return
    yield from imported_names(path, data)
    if _HIDDEN.search(data):
        yield from _hidden_names(path, data)


def _hidden_names(path: str, data: bytes) -> Iterator[str]:
    """The same from Python's parser, for imports that share a line with something else."""
    try:
        tree = read_syntax(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from imported_names(path, ast.unparse(node).encode("utf-8", "surrogateescape"))

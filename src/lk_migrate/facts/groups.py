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
from itertools import takewhile

from lk_migrate.facts.project import Project
from lk_migrate.facts.relevant import hides_imports, imported_names
from lk_migrate.facts.syntax import read_syntax

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
        self._named: dict[str, list[str]] = {}
        for path in files:
            folder, _, name = path.rpartition("/")
            self._folders.setdefault(folder, []).append(path)
            word = folder.rpartition("/")[2] if name == "__init__.py" else name.removesuffix(".py")
            self._named.setdefault(word, []).append(path)
        for folder in list(self._folders):
            for above in _parents(folder):
                self._folders.setdefault(above, [])
        self._modules = cache(self._find_modules)

    def of(self, path: str, data: bytes) -> set[str]:
        """The files that the file at `path` may know of."""
        folder = path.rpartition("/")[0]
        found: set[str] = set()
        for name in set(_names(path, data)) - {""}:
            modules = self._modules(name, folder)
            found.update(modules or self._elsewhere(name, path, data))
            for package in self._packages(name, folder):
                found.update(p for p in self._folders[package] if b"." + _stem(p) in data)
        if any(word in data for word in _BY_TEXT):
            for text in {t.decode("ascii").rstrip(".") for t in _TEXT.findall(data)}:
                found.update(self._modules(text, folder))
                for package in self._packages(text, folder):
                    found.update(self._folders[package])
        return found

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

    def _elsewhere(self, name: str, path: str, data: bytes) -> Iterator[str]:
        """What a name that was not found may stand for when the program is started in another folder, or sets its path.

        A `src/` beside any folder above; by all of `a.b` the files that end so; by a single name only for who sets the
        path: most are libraries. Of several the nearest.
        """
        parts = name.split(".")
        if parts[0] in _LIBRARIES:
            return
        above = path.rpartition("/")[0]
        for size in range(len(parts), 0, -1):
            tail = "/".join(parts[:size])
            ends = (f"/{tail}.py", f"/{tail}/__init__.py")
            beside = {f"{folder}/src{end}" for folder in _parents(above) for end in ends}
            sure = size > 1 or b"sys.path" in data
            named = [p for p in self._named.get(parts[size - 1], ()) if p in beside or (sure and p.endswith(ends))]
            if named:
                shared = {other: _shared(path, other) for other in named}
                yield from (other for other, depth in shared.items() if depth == max(shared.values()))
                return


#: What is never looked for elsewhere.
_LIBRARIES = frozenset({"livekit", *sys.stdlib_module_names})


def _parents(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _shared(one: str, other: str) -> int:
    """How many folders two paths have in common."""
    pairs = zip(one.split("/")[:-1], other.split("/")[:-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _stem(path: str) -> bytes:
    return path.rpartition("/")[2].removesuffix(".py").encode("utf-8", "surrogateescape")


def _names(path: str, data: bytes) -> Iterator[str]:
    """The dotted names that the file imports, as far as its bytes say."""
    if b"import" not in data:
        return
    yield from imported_names(path, data)
    if hides_imports(data):
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

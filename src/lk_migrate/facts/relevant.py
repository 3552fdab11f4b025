"""Which files of a big tree are worth parsing: those that speak of LiveKit, and those that belong to them.

A file belongs to them when it is imported by them (a base class, a helper), directly or by way of others, or when it
imports them, or one of these others with an assistant in it (it uses what changes). Bytes and one regular expression
only: parsing costs a thousand times as much.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from sys import intern

from lk_migrate.facts.module import module_name
from lk_migrate.facts.project import Project
from lk_migrate.facts.searched import files_with

_LIVEKIT = (b"livekit", b"RunContext")
#: What a file with an assistant class of any kind says somewhere: one of these words, or this.
_OF_AGENTS = (
    b"livekit",
    b"instructions",
    b"RunContext",
    b"function_tool",
    b"speech_id",
    b"system_prompt",
    b"_turn_gate",
)
_AGENTS = re.compile(rb"[\"']function[\"']|class\s+\w+\s*\([^)]*Agent")
#: What is said somewhere in a file that speaks of no LiveKit, and in which rules may give something another name.
_CHANGING = re.compile(rb"\b_?(?:agent|assistant)\b")
#: A project without any such file is looked at as a whole as long as it is small: there may be hand-rolled code in it.
_SMALL = 200
#: Of so many files it is kept what they import: it is asked several times.
_FILES = 1000

_IMPORT = re.compile(
    rb"^(?:\xef\xbb\xbf)?[ \t]*"  # (a byte order mark may stand before the first)
    rb"(?:from[ \t]+(\.*[ \t]*[\w.]*)[ \t]+import[ \t]*(\([^)]*\)|[^\n\r;#]*)|import[ \t]+([^\n\r;#]+))",
    re.M,
)
_WORDS = (re.compile(rb"import\b"), re.compile(rb"from\b"))
#: A line that goes on in the next one; a comment never does.
_CONTINUED = re.compile(rb"^([^#\n]*)\\\r?\n", re.M)
_NAME = re.compile(rb"(?:^|,|\()\s*(?:#[^\n]*\n\s*)*([\w.]+)")


def may_hold_agents(data: bytes) -> bool:
    """Whether an assistant class of any kind may be in a file with these bytes."""
    for word in _OF_AGENTS:  # (`in` takes a tenth of what a pattern of alternatives does)
        if word in data:
            return True
    return _AGENTS.search(data) is not None


def relevant(files: Mapping[str, bytes], targets: Collection[str] = ()) -> frozenset[str]:
    """The paths among the Python `files` that a conversion has to look at.

    `targets` are among them; of very many, those that may hold an assistant (`convert .` names every file).
    """
    core = files_with(files, (*_LIVEKIT, b"turn_gate"))
    if len(files) <= _SMALL and not any(word in files[path] for path in core for word in _LIVEKIT):
        return frozenset(files)
    named = [p for p in targets if p in files]
    core.update(p for p in named if len(named) <= _SMALL or may_hold_agents(files[p]))
    tree = _Tree(files)
    used = tree.imported(core)
    changing = core.union(p for p in used - core if may_hold_agents(files[p]) or _CHANGING.search(files[p]))
    return frozenset(tree.importers(changing) | used)


class _Tree:
    """Who imports whom, found out file by file, when asked."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.project = Project(files)
        self.imports = cache(self._imports)

    def imported(self, start: Iterable[str]) -> set[str]:
        """`start`, what it imports, what that imports, …"""
        found, stack = set(start), list(start)
        while stack:
            fresh = self.imports(stack.pop()) - found
            found |= fresh
            stack.extend(fresh)
        return found

    def importers(self, start: Iterable[str]) -> set[str]:
        """`start`, what imports it, what imports that, …"""
        found = fresh = set(start)
        while fresh:
            named_in = _spelling(fresh)
            fresh = {
                path
                for path, data in self.files.items()
                if path not in found
                and named_in(path.rpartition("/")[0])(data)
                and not fresh.isdisjoint(self.imports(path))
            }
            found = found | fresh
        return found

    def _imports(self, path: str) -> frozenset[str]:
        found = (self.project.path_of(name, path) for name in imported_names(path, self.files[path]))
        return frozenset(p for p in found if p is not None and p != path)


def _spelling(targets: Iterable[str]) -> Callable[[str], Callable[[bytes], bool]]:
    """Folder → whether a text in it can import one of `targets`: it must name the first part of the path to it."""
    parts = {tuple(p.removesuffix(".py").removesuffix("/__init__").split("/")) for p in targets}
    parts |= {p[1:] for p in parts if p[0] == "src" and p[1:]}

    @cache
    def of_folder(folder: str) -> Callable[[bytes], bool]:
        here = folder.split("/") if folder else []
        words = set()
        for target in parts:
            for depth, word in enumerate(target):
                words.add(word.encode("utf-8", "surrogateescape"))
                if list(target[: depth + 1]) != here[: depth + 1]:
                    break
        # The word first, what stands before it afterwards: `re` is fast where a pattern begins with fixed letters.
        # (and `in` is faster still).
        patterns = [(w, re.compile(rb"%s(?<=[\s.,(]%s)(?!\w)" % (e, e))) for w in sorted(words) for e in [re.escape(w)]]

        def may_import(data: bytes) -> bool:
            for word, pattern in patterns:  # noqa: SIM110 - a generator costs more than the question
                if word in data and pattern.search(data):
                    return True
            return False

        return may_import

    return of_folder


@lru_cache(_FILES)
def imported_names(path: str, data: bytes) -> tuple[str, ...]:
    """The absolute dotted names that may be modules, of every import in the file at `path`."""
    return tuple(map(intern, _imported_names(path, data)))  # (files of a project import the same)


def _imported_names(path: str, data: bytes) -> Iterator[str]:
    package = module_name(path) if path.endswith("__init__.py") else module_name(path).rpartition(".")[0]
    if b"\\\n" in data or b"\\\r" in data:
        data = _CONTINUED.sub(rb"\1 ", data)
    for base, names, plain in _IMPORT.findall(data):
        if plain:
            yield from (name.decode("ascii", "replace") for name in _NAME.findall(plain))
            continue
        module = base.replace(b" ", b"").replace(b"\t", b"").decode("ascii", "replace")
        level = len(module) - len(module.lstrip("."))
        module = module[level:]
        if level:
            around = package.split(".") if package else []
            around = around[: len(around) - (level - 1)]
            module = ".".join([*around, module] if module else around)
        yield module
        yield from (f"{module}.{n.decode('ascii', 'replace')}".lstrip(".") for n in _NAME.findall(names))


@lru_cache(_FILES)
def hides_imports(data: bytes) -> bool:
    """Whether an import does not begin a line, so that `imported_names` does not see it: `try: import main`."""
    return any(_goes_on(data, found.start()) for word in _WORDS for found in word.finditer(data))


def _goes_on(data: bytes, at: int) -> bool:
    """Whether a colon or a semicolon stands before, with nothing but blanks between."""
    while at and data[at - 1] in b" \t":
        at -= 1
    return at > 0 and data[at - 1] in b":;"

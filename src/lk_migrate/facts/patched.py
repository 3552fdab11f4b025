"""What tests replace by name: `patch("desk.agent.VoicePipelineAgent")`, `sys.modules["livekit.agents.pipeline"] = …`.

Such names stand in strings, where no import shows that they are gone.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.importers import importing, where_livekit_is_imported
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import FRAMEWORK, Project
from lk_migrate.facts.relevant import imported_names

#: A file without one of these replaces nothing by name.
PATCHES = (b"patch", b"sys.modules", b"setattr")
#: What stands in quotes and says nothing but names and dots; or has an escape, and may say anything.
_NAMES = re.compile(rb"[\"'](?=([\w.\\\r\n\x80-\xff]+)[\"'])")
_CALLS = frozenset({"patch", "setattr", "delattr", "ModuleType", "import_module"})


@dataclass(frozen=True)
class Patched:
    """`name`: the library name that the string stands for; `by`: the project's module that is patched, or None."""

    string: cst.SimpleString
    name: str
    by: str | None

    @property
    def last(self) -> str:
        return self.name.rpartition(".")[2]


def where_patched(project: Project, names: Collection[str]) -> frozenset[str]:
    """The files in which a string may stand for one of these library names that is to be replaced, told by their bytes:
    `patch` is also what web services answer to. The `paths` of rules about such strings."""
    last = {name.rpartition(".")[2].encode() for name in names}
    files, livekit = project.files, project.fact(where_livekit_is_imported)
    having = [p for p in project.paths_with(last) & livekit if _imports_one(p, files[p], names)]
    near = importing(project, having)

    def may_be_one(text: bytes, path: str) -> bool:
        """Whether it is such a name, or a module that has it, from wherever, or has something else with such a name."""
        parts = text.split(b".")
        if b"\\" in text or not text.isascii() or parts[0] == FRAMEWORK.encode():
            return True
        homes = ((size, project.path_of(b".".join(parts[:size]).decode(), path)) for size in range(1, len(parts)))
        return any(h in near or (h in livekit and not last.isdisjoint(parts[size:])) for size, h in homes)

    return frozenset(
        path
        for path in project.paths_with(PATCHES)
        if any(may_be_one(text, path) for text in set(_NAMES.findall(files[path])))
    )


def _imports_one(path: str, data: bytes, names: Collection[str]) -> bool:
    """Whether one of the names, or something of a module that is called so, is imported."""
    imported = (name.split(".") for name in imported_names(path, data))
    return any(".".join(parts[:size]) in names for parts in imported for size in range(2, len(parts) + 1))


def patched(project: Project, module: Module, string: cst.SimpleString) -> Patched | None:
    """What of the framework a string of the module names, where it is to be replaced."""
    text = text_of(string)
    if text is None or "." not in text or not text.replace(".", "a").isidentifier():
        return None
    if not _is_target(module, string):
        return None
    return Patched(string, text, None) if text.startswith("livekit.") else _own(project, module, string, text)


def _is_target(module: Module, string: cst.SimpleString) -> bool:
    """The first argument of `patch` and the like, or a key of `sys.modules`."""
    parent = module.index.parents.get(string)
    if isinstance(parent, cst.Arg):
        call = module.index.parents.get(parent)
        func = dotted(call.func) if isinstance(call, cst.Call) and call.args[0] is parent else None
        return func is not None and func.rpartition(".")[2] in _CALLS
    if isinstance(parent, cst.Index):
        subscript = module.index.enclosing(parent, cst.Subscript)
        return isinstance(subscript, cst.Subscript) and dotted(subscript.value) == "sys.modules"
    if isinstance(parent, cst.DictElement) and parent.key is string:
        call = module.index.enclosing(parent, cst.Call)
        return isinstance(call, cst.Call) and (
            dotted(call.func) == "sys.modules.update"
            or any(dotted(a.value) == "sys.modules" or text_of(a.value) == "sys.modules" for a in call.args)
        )
    return False


def _own(project: Project, module: Module, string: cst.SimpleString, text: str) -> Patched | None:
    """A name that a module of the project imports from the framework."""
    parts = text.split(".")
    for size in range(len(parts) - 1, 0, -1):
        path = project.path_of(".".join(parts[:size]), module.path)
        home = project.module(path) if path is not None else None
        if home is None:
            continue
        symbol = project.resolve_name(home, ".".join(parts[size:]))
        if symbol is not None and symbol.module is None and symbol.name.startswith("livekit."):
            return Patched(string, symbol.name, ".".join(parts[:size]))
        return None
    return None

"""What tests replace by name: `patch("desk.agent.VoicePipelineAgent")`, `sys.modules["livekit.agents.pipeline"] = …`.

Such names stand in strings, where no import shows that they are gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project

#: A file without one of these replaces nothing by name.
PATCHES = (b"patch", b"sys.modules", b"setattr")
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


def patched(project: Project) -> dict[cst.SimpleString, Patched]:
    """The strings that name something of the framework which is to be replaced. Use as `project.fact(patched)`."""
    modules = project.modules(iter(sorted(project.paths_with(PATCHES))))
    return {found.string: found for module in modules for found in _in(project, module)}


def _in(project: Project, module: Module) -> Iterator[Patched]:
    for string in module.index.of(cst.SimpleString):
        text = text_of(string)
        if text is None or "." not in text or not text.replace(".", "a").isidentifier():
            continue
        if not _is_target(module, string):
            continue
        if text.startswith("livekit."):
            yield Patched(string, text, None)
        else:
            yield from _own(project, module, string, text)


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


def _own(project: Project, module: Module, string: cst.SimpleString, text: str) -> Iterator[Patched]:
    """A name that a module of the project imports from the framework."""
    parts = text.split(".")
    for size in range(len(parts) - 1, 0, -1):
        path = project.path_of(".".join(parts[:size]), module.path)
        home = project.module(path) if path is not None else None
        if home is None:
            continue
        symbol = project.resolve_name(home, ".".join(parts[size:]))
        if symbol is not None and symbol.module is None and symbol.name.startswith("livekit."):
            yield Patched(string, symbol.name, ".".join(parts[:size]))
        return

"""Which modules of the project to import, importing them, and imports that lead nowhere."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lk_migrate_child.events import place_of_traceback

Trees = dict[str, ast.Module]


@dataclass(frozen=True)
class Problem:
    """An import that fails: what it says, the module that is missing (if that is why), and the place."""

    detail: str
    missing: str
    place: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Module:
    """A file of the project, and the name it is imported by (None: its path is no module name)."""

    file: str
    name: str | None

    def load(self) -> Problem | None:
        """Import it; what went wrong, if anything. `sys.exit` at import time counts."""
        try:
            if self.name is not None:
                importlib.import_module(self.name)
            else:
                _load_file(self.file)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            place = place_of_traceback(error.__traceback__) or {"path": self.file, "line": 1}
            return Problem(f"importing {self.file}: {text}", _missing(error), place)
        return None


def _load_file(file: str) -> None:
    name = "lk_migrate_file_" + "".join(c if c.isalnum() else "_" for c in file)
    spec = importlib.util.spec_from_file_location(name, Path(file).absolute())
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def to_import(trees: Trees, main: str | None) -> list[Module]:
    """The main file first, then every other file of the app's `trees` that may hold agents or tools."""
    files = [main] if main in trees and main is not None else []
    base = main.rpartition("/")[0] if main else ""
    if main in trees and _is_in_package(trees[main]):
        base = ""  # it is run as `python -m src.agent`: so are all that stand beside it
    for file, tree in trees.items():
        if file != main and _may_hold_agents(tree):
            files.append(file)
    return [Module(file, module_name(file, "" if _is_in_package(trees[file]) else base)) for file in files]


def folders_of_scripts(trees: Trees) -> list[str]:
    """The folders whose files import their neighbours by bare names, as a script does: `app/`, where `app/call.py` has
    `from config import KEY` and there is an `app/config.py`, but none in the current folder."""
    found: dict[str, None] = {}
    for file, tree in sorted(trees.items()):
        folder = file.rpartition("/")[0]
        first = {name.partition(".")[0] for name in _imported(tree, folder.split("/"))}
        if folder and any(_is_at(f"{folder}/{name}") and not _is_at(name) for name in first):
            found[folder] = None
    return list(found)


def _is_at(path: str) -> bool:
    return Path(f"{path}.py").is_file() or Path(path, "__init__.py").is_file()


def _is_in_package(tree: ast.Module) -> bool:
    """Whether a file means to be imported by its whole path, as its relative imports say."""
    return any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree))


def reached(trees: Trees, main: str | None) -> set[str]:
    """The files that are imported when the main file is run, at whatever depth; all of them when there is no main file.

    By name alone: what is imported under a condition counts."""
    if main is None or main not in trees:
        return set(trees)
    base = main.rpartition("/")[0]
    files: dict[str, set[str]] = defaultdict(set)
    for file in trees:
        for name in {module_name(file), module_name(file, base)} - {None}:
            files[str(name)].add(file)
    found, todo = set(), [main]
    while todo:
        file = todo.pop()
        if file in found:
            continue
        found.add(file)
        package = (module_name(file) or "").split(".")[: None if file.endswith("__init__.py") else -1]
        for name in _imported(trees[file], package):
            parts = name.split(".")
            for length in range(1, len(parts) + 1):
                todo.extend(files.get(".".join(parts[:length]), ()))
    return found


def _imported(tree: ast.Module, package: list[str]) -> Iterator[str]:
    """The modules that a file imports, and what may be modules: `from a import b` may mean `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}".lstrip(".") for alias in node.names)


def _may_hold_agents(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _is_framework(*(f"{node.module}.{one.name}" for one in node.names)):
            return True
        if isinstance(node, ast.Import) and _is_framework(*(one.name for one in node.names)):
            return True
        if isinstance(node, ast.ClassDef) and any("Agent" in ast.dump(base) for base in node.bases):
            return True
    return False


def _is_framework(*names: str) -> bool:
    return any(name.split(".")[:2] in (["livekit", "agents"], ["livekit", "plugins"]) for name in names)


def module_name(file: str, base: str = "") -> str | None:
    """`services/a.py` → `services.a`; names below the main file's folder are relative to it."""
    relative = file[len(base) + 1 :] if base and file.startswith(base + "/") else file
    parts = relative.removesuffix(".py").split("/")
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None


def unresolved(trees: Trees) -> Iterator[Problem]:
    """Imports, in functions too, that would fail: unknown modules, and names that livekit does not have
    (any more).

    Imports that the code itself guards with try/except are its own business."""
    for file, tree in trees.items():
        for node in _unguarded_imports(tree):
            for detail, missing in _check(node):
                yield Problem(f"{detail} (importing {file})", missing, {"path": file, "line": node.lineno})


def _unguarded_imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.Try):
            for part in (*node.orelse, *node.finalbody):
                yield from _unguarded_imports(part)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        else:
            yield from _unguarded_imports(node)


def _missing(error: BaseException) -> str:
    """The module of somebody else's that is not installed, if an import failed for that."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    return name.split(".")[0] if name and not name.startswith("livekit") else ""


def _check(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """What is wrong with an import, and the module that is missing."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield from _check_module(alias.name)
    elif node.level == 0 and node.module:
        missing = list(_check_module(node.module))
        yield from missing
        if not missing and node.module.split(".")[0] == "livekit":
            for detail in _check_names(node.module, [alias.name for alias in node.names]):
                yield detail, ""


def _check_module(name: str) -> Iterator[tuple[str, str]]:
    top = name.split(".")[0]
    if name in sys.modules or (top != "livekit" and top in sys.modules):
        return
    try:
        # Only livekit is looked into: finding `a.b` imports `a`, and third parties' imports may do anything.
        found = importlib.util.find_spec(name if top == "livekit" else top)
    except (ImportError, ValueError) as error:
        yield f"ModuleNotFoundError: {error}" if isinstance(error, ModuleNotFoundError) else str(error), ""
        return
    if found is None:
        yield f"ModuleNotFoundError: No module named '{name}'", "" if top == "livekit" else top


def _check_names(module: str, names: list[str]) -> Iterator[str]:
    try:
        owner = importlib.import_module(module)
    except Exception as error:
        yield f"{type(error).__name__}: {error}"
        return
    for name in names:
        if name != "*" and not hasattr(owner, name) and importlib.util.find_spec(f"{module}.{name}") is None:
            yield f"ImportError: cannot import name '{name}' from '{module}'"

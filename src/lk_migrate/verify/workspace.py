"""The copy of the project that is run: what the app writes (databases, logs) does not reach the tree."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

#: Folders that no app reads at run time, or that belong to its environment rather than to it.
_NOT_COPIED = frozenset(
    {".git", ".hg", ".svn", ".lk-migrate", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
    | {"__pycache__", "node_modules", ".hypothesis", ".idea", ".vscode"}
)
#: Files that are not part of the running app, by a folder on their path or by their name.
_ASIDE_FOLDERS = frozenset({"tests", "test", "migrations", "alembic", "docs", "examples", "scripts", "bench"})
_ASIDE_NAMES = frozenset({"setup.py", "conftest.py", "noxfile.py", "fabfile.py", "__main__.py", "manage.py"})
_BIG_FILE = 32 * 2**20  # bytes; models and recordings above this are linked, not copied


def _is_environment(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").exists()


def copy_project(root: Path, to: Path) -> list[str]:
    """Copy the project to a new folder. Returns the relative paths of big files that are linked instead.

    A linked file is the person's own: an app that writes to it changes the original. Databases are
    therefore copied whatever their size."""
    linked: list[str] = []
    for folder, names, files in os.walk(root):
        source = Path(folder)
        relative = source.relative_to(root)
        names[:] = [n for n in names if n not in _NOT_COPIED and not _is_environment(source / n)]
        (to / relative).mkdir(parents=True, exist_ok=True)
        for name in [n for n in names if (source / n).is_symlink()]:
            names.remove(name)
            _link(source / name, to / relative / name)
        for name in files:
            original, copy = source / name, to / relative / name
            if original.is_symlink() and not original.is_file():
                continue
            if _is_big(original):
                _link(original, copy)
                linked.append((relative / name).as_posix())
            elif original.is_file():
                _copy(original, copy)
    return linked


def _is_big(file: Path) -> bool:
    return (
        file.suffix not in (".db", ".sqlite", ".sqlite3", ".duckdb")
        and file.is_file()
        and file.stat().st_size > _BIG_FILE
    )


def _link(original: Path, copy: Path) -> None:
    copy.symlink_to(original.resolve())


def _copy(original: Path, copy: Path) -> None:
    try:
        shutil.copy2(original, copy)
    except PermissionError:
        return  # an unreadable file would be unreadable for the app too; static says so if it is Python


def python_files(root: Path) -> Iterator[str]:
    """The Python files of a (copied) project, relative to it, sorted, as POSIX paths."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in _NOT_COPIED and not n.startswith("."))
        for name in sorted(files):
            if name.endswith(".py"):
                yield (Path(folder) / name).relative_to(root).as_posix()


def is_aside(file: str) -> bool:
    """Whether a Python file, by its path in the project, is no part of the running app: a test, a migration."""
    *folders, name = file.split("/")
    return (
        bool(_ASIDE_FOLDERS.intersection(folders))
        or name in _ASIDE_NAMES
        or name.startswith("test_")
        or name.endswith("_test.py")
    )

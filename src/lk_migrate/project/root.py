"""Where a project begins, and which of its files could be the entrypoint."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from lk_migrate.model import UserError
from lk_migrate.project.paths import STATE, display, reason

#: A folder with one of these is a project of its own; ours first, so that all commands agree.
_MANIFESTS = (STATE, "pyproject.toml", "setup.py", "setup.cfg", "Pipfile")
#: The names that people give to the file they start.
ENTRYPOINT_NAMES = ("main.py", "agent.py", "app.py", "worker.py", "bot.py", "run.py", "server.py", "start.py")


def find_root(start: Path, explicit: Path | None = None, *, fallback: Path | None = None) -> Path:
    """The real folder of the project around `start`; `explicit` is the user's `--root` and wins.

    Going up from `start` as far as the git repository or the home folder: the nearest folder with a manifest
    (pyproject.toml, requirements*.txt, …); failing that the nearest with a main.py, then with an agent.py or
    the like, then the git repository; failing all, `fallback` or the start itself.

    Raises UserError when `explicit` is no folder, or `start` does not exist.
    """
    if explicit is not None:
        return _folder(explicit, "--root")
    here = _folder(start if not start.is_file() else start.parent, "the path")
    chain = list(_upwards(here))
    for folder in chain:
        if _has_manifest(folder):
            return folder
    for names in (ENTRYPOINT_NAMES[:1], ENTRYPOINT_NAMES[1:]):
        for folder in chain:
            if any((folder / name).is_file() for name in names):
                return folder
    if (chain[-1] / ".git").exists():
        return chain[-1]
    return fallback.resolve() if fallback is not None else here


def root_for(paths: Sequence[Path], explicit: Path | None = None) -> Path:
    """The root of the project that holds all `paths`; the current folder's project when there are none.

    Raises UserError when a path is missing, or paths have no folder in common.
    """
    here = Path.cwd()
    if explicit is not None or not paths:
        return find_root(here, explicit)
    for path in paths:
        if not os.path.lexists(path):
            raise UserError(f"there is no {display(path)}; check the path, it is read from {display(here)}.")
    folders = [path.resolve() if path.is_dir() else path.resolve().parent for path in paths]
    common = Path(os.path.commonpath(folders))
    return find_root(common, fallback=here if common.is_relative_to(here) else None)


def main_candidates(files: Iterable[str], near: Sequence[str] = (), main: str | None = None) -> tuple[str, ...]:
    """The files that could be the entrypoint, the likeliest first, by name and place alone.

    `files` are the project's Python files, `near` the paths that the user named, `main` the setting or flag.
    What is in them is for `facts` to judge.
    """
    order = {name: rank for rank, name in enumerate(ENTRYPOINT_NAMES)}
    above = {parent for path in near for parent in _parents(path)}

    def likelihood(path: str) -> tuple[bool, bool, int, int, str]:
        folder, _, name = path.rpartition("/")
        return path != main, bool(above) and folder not in above, path.count("/"), order.get(name, 99), path

    return tuple(sorted((p for p in files if p == main or p.rpartition("/")[2] in order), key=likelihood))


def _parents(path: str) -> Iterable[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield ""


def _folder(path: Path, what: str) -> Path:
    try:
        real = path.resolve(strict=True)
        if not real.is_dir():
            raise UserError(f"{what} {display(path)} is not a folder.")
    except (OSError, RuntimeError) as error:
        why = reason(error) if isinstance(error, OSError) else "a loop of symbolic links"
        raise UserError(f"{what} {display(path)} cannot be used: {why}.") from error
    return real


def _upwards(start: Path) -> Iterable[Path]:
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  # Path.home() raises where there is none
    for folder in (start, *start.parents):
        if folder != start and folder in (home, Path(folder.anchor)):
            return  # what lies loose in a home or root folder is nobody's project
        yield folder
        if (folder / ".git").exists():
            return


def _has_manifest(folder: Path) -> bool:
    try:
        names = {entry.name for entry in os.scandir(folder)}
    except OSError:
        return False
    return not names.isdisjoint(_MANIFESTS) or any(
        name.startswith("requirements") and name.endswith((".txt", ".in")) for name in names
    )

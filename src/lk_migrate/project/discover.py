"""Which files a command is about: one walk that never enters what is not the person's own code.

Symbolic links are not followed while walking: what they lead to inside the project is found at its own place,
and what lies outside is not ours. A path that the person names is taken even where a pattern ignores it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lk_migrate.manifests.names import is_manifest
from lk_migrate.model import Skipped, UserError
from lk_migrate.project.config import Settings
from lk_migrate.project.ignore import IGNORED_FOLDERS, Ignore, is_environment
from lk_migrate.project.paths import display, is_inside, reason


@dataclass(frozen=True, slots=True)
class Found:
    """Files in stable order (sorted, each once), relative to the root, and what was left out and why."""

    files: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()


def python_files(root: Path, paths: Sequence[str | Path] = (), settings: Settings | None = None) -> Found:
    """The Python files under `paths` (the whole project when there are none).

    Paths are read from the current folder, then from the root. Raises UserError for a path that is missing,
    outside the project, a folder without any Python file, or a single file that is not Python.
    """
    places = [(_locate(root, Path(path)), Path(path)) for path in paths]
    for place, named in places:
        if not place.is_dir():
            _refuse_other_languages(place, named)
    return _collect(root, places, settings, _Kind("Python file", is_python))


def project_files(root: Path, paths: Sequence[str | Path] = (), settings: Settings | None = None) -> Found:
    """Every file and symbolic link under `paths` (the whole project) that is not ignored.

    Raises UserError for a path that is missing, outside the project, or an empty folder.
    """
    places = [(_locate(root, Path(path)), Path(path)) for path in paths]
    return _collect(root, places, settings, _Kind("file", lambda name: True, links=True))


def convertible_files(root: Path, settings: Settings | None = None) -> Found:
    """What a conversion may touch: the project's Python files, and the files that name its dependencies."""
    return _collect(root, [], settings, _Kind("file", lambda name: is_python(name) or is_manifest(name), links=True))


def is_python(path: str) -> bool:
    """By its name; the contents are for `read_source` to judge."""
    return path.endswith(".py")


@dataclass(frozen=True, slots=True)
class _Kind:
    """Which files: what one is called, by its name, and whether symbolic links count."""

    noun: str
    wanted: Callable[[str], bool]
    links: bool = False


def _collect(root: Path, places: Sequence[tuple[Path, Path]], settings: Settings | None, kind: _Kind) -> Found:
    settings = settings or Settings()
    files: set[str] = set()
    skipped: list[Skipped] = []
    for place, named in places or [(root, root)]:
        if place.is_dir():
            found = list(_walk(root, settings, _relative(root, place), kind, skipped))
            if places and not found:
                raise UserError(f"there is no {kind.noun} in {display(named)}; name a folder that has some.")
            files.update(found)
        else:
            files.add(_single(root, place, named))
    return Found(tuple(sorted(files)), tuple(skipped))


def _walk(root: Path, settings: Settings, start: str, kind: _Kind, skipped: list[Skipped]) -> Iterator[str]:
    """The files of this kind below `start`.

    Folders come in the order of their names. What cannot be listed is added to `skipped`.
    """
    todo = [(start, Ignore.above(root, start, settings.exclude))]
    while todo:
        folder, ignore = todo.pop()
        prefix = f"{folder}/" if folder else ""
        try:
            with os.scandir(root / folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            skipped.append(Skipped(folder, f"the folder cannot be read: {reason(error)}"))
            continue
        names = {entry.name for entry in entries}
        if folder != start and is_environment(names):
            continue
        ignore = ignore.entering(root, folder, names)
        below = []
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                if name not in IGNORED_FOLDERS and not ignore.folder(prefix + name):
                    below.append((prefix + name, ignore))
            elif not kind.wanted(prefix + name) or ignore.file(prefix + name):
                continue
            elif entry.is_file(follow_symlinks=False) or (kind.links and entry.is_symlink()):
                yield prefix + name
        todo.extend(reversed(below))


def _locate(root: Path, path: Path) -> Path:
    """The real place of a path that the person named; a link is followed when it stays in the project."""
    candidates = [path] if path.is_absolute() else [Path.cwd() / path, root / path]
    found = next((candidate for candidate in candidates if os.path.lexists(candidate)), None)
    if found is None:
        raise UserError(f"there is no {display(path)}; check the path, it is read from {display(Path.cwd())}.")
    real = Path(os.path.realpath(found))
    if not is_inside(root, real):
        raise UserError(
            f"{display(path)} is outside the project {display(root)}; name a path inside it, or set --root."
        )
    return real


def _single(root: Path, place: Path, named: Path) -> str:
    try:
        mode = place.stat().st_mode
    except OSError as error:
        raise UserError(f"{display(named)} cannot be read: {reason(error)}.") from error
    if not stat.S_ISREG(mode):
        raise UserError(f"{display(named)} is not a regular file; name a file or a folder.")
    return _relative(root, place)


def _refuse_other_languages(place: Path, named: Path) -> None:
    if place.suffix == ".ipynb":
        raise UserError(f"{display(named)} is a notebook; export it to a .py file and convert that.")
    if not is_python(place.name):
        raise UserError(f"{display(named)} is not a Python file; name a .py file or a folder that has some.")


def _relative(root: Path, place: Path) -> str:
    relative = Path(os.path.relpath(place, root)).as_posix()
    return "" if relative == "." else relative

"""Making a snapshot (what one is: snapshot.py)."""

from __future__ import annotations

import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path

import lk_migrate
from lk_migrate.model import UserError
from lk_migrate.project.discover import project_files
from lk_migrate.project.durable import sync, write_synced
from lk_migrate.project.git import git_state
from lk_migrate.project.journal import at_step
from lk_migrate.project.lock import exclusive
from lk_migrate.project.paths import (
    display,
    is_inside,
    open_regular,
    real_name,
    safe_relative,
    state_folder,
)
from lk_migrate.project.snapshot import Backup, Entry, parents, to_json, what_failed

_CHUNK = 1 << 20
#: From here on one flush of the whole machine costs less than one for every file.
_MANY = 64


def create_backup(root: Path, files: Iterable[str], *, reason: str = "backup") -> Backup:
    """Keep these files and links (paths relative to the root); nothing of the project is changed.

    A file reached through a link inside the project is kept at its own place, and the link as a link.
    Raises UserError for a path that is missing, unreadable or leads out of the project, or a full disk.
    """
    with exclusive(root, reason):
        folder = state_folder(root, create=True) / "backups"
        draft = folder / f".draft-{os.urandom(6).hex()}"
        try:
            folder.mkdir(exist_ok=True)
            _sweep(folder)
            (draft / "objects").mkdir(parents=True)
            entries, folders = _keep(root, files, draft)
            backup = _describe(root, draft, reason, entries, folders)
            write_synced(draft / "manifest.json", to_json(backup))
            at_step("snapshot drafted")
            draft.rename(backup.folder)
            at_step("snapshot made")
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise UserError(f"the backup could not be made: {what_failed(error)}; nothing was changed.") from error
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return backup


# --- making one


def _keep(root: Path, files: Iterable[str], draft: Path) -> tuple[list[Entry], dict[str, int]]:
    paths = _with_targets(root, files)
    paths |= _other_names(root, paths)
    entries: list[Entry] = []
    inodes: dict[tuple[int, int], str] = {}
    for path in sorted(paths):
        full = root / path
        info = full.lstat()
        if stat.S_ISLNK(info.st_mode):
            target = os.readlink(full)  # noqa: PTH115  # a string: Path would tidy it
            entries.append(Entry(path, stat.S_IMODE(info.st_mode), info.st_mtime_ns, target=target))
        elif stat.S_ISREG(info.st_mode):
            first = inodes.setdefault((info.st_dev, info.st_ino), path)
            entries.append(_keep_file(full, path, None if first == path else first, draft))
        else:
            raise UserError(f"{display(path)} is not a file; only files and links can be backed up.")
    _flush(list((draft / "objects").iterdir()))
    folders = {parent for path in paths for parent in parents(path)}
    modes = {folder: stat.S_IMODE((root / folder).stat().st_mode) for folder in sorted(folders)}
    return entries, modes


def _with_targets(root: Path, files: Iterable[str]) -> set[str]:
    """The paths, and where links among them lead to inside the project."""
    paths: set[str] = set()
    for file in files:
        path = real_name(root, file)
        paths.add(path)
        if (root / path).is_symlink():
            real = os.path.realpath(root / path)
            if is_inside(root, real) and Path(real).is_file():
                paths.add(safe_relative(os.path.relpath(real, root)))
    return paths


def _other_names(root: Path, paths: Iterable[str]) -> set[str]:
    """The project's other names for the same files: a hard link comes back only with all its names."""
    names: Counter[tuple[int, int]] = Counter()
    links: dict[tuple[int, int], int] = {}
    for path in paths:
        info = (root / path).lstat()
        if stat.S_ISREG(info.st_mode) and info.st_nlink > 1:
            names[info.st_dev, info.st_ino] += 1
            links[info.st_dev, info.st_ino] = info.st_nlink
    missing = {inode for inode, count in links.items() if names[inode] < count}
    if not missing:
        return set()
    found = set()
    for path in project_files(root).files:
        info = (root / path).lstat()
        if (info.st_dev, info.st_ino) in missing:
            found.add(path)
    return found


def _keep_file(full: Path, path: str, same_as: str | None, draft: Path) -> Entry:
    import hashlib  # (see project/paths.py)

    digest, size = hashlib.sha256(), 0
    copy = draft / "objects" / "incoming"
    with open_regular(full) as stream, copy.open("wb") as kept:
        info = os.fstat(stream.fileno())
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += kept.write(chunk)
    copy.chmod(0o400)
    copy.rename(draft / "objects" / digest.hexdigest())
    at_step("object kept")
    return Entry(path, stat.S_IMODE(info.st_mode), info.st_mtime_ns, size, digest.hexdigest(), same_as=same_as)


def _flush(objects: Sequence[Path]) -> None:
    """Have them on the disk before anything relies on it."""
    if len(objects) > _MANY:
        os.sync()
        return
    for kept in objects:
        with open_regular(kept) as stream:
            sync(stream.fileno())


def _describe(root: Path, draft: Path, reason: str, entries: list[Entry], folders: dict[str, int]) -> Backup:
    now = datetime.now(timezone.utc)
    identity = f"{now:%Y%m%dT%H%M%SZ}-{os.urandom(3).hex()}"
    return Backup(
        id=identity,
        root=root,
        folder=draft.with_name(identity),
        reason=reason,
        created=now.isoformat(timespec="microseconds"),
        version=lk_migrate.__version__,
        git=git_state(root),
        entries=tuple(entries),
        folders=folders,
    )


def _sweep(folder: Path) -> None:
    """Remove what a killed `create_backup` left; the lock says that nobody is at it."""
    for path in folder.glob(".draft-*"):
        shutil.rmtree(path, ignore_errors=True)

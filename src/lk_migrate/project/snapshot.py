"""Snapshots that give back every byte: `.lk-migrate/backups/<UTC time>-<short id>/`.

    manifest.json     what there was: paths, sizes, SHA-256, modes, mtimes, links, tool version, git
    objects/<sha256>  the bytes, each content once
    written.json      what lk-migrate wrote after this snapshot, so that `restore` knows its own work again

The bytes are stored by their hash, not by their path: reading a snapshot checks it, no name from a manifest
ever becomes a file name in it, and equal files are kept once. Every snapshot is whole in itself, so that one
can be copied or deleted without thinking of the others. Here they are read; a manifest is not trusted.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lk_migrate.model import Skipped, UserError
from lk_migrate.project.git import GitState
from lk_migrate.project.paths import (
    display,
    file_signature,
    link_signature,
    open_regular,
    real_name,
    reason,
    safe_relative,
    state_folder,
)

FORMAT = 1
_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One path as it was. A link has a `target`; a file has bytes, and `same_as` when it is a hard link."""

    path: str
    #: Permission bits.
    mode: int
    #: Nanoseconds since the epoch.
    mtime_ns: int
    size: int = 0
    sha256: str = ""
    #: Where a symbolic link points to, as it stands in the link.
    target: str | None = None
    #: The first path of this snapshot that was the very same file.
    same_as: str | None = None

    @property
    def signature(self) -> str:
        """As `paths.signature` gives for the file when it is untouched."""
        return file_signature(self.sha256) if self.target is None else link_signature(self.target)


@dataclass(frozen=True, slots=True)
class Backup:
    """A snapshot on the disk. `reason` is the command that made it: backup, convert or restore."""

    id: str
    root: Path
    folder: Path
    reason: str
    #: ISO 8601, UTC.
    created: str
    version: str
    git: GitState | None
    entries: tuple[Entry, ...]
    #: Permission bits of the folders that the entries stand in.
    folders: dict[str, int]

    def object(self, entry: Entry) -> Path:
        """Where the bytes of a file are kept."""
        return self.folder / "objects" / entry.sha256

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Listing:
    """All snapshots, the oldest first, and those that cannot be used."""

    backups: tuple[Backup, ...]
    damaged: tuple[Skipped, ...] = ()


def list_backups(root: Path) -> Listing:
    """What there is to go back to."""
    folder = state_folder(root) / "backups"
    backups, damaged = [], []
    for name in _ids(folder):
        try:
            backups.append(_load(root, folder / name))
        except UserError as error:
            damaged.append(Skipped(name, str(error)))
    backups.sort(key=lambda backup: (backup.created, backup.id))
    return Listing(tuple(backups), tuple(damaged))


def load_backup(root: Path, wanted: str | None = None) -> Backup:
    """The snapshot with this id or part of it; without one, the newest that is not a restore's.

    Raises UserError when there is none, more than one, or it is damaged.
    """
    if wanted is None or wanted == "latest":
        listing = list_backups(root)
        usable = [backup for backup in listing.backups if backup.reason != "restore"]
        newest_damaged = max((skipped.path for skipped in listing.damaged), default="")
        if usable and usable[-1].id >= newest_damaged:
            return usable[-1]
        if newest_damaged:
            raise UserError(f"the newest backup, {newest_damaged}, is damaged; name an older one: `restore ID`.")
        raise UserError(f"there is no backup in {display(root)}; `lk-migrate backup` makes one.")
    matches = find_backups(root, wanted)
    if len(matches) == 1:
        return _load(root, state_folder(root) / "backups" / matches[0])
    if matches:
        raise UserError(f"{len(matches)} backups match {wanted!r}; give more of the id (see `backup --list`).")
    raise UserError(f"there is no backup {wanted!r}; `lk-migrate backup --list` shows what there is.")


def find_backups(root: Path, wanted: str) -> tuple[str, ...]:
    """The ids that begin with `wanted`, or whose last, short part does; damaged ones too."""
    ids = _ids(state_folder(root) / "backups")
    return tuple(i for i in ids if wanted and (i.startswith(wanted) or i.partition("-")[2].startswith(wanted)))


def check_backup(backup: Backup) -> tuple[Skipped, ...]:
    """Read every kept byte again. Empty when all is as it was; else what is damaged, and how."""
    return check_objects((backup, entry) for entry in backup.entries)


def check_objects(wanted: Iterable[tuple[Backup, Entry]]) -> tuple[Skipped, ...]:
    """`check_backup` for some files, each content read once."""
    damaged = []
    seen: dict[Path, str] = {}
    for backup, entry in wanted:
        if entry.target is not None:
            continue
        path = backup.object(entry)
        if path not in seen:
            seen[path] = _damage(path, entry)
        if seen[path]:
            damaged.append(Skipped(entry.path, seen[path]))
    return tuple(damaged)


def to_json(backup: Backup) -> bytes:
    """The manifest."""
    data = {
        "format": FORMAT,
        "id": backup.id,
        "reason": backup.reason,
        "created": backup.created,
        "lk_migrate": backup.version,
        "git": asdict(backup.git) if backup.git else None,
        "folders": backup.folders,
        "entries": [
            {key: value for key, value in asdict(entry).items() if value is not None} for entry in backup.entries
        ],
    }
    return json.dumps(data, indent=1).encode()


def _ids(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if _ID.fullmatch(path.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"the backups in {display(folder)} cannot be read: {what_failed(error)}.") from error


def _load(root: Path, folder: Path) -> Backup:
    try:
        if folder.is_symlink() or (folder / "objects").is_symlink():
            raise ValueError("a part of it is a symbolic link")
        data: dict[str, Any] = json.loads(read_small(folder / "manifest.json"))
        if data["format"] != FORMAT:
            raise ValueError(f"its format {data['format']!r} is not known to this version")
        entries = tuple(Entry(**entry) for entry in data["entries"])
        folders = dict(data["folders"])
        _check_entries(root, entries, folders)
        git = GitState(**data["git"]) if data["git"] else None
        created = datetime.fromisoformat(data["created"]).isoformat(timespec="microseconds")
        return Backup(
            folder.name,
            root,
            folder,
            str(data["reason"]),
            created,
            str(data["lk_migrate"]),
            git,
            entries,
            folders,
        )
    except FileNotFoundError as error:
        raise UserError(f"backup {folder.name} is damaged: it has no manifest.json.") from error
    except UserError as error:
        raise UserError(f"backup {folder.name} is not trusted: {error}") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(f"backup {folder.name} is damaged: manifest.json: {error}.") from error


def _check_entries(root: Path, entries: Sequence[Entry], folders: dict[Any, Any]) -> None:
    paths = set()
    for parent in {safe_relative(entry.path).rpartition("/")[0] for entry in entries}:
        real_name(root, f"{parent}/any" if parent else "any")  # where a folder really is, asked once for each
    for entry in entries:
        if entry.path in paths:
            raise ValueError(f"{display(entry.path)} is in it twice")
        paths.add(entry.path)
        for number in (entry.mode, entry.mtime_ns, entry.size):
            if not isinstance(number, int) or isinstance(number, bool):
                raise ValueError(f"a number of {display(entry.path)} is none")
        if not 0 <= entry.mode <= 0o7777 or entry.size < 0:
            raise ValueError(f"mode or size of {display(entry.path)} is out of range")
        if entry.target is None:
            if not isinstance(entry.sha256, str) or not _SHA256.fullmatch(entry.sha256):
                raise ValueError(f"the hash of {display(entry.path)} is none")
        elif not isinstance(entry.target, str) or not entry.target or "\0" in entry.target:
            raise ValueError(f"the link {display(entry.path)} has no target")
    for entry in entries:
        if entry.same_as is not None and entry.same_as not in paths:
            raise ValueError(f"{display(entry.path)} is the same as a file that is not in it")
        # A link in the manifest must not become a bridge for another of its paths.
        if any(parent in paths for parent in parents(entry.path)):
            raise ValueError(f"{display(entry.path)} lies inside something that is no folder")
    for path, mode in folders.items():
        safe_relative(path)
        if not isinstance(mode, int) or not 0 <= mode <= 0o7777:
            raise ValueError(f"the mode of {display(path)} is out of range")


def _damage(path: Path, entry: Entry) -> str:
    import hashlib  # (see project/paths.py)

    digest, size = hashlib.sha256(), 0
    try:
        with open_regular(path) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        return f"its bytes cannot be read from the backup: {reason(error)}"
    if digest.hexdigest() != entry.sha256:
        return "its bytes in the backup are not the ones that were kept"
    return "" if size == entry.size else f"it should have {entry.size} bytes and has {size}"


def parents(path: str) -> Iterable[str]:
    """The folders that a path lies in, the nearest first; the root left out."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def read_small(path: Path) -> bytes:
    """All of a regular file; OSError for links and anything else."""
    with open_regular(path) as stream:
        return stream.read()


def what_failed(error: OSError) -> str:
    """The path and the system's word for what happened there."""
    name = f"{display(os.fsdecode(error.filename))}: " if error.filename else ""
    return f"{name}{reason(error)}"

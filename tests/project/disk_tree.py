"""Trees on the disk for tests: what one looks like, down to mode, mtime and links."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Seen:
    """One path. `names` are all paths of the tree that are this very file."""

    kind: str
    content: bytes | str
    mode: int
    mtime_ns: int
    names: frozenset[str]


def look(root: Path, times: bool = True) -> dict[str, Seen]:
    """Everything below the root but our own folder; folders by name and mode only."""
    inodes: dict[tuple[int, int], set[str]] = {}
    paths = list(_paths(root, ""))
    for path in paths:
        info = (root / path).lstat()
        inodes.setdefault((info.st_dev, info.st_ino), set()).add(path)
    return {path: _see(root / path, times, frozenset(inodes[_inode(root / path)])) for path in paths}


def contents(root: Path) -> dict[str, bytes | str]:
    """Path → bytes (link: target)."""
    return {path: seen.content for path, seen in look(root).items() if seen.kind != "folder"}


def _inode(path: Path) -> tuple[int, int]:
    info = path.lstat()
    return info.st_dev, info.st_ino


def _see(path: Path, times: bool, names: frozenset[str]) -> Seen:
    info = path.lstat()
    mode, mtime = stat.S_IMODE(info.st_mode), info.st_mtime_ns if times else 0
    if stat.S_ISLNK(info.st_mode):
        return Seen("link", str(path.readlink()), 0, mtime, frozenset())
    if stat.S_ISDIR(info.st_mode):
        return Seen("folder", b"", mode, 0, frozenset())
    if stat.S_ISREG(info.st_mode):
        return Seen("file", path.read_bytes(), mode, mtime, names)
    return Seen("special", b"", mode, 0, frozenset())


def _paths(root: Path, folder: str) -> Iterator[str]:
    for name in sorted(path.name for path in (root / folder).iterdir()):
        path = f"{folder}/{name}" if folder else name
        if path == ".lk-migrate":
            continue
        yield path
        if (root / path).is_dir() and not (root / path).is_symlink():
            yield from _paths(root, path)

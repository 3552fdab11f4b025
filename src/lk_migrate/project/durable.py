"""Writes that are on the disk when they return, and second names for files."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from lk_migrate.project.paths import NO_LINK


def write_synced(path: Path, data: bytes) -> None:
    """Make a new file and have it on the disk, not only in memory."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | NO_LINK | os.O_CLOEXEC, 0o666)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        sync(stream.fileno())


def sync(handle: int) -> None:
    """fsync; a file system that has none is as safe as it can be."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync(handle)
    finally:
        os.close(handle)


def second_name(path: Path, old: Path) -> None:
    """A hard link; a copy on another file system, or on one without hard links."""
    try:
        os.link(path, old, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise
        copy_synced(path, old)


def copy_synced(path: Path, copy: Path) -> None:
    """Copy a file or a link, attributes included."""
    shutil.copy2(path, copy, follow_symlinks=False)
    if not copy.is_symlink():
        with copy.open("rb") as stream:
            sync(stream.fileno())

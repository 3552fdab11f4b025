"""Names of files: how they are written down, shown to a person, and kept inside the project.

Inside the tool a path is a POSIX string relative to the real project root. Bytes that are not UTF-8 travel
as surrogate escapes (PEP 383), so every name that the disk knows can be written down and read back.
"""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import NoReturn

from lk_migrate.model import UserError

#: The tool's own folder in a project: backups, journal, lock.
STATE = ".lk-migrate"

#: Folders that no plan, manifest or journal may write into.
_FORBIDDEN = frozenset({".git", ".hg", ".svn", STATE})

_CHUNK = 1 << 20

#: How files are opened for reading: a FIFO must not keep us waiting, a link must not lead us elsewhere. Windows has
#: none of these flags, and changes line ends unless told not to.
READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def display(path: str | os.PathLike[str]) -> str:
    """The path for a person: on one line, whatever is in the name."""
    text = os.fspath(path)
    if text.isprintable():
        return text
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text
    )
    return f"'{shown}'"


def safe_relative(path: object) -> str:
    """A path from outside (manifest, journal, plan), or UserError when it could leave the project."""
    if not isinstance(path, str) or not path or "\0" in path:
        raise UserError(f"{path!r} is not a path inside the project.")
    parts = path.split("/")
    if path.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise UserError(f"{display(path)} is not a plain path inside the project.")
    if not _FORBIDDEN.isdisjoint(parts):
        raise UserError(f"{display(path)} lies in a folder that lk-migrate never writes to; nothing was written.")
    return path


def is_inside(root: Path, path: str | os.PathLike[str]) -> bool:
    """Whether a real, absolute path is the root or below it."""
    text, top = os.fspath(path), os.fspath(root)
    return text == top or text.startswith(top.rstrip(os.sep) + os.sep)


def real_target(root: Path, path: str) -> str:
    """Where writing to `path` would really write, symbolic links followed, relative to the root.

    Raises UserError when that is outside the root, or in a folder that is not ours to write.
    """
    real = os.path.realpath(root / safe_relative(path))
    if real == os.fspath(root) or not is_inside(root, real):
        raise UserError(
            f"{display(path)} leads out of the project through a symbolic link (to {display(real)}); "
            "nothing was written."
        )
    return safe_relative(os.path.relpath(real, root))


def real_name(root: Path, path: str) -> str:
    """Like `real_target`, but the last part is not followed: it may itself be a link, and stays one."""
    parent, _, name = safe_relative(path).rpartition("/")
    if not parent:
        return name
    real = os.path.realpath(root / parent)
    if not is_inside(root, real):
        raise UserError(
            f"{display(path)} lies in a folder that leads out of the project (to {display(real)}); nothing was written."
        )
    return name if real == os.fspath(root) else safe_relative(f"{os.path.relpath(real, root)}/{name}")


def state_folder(root: Path, *, create: bool = False) -> Path:
    """The project's `.lk-migrate` folder, which hides itself from git.

    Raises UserError when it is a link or no folder: what we keep there must stay there.
    """
    folder = root / STATE
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UserError(f"{display(folder)} must be a real folder; move it away and run again.")
    if create:
        try:
            folder.mkdir(exist_ok=True)
            ignore = folder / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
        except OSError as error:
            raise UserError(f"cannot keep backups in {display(folder)}: {reason(error)}.") from error
    return folder


def reason(error: OSError) -> str:
    """What the system said, in its own words, without the number."""
    return (error.strerror or str(error)).lower()


def signature(path: Path) -> str | None:
    """What stands at a path: None, `sha256:…`, `link:…`, `folder` or `special`. Never follows a link."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISREG(mode):
        return file_signature(hash_file(path))
    if stat.S_ISLNK(mode):
        return link_signature(os.readlink(path))  # noqa: PTH115  # a string: Path would tidy it
    return "folder" if stat.S_ISDIR(mode) else "special"


def file_signature(sha256: str) -> str:
    """The signature of a regular file with these bytes."""
    return f"sha256:{sha256}"


def link_signature(target: str) -> str:
    """The signature of a symbolic link to this target."""
    return f"link:{target}"


def sha256(data: bytes) -> str:
    """Hex digest."""
    import hashlib  # (OpenSSL: a plan needs none, and it takes 3.5 MB)

    return hashlib.sha256(data).hexdigest()


def hash_file(path: Path) -> str:
    """Hex SHA-256 of a regular file, read in pieces; never follows a link, never waits on a FIFO."""
    import hashlib

    digest = hashlib.sha256()
    with open_regular(path) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading; OSError for links (ELOOP) and anything that is no regular file."""
    handle = os.open(path, READ | NO_LINK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        _not_regular(path)
    return os.fdopen(handle, "rb")


def _not_regular(path: Path) -> NoReturn:
    raise OSError(0, "not a regular file", os.fspath(path))

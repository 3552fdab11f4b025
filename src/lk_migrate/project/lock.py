"""One writer at a time in a project.

The lock is the kernel's (flock), held on `.lk-migrate/lock`: it ends with its process however that dies, so a
lock can never be stale. The file tells the second who holds it.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lk_migrate.model import UserError
from lk_migrate.project.paths import display, reason, state_folder
from lk_migrate.project.transaction import Recovery, recover

try:
    import fcntl
except ImportError:  # Windows: what only reads must work there all the same
    fcntl = None  # type: ignore[assignment]

#: Seconds to wait for a lock whose holder is dead.
_GRACE = 3.0

#: The projects that this process holds, so that a command may hold one while it calls what also needs it.
_held: set[Path] = set()


@contextmanager
def exclusive(root: Path, command: str) -> Iterator[Recovery | None]:
    """Hold the project for one command that writes; nests within a process.

    An interrupted earlier command is brought to its end first; the caller is given what was done, to say it.
    Raises UserError when another process holds the project, and on a system without such locks.
    """
    if root in _held:
        yield None
        return
    if fcntl is None:
        raise UserError("lk-migrate writes on Linux and macOS only: on Windows, run it in WSL.")
    handle = _open(root)
    try:
        _acquire(handle, root)
        with contextlib.suppress(OSError):  # on a full disk the lock is held, by nobody knows whom
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid(), "command": command}).encode(), 0)
        _held.add(root)
        try:
            yield recover(root)
        finally:
            _held.discard(root)
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _open(root: Path) -> int:
    path = state_folder(root, create=True) / "lock"
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise UserError(f"cannot lock the project with {display(path)}: {reason(error)}.") from error


def _acquire(handle: int, root: Path) -> None:
    deadline = time.monotonic() + _GRACE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            holder = _holder(handle)
            # A holder that was killed while it started git leaves the lock to that child for a moment.
            if holder.alive or time.monotonic() > deadline:
                raise UserError(f"{holder} is writing in {display(root)}; wait for it to end.") from error
            time.sleep(0.02)


@dataclass(frozen=True, slots=True)
class _Holder:
    command: str
    pid: int

    @property
    def alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True  # somebody else's
        return True

    def __str__(self) -> str:
        return f"`lk-migrate {self.command}` (process {self.pid})" if self.pid else "another lk-migrate"


def _holder(handle: int) -> _Holder:
    try:
        data = json.loads(os.pread(handle, 4096, 0))
        return _Holder(str(data["command"]), max(0, int(data["pid"])))
    except (ValueError, TypeError, KeyError):
        return _Holder("", 0)  # it has the lock and has not yet said who it is

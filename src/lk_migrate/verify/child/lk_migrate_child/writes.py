"""What the app's own code writes outside of the copy that it runs in: that is the person's, and is reported.

It is not refused: a log or a cache elsewhere is part of how the app works, and only the person knows if it matters.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from lk_migrate_child.events import emit_once, place_of_caller

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
#: Audit event (PEP 578) → the position of the path that is written among its arguments.
_EVENTS = {"open": 0, "sqlite3.connect": 0, "os.mkdir": 0, "os.remove": 0, "os.rmdir": 0, "os.rename": 1}


def _is_ours(path: str) -> bool:
    ours = [str(Path(os.environ["LK_MIGRATE_ROOT"]).parent), os.environ["LK_MIGRATE_EVENTS"], "/dev", "/proc"]
    ours += [os.environ[name] for name in ("TMPDIR", "PYTHONPYCACHEPREFIX") if os.environ.get(name)]
    return any(path == folder or path.startswith(folder + os.sep) for folder in map(os.path.realpath, ours))


def _audit(event: str, args: tuple[Any, ...]) -> None:
    position = _EVENTS.get(event)
    if position is None or not isinstance(args[position], (str, bytes, os.PathLike)):
        return
    if event == "open" and not (isinstance(args[2], int) and args[2] & _WRITING):
        return
    name = os.fsdecode(args[position])
    if name == ":memory:" or name.startswith("file:"):
        return
    path = os.path.realpath(name)
    place = {} if _is_ours(path) else place_of_caller()
    if place:
        emit_once("wrote_outside", path_written=path, **place)


def install() -> None:
    """Watch, for the life of this process."""
    sys.addaudithook(_audit)

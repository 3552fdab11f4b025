"""Observations, one JSON object a line, appended to the file that LK_MIGRATE_EVENTS names."""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from types import FrameType, TracebackType
from typing import Any

_seen: set[str] = set()


def emit(event: str, **data: Any) -> None:
    """Append one observation.

    A single O_APPEND write, so that threads and processes do not mix their lines.
    """
    line = json.dumps({"event": event, "at": round(time.monotonic(), 3), **data}, default=str) + "\n"
    file = os.open(os.environ["LK_MIGRATE_EVENTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode("utf-8", "backslashreplace"))
    finally:
        os.close(file)


def emit_once(event: str, **data: Any) -> None:
    """Append an observation unless this process made the very same one before."""
    key = json.dumps([event, data], default=str, sort_keys=True)
    if key not in _seen:
        _seen.add(key)
        emit(event, **data)


@functools.lru_cache(maxsize=4096)
def in_project(path: str) -> str | None:
    """`path` relative to the project that is being verified, or None when it lies elsewhere."""
    root = os.environ.get("LK_MIGRATE_ROOT", "")
    if path.startswith("<"):  # code of no file: a frozen module, an `exec`
        return None
    full = os.path.realpath(path)
    if not root or not full.startswith(root + os.sep):
        return None
    return os.path.relpath(full, root).replace(os.sep, "/")


def place_of_traceback(traceback: TracebackType | None) -> dict[str, Any]:
    """The innermost line of the person's own code in a traceback: `path` and `line`, or nothing."""
    place: dict[str, Any] = {}
    while traceback is not None:
        path = in_project(traceback.tb_frame.f_code.co_filename)
        if path is not None:
            place = {"path": path, "line": traceback.tb_lineno}
        traceback = traceback.tb_next
    return place


def place_of_caller() -> dict[str, Any]:
    """The innermost line of the person's own code on the current stack, as `path` and `line`."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = in_project(frame.f_code.co_filename)
        if path is not None:
            return {"path": path, "line": frame.f_lineno}
        frame = frame.f_back
    return {}

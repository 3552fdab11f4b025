"""Says on request (SIGUSR2) which line of the project a job's entrypoint has come to, and waits or works in."""

from __future__ import annotations

import asyncio
import linecache
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from lk_migrate_child.events import emit, in_project

_loops: dict[int, asyncio.AbstractEventLoop] = {}  # thread → the loop of the jobs that it runs


def a_job_begins() -> None:
    """Called in the event loop of a job."""
    _loops[threading.get_ident()] = asyncio.get_running_loop()


def install() -> None:
    """Answer the signal, in processes that have one."""
    if hasattr(signal, "SIGUSR2") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGUSR2, _on_signal)


def _on_signal(number: int, frame: FrameType | None) -> None:
    for path, line, file in (*_blocked(), *_awaited()):
        emit("waits_at", path=path, line=line, code=linecache.getline(file, line).strip())
        return


def _blocked() -> Iterator[tuple[str, int, str]]:
    """Where a job's loop is kept by the project's code at this moment; not in this thread, which runs the handler."""
    for thread, frame in sys._current_frames().items():
        if thread in _loops and thread != threading.get_ident():
            yield from _innermost(_callers(frame))


def _callers(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _awaited() -> Iterator[tuple[str, int, str]]:
    """Where the tasks of a job wait, its entrypoint first."""
    tasks = [task for loop in list(_loops.values()) for task in asyncio.all_tasks(loop)]
    for task in sorted(tasks, key=lambda task: "entrypoint" not in task.get_name()):
        yield from _innermost(reversed(list(_chain(task.get_coro()))))


def _chain(waiting: Any) -> Iterator[FrameType]:
    """The frames of a coroutine and of what it awaits, from the outside in."""
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "gi_frame", None)
        if frame is not None:
            yield frame
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)


def _innermost(frames: Iterator[FrameType]) -> Iterator[tuple[str, int, str]]:
    """The first of the frames that is the project's."""
    for frame in frames:
        file = frame.f_code.co_filename
        path = in_project(file)
        if path is not None:
            yield path, frame.f_lineno, file
            return

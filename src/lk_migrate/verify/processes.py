"""Child processes that end when we say so, with all that they started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_PATIENCE = 1.5  # seconds between asking to end and ending


class Stopped(Exception):
    """Nothing more may be started: verification is being ended."""


class Children:
    """The processes of one verification. Safe to use from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._over = False

    @contextlib.contextmanager
    def group(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], **streams: Any
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start a process in a group of its own; on leaving, however that happens, the whole group is ended.

        Raises Stopped when all have been ended."""
        with self._lock:
            if self._over:
                raise Stopped
            process = subprocess.Popen(arguments, cwd=cwd, env=dict(env), start_new_session=True, **streams)
            self._running.add(process)
        try:
            yield process
        finally:
            end_group(process)
            self._running.discard(process)

    def end_all(self) -> None:
        """End every group that runs, and let no other start."""
        with self._lock:
            self._over = True
            running = list(self._running)
        for process in running:
            end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask the group to end, then end it.

    Its id is the first process's, which stays ours until the group is empty.
    """
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)

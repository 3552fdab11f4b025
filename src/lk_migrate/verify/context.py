"""What every stage is given: the project, where its copy runs, with which Python, and for how long."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from lk_migrate.verify.before import Before
from lk_migrate.verify.entry import launch
from lk_migrate.verify.interpreter import Interpreter
from lk_migrate.verify.processes import Children
from lk_migrate.verify.rows import Row
from lk_migrate.verify.workspace import is_aside


@dataclass(frozen=True, slots=True)
class Context:
    """One verification.

    `workspace` is the copy of the project that is run (see `workspace`), `scratch` a folder beside it
    for what the
    stages themselves write; both are gone afterwards. `main` and `files` (the project's Python files)
    are relative
    to `root`, as POSIX paths; `main` is None when there is no entrypoint, and `no_main` says why.
    `timeout` is in
    seconds, for each stage. `before` is the code before the migration; where it is None, `no_before` says why.
    `tell` shows a person what is being waited for. `bytecode` is where compiled modules are kept for all stages,
    `children` starts and ends processes.
    """

    root: Path
    workspace: Path
    scratch: Path
    main: str | None
    no_main: str
    files: tuple[str, ...]
    python: Interpreter
    timeout: float
    live: bool
    strict: bool
    before: Before | None
    no_before: str
    tell: Callable[[str], None]
    bytecode: Path
    children: Children

    @property
    def launch(self) -> tuple[str, ...]:
        """What follows `python` to run the main file, which must be there."""
        assert self.main is not None
        return launch(self.workspace, self.main)

    @property
    def app_files(self) -> list[str]:
        """The files that belong to the running app: no tests, scripts or migrations, unless one is the main file."""
        return [file for file in self.files if file == self.main or not is_aside(file)]


@dataclass(frozen=True, slots=True)
class Stage:
    """A named part of verification. `run` yields its rows as they become known and ends what it started."""

    name: str
    summary: str
    run: Callable[[Context], Iterable[Row]]


_SLOWEST = 10.0


def slowness() -> float:
    """How many times longer than on an idle machine a process takes: it shares the CPUs with those that run.

    At most `_SLOWEST`: what really hangs must be told some day."""
    try:
        return min(_SLOWEST, 1.0 + os.getloadavg()[0] / (os.cpu_count() or 1))
    except OSError:  # a system that does not tell
        return 1.0


class Clock:
    """How much time is left, in seconds.

    It is given the seconds that an idle machine may take; on a busy one it waits longer."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds * slowness()

    def left(self, at_most: float = float("inf")) -> float:
        """Seconds until the end, never negative, never more than `at_most`."""
        return max(0.0, min(self._end - time.monotonic(), at_most))

"""Stages side by side, each on its own copy of the project, and their rows in the stages' order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from lk_migrate.verify.context import Context, Stage
from lk_migrate.verify.rows import Row
from lk_migrate.verify.workspace import copy_project

_END_IN = 10.0  # seconds for a lane to notice that its processes are gone


class _Waiting:
    """What each lane waits for, told in one line."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._what: dict[str, str] = {}

    def begin(self, stage: str, what: str) -> None:
        with self._lock:
            self._what[stage] = what
            self._tell("; ".join(f"{stage}: {what}" for stage, what in self._what.items()))

    def end(self, stage: str) -> None:
        with self._lock:
            self._what.pop(stage, None)


class _Running:
    """A stage in a lane: its rows as they come, and how it ended."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._rows: queue.SimpleQueue[Row | BaseException | None] = queue.SimpleQueue()

    def run(self, context: Context, waiting: _Waiting) -> None:
        """Run it to its end; never raises: what went wrong is the reader's."""
        end: BaseException | None = None
        try:
            for row in self.stage.run(_own(context, self.stage, waiting)):
                self._rows.put(row)
        except BaseException as error:
            end = error
        waiting.end(self.stage.name)
        self._rows.put(end)

    def rows(self) -> Iterator[Row]:
        """Its rows, waited for. Raises what the stage raised."""
        while (row := self._rows.get()) is not None:
            if isinstance(row, BaseException):
                raise row
            yield row


def run_lanes(context: Context, stages: Sequence[Stage], lanes: Sequence[Sequence[str]]) -> Iterator[Row]:
    """The rows of all stages. First those that are in no lane, one after the other, then the lanes side by side.

    However it is left, all processes have ended then."""
    waiting = _Waiting(context.tell)
    running = [_Running(stage) for stage in stages]
    by_name = {one.stage.name: one for one in running}
    listed = [[by_name[name] for name in lane if name in by_name] for lane in lanes]
    alone = [one for one in running if not any(one in lane for lane in listed)]
    threads: list[threading.Thread] = []
    try:
        threads.append(_start(context, waiting, alone))
        for one in alone:
            yield from one.rows()
        threads += [_start(context, waiting, lane) for lane in listed]
        for one in running:
            if one not in alone:
                yield from one.rows()
    finally:
        context.children.end_all()
        for thread in threads:
            thread.join(_END_IN)


def _start(context: Context, waiting: _Waiting, lane: list[_Running]) -> threading.Thread:
    def run() -> None:
        for one in lane:
            one.run(context, waiting)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def _own(context: Context, stage: Stage, waiting: _Waiting) -> Context:
    """The context of a stage: what it writes, and what its app writes, no other stage sees."""
    scratch = context.scratch / stage.name
    workspace = scratch / context.root.name
    copy_project(context.root, workspace)
    return replace(context, workspace=workspace, scratch=scratch, tell=lambda what: waiting.begin(stage.name, what))

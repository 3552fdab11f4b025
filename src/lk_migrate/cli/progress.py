"""What is being done, on stderr, as soon as it takes longer than a moment; gone when it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lk_migrate.cli.streams import Streams

if TYPE_CHECKING:
    from rich.progress import Progress

#: Seconds of silence that nobody minds.
_PATIENCE = 0.7


@contextmanager
def progress(streams: Streams) -> Iterator[Callable[[str, int, int], None]]:
    """A callback (what, done, total) for long work. Draws only on a terminal; imports nothing when it is quick."""
    if not streams.live:
        yield lambda what, done, total: None
        return
    began = time.monotonic()
    shown: list[Progress] = []

    def tell(what: str, done: int, total: int) -> None:
        if not shown:
            if time.monotonic() - began < _PATIENCE:
                return
            shown.append(_bar(streams))
            shown[0].start()
            shown[0].add_task("", total=None, count="")
        bar = shown[0]
        count = f"{done}/{total}" if total else ""
        bar.update(bar.task_ids[0], description=what, completed=done, total=total or None, count=count)

    try:
        yield tell
    finally:
        for bar in shown:
            bar.stop()


def _bar(streams: Streams) -> Progress:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    return Progress(
        SpinnerColumn(),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
        console=streams.err,
        transient=True,
    )

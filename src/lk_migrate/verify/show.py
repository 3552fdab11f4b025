"""Rows for a person's terminal, for a pipe, and for machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lk_migrate.verify.rows import Row, Status

_STYLES = {Status.OK: "green", Status.FAILED: "bold red", Status.SKIPPED: "yellow"}


def as_data(rows: Iterable[Row]) -> dict[str, Any]:
    """`{"ok": bool, "rows": [...]}`, for JSON."""
    listed = [{**asdict(row), "status": row.status.value} for row in rows]
    return {"ok": all(row["status"] != Status.FAILED.value for row in listed), "rows": listed}


def as_line(row: Row) -> str:
    """One row as a line: what a pipe gets."""
    place = f"{row.place}: " if row.place else ""
    seconds = f" ({row.seconds:.1f} s)" if row.seconds >= 0.1 else ""
    steps = f" [{', '.join(f'{at:.1f} {name}' for name, at in row.steps)}]" if row.steps else ""
    return f"{row.status.value:8}{row.stage}: {row.name}: {place}{row.detail}{seconds}{steps}"


def timeline(steps: tuple[tuple[str, float], ...], width: int = 16) -> str:
    """What happened when, one line each, with a bar as long as it took."""
    whole = max((at for _, at in steps), default=0.0) or 1.0
    return "".join(f"\n{at:5.2f} s {'─' * round(at / whole * width):{width}} {name}" for name, at in steps)


def as_table(rows: Iterable[Row]) -> Table:
    """A table of three columns that fits 80 characters."""
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim", expand=False)
    table.add_column("", no_wrap=True, width=7)
    table.add_column("what", overflow="fold", ratio=1, max_width=26)
    table.add_column("why", overflow="fold")
    stage = ""
    for row in rows:
        if row.stage != stage:
            stage = row.stage
            table.add_row("", Text(stage, style="bold"), "")
        why = Text(row.detail)
        if row.place:
            why.append(f"\n{row.place}", style="dim")
        if row.seconds >= 0.1:
            why.append(f" {row.seconds:.1f} s", style="dim")
        why.append(timeline(row.steps), style="dim")
        table.add_row(Text(row.status.value, style=_STYLES[row.status]), Text(row.name), why)
    return table


def summary(rows: Iterable[Row]) -> str:
    """The verdict in a line."""
    counts = dict.fromkeys(Status, 0)
    ran = False  # only who started it may say so
    for row in rows:
        counts[row.status] += 1
        ran = ran or (row.stage in ("console", "voice") and row.status is not Status.SKIPPED)
    said = ", ".join(f"{counts[status]} {status.value}" for status in Status if counts[status])
    if counts[Status.FAILED]:
        verdict = "It does not run yet" if ran else "Something is wrong"
    else:
        verdict = "It runs" if ran else "Nothing failed"
    return f"{verdict}: {said or 'nothing was verified'}."


def show(rows: list[Row], console: Console) -> None:
    """The table on a terminal, lines otherwise."""
    if console.is_terminal:
        console.print(as_table(rows))
        console.print()
    else:
        for row in rows:
            console.file.write(as_line(row) + "\n")
    console.print(summary(rows), style="bold")

"""`lk-migrate` alone, at a terminal: look at the project, say what is there, offer the next step, do it, look again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import typer

from lk_migrate.cli.options import Common
from lk_migrate.cli.planning import Wish, opened
from lk_migrate.cli.streams import Streams
from lk_migrate.model import ExitCode
from lk_migrate.report.guide import Offer, Situation, offers, show_offers, show_situation


def guide(run: Callable[[list[str]], int]) -> int:
    """Until the person quits. `run`: a command line, and its exit code."""
    streams = Streams(Common())
    code, seen = int(ExitCode.DONE), False
    while True:
        now = replace(look(streams), seen=seen)
        show_situation(now, streams.out)
        found = offers(now)
        show_offers(found, streams.out)
        chosen = _choose(found)
        if chosen is None:
            return code
        streams.say(f"\n$ lk-migrate {' '.join(chosen.command)}")
        code = run(list(chosen.command))
        seen = seen or "--diff" in chosen.command or "--dry-run" in chosen.command
        streams.say("")


def look(streams: Streams) -> Situation:
    """Where the project around the current folder stands."""
    from lk_migrate.model import UserError
    from lk_migrate.report.masked import masked
    from lk_migrate.report.record import load
    from lk_migrate.report.verified import load_verified
    from lk_migrate.rewrite.locate import find_markers, text

    project = opened(None, [], streams)
    plan = masked(Wish().planned(project, streams))
    files = {path: data for path, data in project.files.items() if path.endswith(".py")}
    marked = sum(1 for path, data in files.items() for _ in find_markers(path, text(data)))
    try:
        record = load(project.root)
    except UserError:
        return Situation(plan, len(project.files), open_items=marked)
    restored = any(_stands(project.root, c["path"]) == (c["kind"] == "deleted") for c in record.data["changes"])
    verified = None if restored else load_verified(project.root, record)
    return Situation(plan, len(project.files), not restored, verified, marked)


def _stands(root: Path, path: str) -> bool:
    return (root / path).exists()


def _choose(found: list[Offer]) -> Offer | None:
    while True:
        typed = typer.prompt("What next? [Enter: 1]", default="1", show_default=False, err=True).strip().lower()
        if typed in ("q", "quit", "exit"):
            return None
        if typed.isdecimal() and 0 < int(typed) <= len(found):
            return found[int(typed) - 1]
        typer.echo(f"Type a number from 1 to {len(found)}, or q.", err=True)

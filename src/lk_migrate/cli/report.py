"""`lk-migrate report`: what was converted, and whether it runs, as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lk_migrate.cli.options import Common
from lk_migrate.cli.outputs import write_file
from lk_migrate.cli.streams import Streams
from lk_migrate.model import ExitCode, UserError
from lk_migrate.project.paths import display

NAME = "lk-migrate-report.html"


def report(
    common: Common,
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="Where to write it.")] = Path(NAME),
    run: Annotated[str | None, typer.Option("--run", metavar="ID", help="Of an earlier conversion.")] = None,
) -> int:
    """Write an HTML page about the last conversion, with what verify has found since.

    One file that loads nothing: before and after side by side, every finding at its line, where every line went, a
    checklist of what is left for you, and verify's rows with the timeline of the spoken turn.
    """
    from lk_migrate.project.root import root_for
    from lk_migrate.report.html import html
    from lk_migrate.report.record import load, load_plan
    from lk_migrate.report.verified import load_verified

    streams = Streams(common)
    root = root_for([], common.root)
    record = load(root, run)
    plan, verified = load_plan(root, record), load_verified(root, record)
    write_file(file, html(plan, verified).encode("utf-8", "replace"), streams)
    if common.json:
        checks = None if verified is None else {"created": verified.created, "outdated": verified.outdated}
        streams.result_json({"file": str(file), "id": record.id, "verified": checks})
    elif verified is None:
        streams.say("It was not verified yet: `lk-migrate verify`, then `lk-migrate report` again, adds that.")
    elif verified.outdated:
        streams.say("The code was edited since it was verified: `lk-migrate verify` looks again.")
    return ExitCode.DONE


def write_last(root: Path, file: Path, streams: Streams) -> bool:
    """The page about the last conversion, in place of one about nothing; False when there was none here."""
    from lk_migrate.report.html import html
    from lk_migrate.report.record import load, load_plan
    from lk_migrate.report.verified import load_verified

    try:
        record = load(root)
        plan = load_plan(root, record)
    except UserError:
        return False
    streams.say(f"{display(file)} is about the last conversion, {record.id}.")
    write_file(file, html(plan, load_verified(root, record)).encode("utf-8", "replace"), streams)
    return True

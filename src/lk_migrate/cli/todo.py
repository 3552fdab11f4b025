"""`lk-migrate todo`: what is left, for a person or a coding assistant."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from lk_migrate.cli.options import Common, Paths
from lk_migrate.cli.planning import opened
from lk_migrate.cli.streams import Streams
from lk_migrate.model import ExitCode, UserError


class Format(str, Enum):
    """How the list is written."""

    MARKDOWN = "markdown"
    JSON = "json"
    PROMPT = "prompt"


def todo(
    common: Common,
    paths: Paths = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="For an issue, a program, a coding assistant.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Say which are done; exit 1 while one is open.")] = False,
) -> int:
    """List what is left for you, for a person or an assistant.

    One item per marker `# TODO(lk-migrate …)`: file and line, what is wanted, the code before and now, the facts about
    the new API, how to check it. An item is done when its marker is gone.
    """
    from lk_migrate.report import todo as report
    from lk_migrate.report.record import load
    from lk_migrate.rewrite.locate import text

    streams = Streams(common)
    project = opened(common.root, paths, streams)
    wanted = project.targets or project.files
    try:
        recorded = load(project.root).data["todo"]
    except UserError:  # converted elsewhere, or before: the markers say enough
        recorded = []
    files = {path: text(data) for path, data in project.files.items() if path in wanted}
    found = report.items(files, [e for e in recorded if not paths or (e["to"] or e["place"])["path"] in wanted])
    if common.json or form is Format.JSON:
        streams.result_json(report.as_data(found))
    elif form is Format.PROMPT:
        streams.result(report.prompt(found).rstrip())
    elif form is Format.MARKDOWN:
        streams.result(report.markdown(found).rstrip())
    else:
        from lk_migrate.report.todo_terminal import show_items

        show_items(found, streams.out)
    if check:
        return ExitCode.FAILED if any(not item.done for item in found) else ExitCode.DONE
    return ExitCode.DONE

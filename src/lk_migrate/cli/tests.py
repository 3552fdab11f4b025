"""`lk-migrate tests`: write tests for the project's agents, to be kept."""

from __future__ import annotations

from typing import Annotated

import typer

from lk_migrate.cli.options import Common
from lk_migrate.cli.streams import Streams
from lk_migrate.model import ExitCode


def tests(
    common: Common,
    main: Annotated[str | None, typer.Option(metavar="PATH", help="What a person runs. [default: found]")] = None,
    python: Annotated[
        str | None, typer.Option(metavar="PATH", help="A Python or venv. [default: the project's, else ours]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
) -> int:
    """Write tests/test_<agent>.py for each agent: it builds, its tools are what they are and run, it greets.

    They use the framework's own test API and a stand-in model: plain pytest, offline, in seconds.
    """
    from lk_migrate.project.config import load_settings
    from lk_migrate.project.root import root_for
    from lk_migrate.verify.run import Options
    from lk_migrate.verify.suite import suite

    streams = Streams(common)
    root = root_for([], common.root)
    settings = load_settings(root)
    options = Options(root=root, main=main or settings.main, python=python or settings.python)
    files, left = suite(options, lambda what: streams.say(f"waiting for {what}"))
    written, kept = [], []
    for path, text in files.items():
        target = root / path
        if target.exists() and not force:
            kept.append(path)
            continue
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")
        written.append(path)
    if common.json:
        streams.result_json({"written": written, "kept": kept, "left": left})
        return ExitCode.LEFTOVERS if left else ExitCode.DONE
    for path in written:
        streams.result(f"wrote {path}")
    for path in kept:
        streams.warn(f"{path} is there already; --force writes over it.")
    for reason in left:
        streams.warn(f"no tests for {reason}")
    if written:
        streams.say("Run them with: python -m pytest tests")
    return ExitCode.LEFTOVERS if left else ExitCode.DONE

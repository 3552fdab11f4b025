"""`lk-migrate verify`: prove that the project runs, without a network, a key or a microphone."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from lk_migrate.cli.completion import stage_names
from lk_migrate.cli.options import Common
from lk_migrate.cli.streams import Streams
from lk_migrate.model import ExitCode, UserError
from lk_migrate.project.paths import reason

if TYPE_CHECKING:
    from lk_migrate.verify import Options, Row

#: What ends us, and must end our children first. (Windows has no SIGHUP.)
_ENDINGS = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


def verify(
    common: Common,
    main: Annotated[str | None, typer.Option(metavar="PATH", help="What a person runs. [default: found]")] = None,
    python: Annotated[
        str | None, typer.Option(metavar="PATH", help="A Python or venv. [default: the project's, else ours]")
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="For each stage.")] = 60,
    stage: Annotated[
        list[str] | None,
        typer.Option(metavar="STAGE", help="Run only this (may be repeated).", autocompletion=stage_names),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(metavar="STAGE", help="Leave this stage out.", autocompletion=stage_names)
    ] = None,
    old: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Compare with this older tree. [default: the newest backup]")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="With your own keys, providers and LiveKit server, over the network.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Markers that are left for you are failures.")] = False,
) -> int:
    """Prove that it runs: no network, no key, no microphone.

    Runs a copy of the project against local stand-in models: starts it, lets the model call every tool, and
    says what a real run still needs.
    """
    from lk_migrate.project.config import load_settings
    from lk_migrate.project.root import root_for
    from lk_migrate.verify import Options, any_failed
    from lk_migrate.verify.rows import console_command
    from lk_migrate.verify.show import as_data, show

    streams = Streams(common)
    root = root_for([], common.root)
    settings = load_settings(root)
    options = Options(
        root=root,
        main=main or settings.main,
        python=python or settings.python,
        timeout=timeout,
        stages=tuple(stage or ()),
        skip=tuple(skip or ()),
        live=live,
        strict=strict,
        old=old,
    )
    with _ended_in_order():
        rows = _rows(options, streams)
    _keep(root, rows, streams)
    if common.json:
        streams.result_json(as_data(rows))
    else:
        show(rows, streams.out)
        if not any_failed(rows) and (talk := console_command(rows)):
            streams.say(f"Next: {talk}, and talk to it")
    return ExitCode.FAILED if any_failed(rows) else ExitCode.DONE


def _rows(options: Options, streams: Streams) -> list[Row]:
    """All rows, with what is being waited for on stderr: in one line on a terminal, else as messages."""
    from lk_migrate.verify import verify as rows_of

    if not streams.live:
        return list(rows_of(options, lambda what: streams.say(f"waiting for {what}")))
    rows: list[Row] = []
    begun = time.monotonic()

    def waiting(what: str) -> None:
        failed = sum(row.status.value == "failed" for row in rows)
        bad = f", {failed} failed" if failed else ""
        status.update(f"{time.monotonic() - begun:.0f} s, {len(rows)} checks{bad}; waiting for {what}")

    with streams.err.status("verifying") as status:
        for row in rows_of(options, waiting):
            rows.append(row)
    return rows


def _keep(root: Path, rows: list[Row], streams: Streams) -> None:
    """For the report, beside the conversion that was verified; of a project that was not converted here, nothing."""
    from lk_migrate.report.record import load
    from lk_migrate.report.verified import save_verified
    from lk_migrate.verify import STAGES
    from lk_migrate.verify.show import as_data

    try:
        record = load(root)
    except UserError:
        return
    try:
        save_verified(root, record, as_data(rows)["rows"], [stage.name for stage in STAGES])
    except OSError as error:
        streams.warn(f"what was found could not be kept for `lk-migrate report`: {reason(error)}.")


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """A signal that ends us is raised as SystemExit, so that every `finally` ends what it started."""
    before = {number: signal.signal(number, _leave) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)

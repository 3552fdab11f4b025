"""`lk-migrate verify`: prove that the project runs, without a network, a key or a microphone."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer


def verify(
    root: Annotated[Path, typer.Option(help="The project's root.")] = Path(),
    main: Annotated[
        str | None, typer.Option(help="The file that a person runs, relative to the root.")
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            help="Python or virtual environment to run it with (default: the project's, else ours)."
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=1.0, help="Seconds for each stage.")] = 60.0,
    stage: Annotated[list[str] | None, typer.Option(help="Run only this stage; repeatable.")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Leave this stage out; repeatable.")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Use your own keys and providers, over the network.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Markers that are left for you count as failures.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
) -> None:
    """Run the agent against local stand-in models, call every tool, and say what a real run still needs."""
    from rich.console import Console

    from lk_migrate.model import ExitCode, UserError
    from lk_migrate.verify import Options, any_failed
    from lk_migrate.verify import verify as rows_of
    from lk_migrate.verify.show import as_json, show

    options = Options(
        root, main, python, timeout, tuple(stage or ()), tuple(skip or ()), live=live, strict=strict
    )
    out, err = Console(), Console(stderr=True)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    try:
        if err.is_terminal and not quiet:
            with err.status("Verifying") as status:
                rows = list(rows_of(options, lambda what: status.update(f"Waiting for {what}")))
        else:
            tell = (
                (lambda what: None) if quiet else (lambda what: print(f"waiting for {what}", file=sys.stderr))
            )
            rows = list(rows_of(options, tell))
    except UserError as error:
        print(f"lk-migrate: {error}", file=sys.stderr)
        raise typer.Exit(ExitCode.USAGE) from None
    except KeyboardInterrupt:
        print("lk-migrate: interrupted; everything that was started has ended.", file=sys.stderr)
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    if json:
        print(as_json(rows))
    else:
        show(rows, out)
    raise typer.Exit(ExitCode.FAILED if any_failed(rows) else ExitCode.DONE)


def _leave(number: int, frame: FrameType | None) -> None:
    """Leave through the `finally`s that end the children."""
    raise SystemExit(128 + number)


def main() -> None:
    """`python -m lk_migrate.cli.verify`: this command on its own."""
    typer.run(verify)


if __name__ == "__main__":
    main()

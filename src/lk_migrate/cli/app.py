"""The command line: a table of commands, each imported only when it is called, and the one way out.

To add a command, write `cli/<name>.py` with a function `<name>(common: Common, …) -> int` (Typer options,
exit code) and a line in `COMMANDS`. `--help` lists the table; it imports none of the modules.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from lk_migrate import __version__
from lk_migrate.cli.examples import epilog
from lk_migrate.cli.options import after_command, with_common
from lk_migrate.model import ExitCode, UserError

#: name → (module, one line for `--help`), in the order of a person's work.
COMMANDS = {
    "scan": ("lk_migrate.cli.scan", "Show what is here, for which edition, and what convert would do."),
    "backup": ("lk_migrate.cli.backup", "Take a snapshot that restores byte for byte."),
    "convert": ("lk_migrate.cli.convert", "Rewrite agents, generate main.py, account for every line."),
    "verify": ("lk_migrate.cli.verify", "Prove that it runs: no network, no key, no microphone."),
    "report": ("lk_migrate.cli.report", "Write what was converted and verified as one HTML page."),
    "tests": ("lk_migrate.cli.tests", "Write tests for the agents, to be kept."),
    "restore": ("lk_migrate.cli.restore", "Give the old bytes back."),
    "ledger": ("lk_migrate.cli.ledger", "Say where every line of the old code went."),
    "todo": ("lk_migrate.cli.todo", "List what is left for you, for a person or an assistant."),
    "rules": ("lk_migrate.cli.rules", "List the rules, or explain one."),
    "completion": ("lk_migrate.cli.completion", "Make your shell complete all of this."),
}

#: What the machine, not our code, is to blame for.
_MACHINE = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
    }
)
# Typer carries Click inside from 0.2x on and uses the real one before: take the base from what it exports.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]

#: By this a shell asks what could come next.
_COMPLETE = "_LK_MIGRATE_COMPLETE"
_HELP = {"help_option_names": ["-h", "--help"]}


class LazyGroup(TyperGroup):
    """Lists commands from the table; imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, (_, summary) in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=summary, short_help=summary)

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Common options are taken before the command's name, too."""
        return super().parse_args(ctx, after_command(args))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The real command in place of its line in the table."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, (load_command(name) if name in COMMANDS else command), rest


def load_command(name: str) -> Any:
    """Import a command's module and build the Click command from its function."""
    module_name, _ = COMMANDS[name]
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise UserError(f"`{name}` is not part of this build of lk-migrate ({__version__}).") from error
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name, context_settings=_HELP, epilog=epilog(name))(with_common(getattr(module, name)))
    return typer.main.get_command(single)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"lk-migrate {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Turn older voice agents into current LiveKit Agents projects, and prove that they run."""


def build() -> Any:
    """The Click command behind `lk-migrate`."""
    # Plain help: rich's would cost as much again as starting up, and wraps paths.
    if _COMPLETE in os.environ:
        from typer.completion import completion_init

        completion_init()
    app = typer.Typer(cls=LazyGroup, add_completion=False, rich_markup_mode=None, context_settings=_HELP)
    app.callback(epilog=epilog(""))(_root)
    return typer.main.get_command(app)


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit as the contract says: never a traceback for the user's mistake."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # a name that is not UTF-8 must not stop a message
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    code = _run(arguments, "--debug" in arguments) if arguments else _guided()
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _guided() -> int:
    """No command: at a terminal the next step, in a pipe the help."""
    if _COMPLETE in os.environ or not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        return _run(["--help"], False)

    def whole() -> int:
        from lk_migrate.cli.guide import guide

        return guide(lambda arguments: _run(arguments, False))

    return _caught(whole, [], False)


def _run(arguments: list[str], debug: bool) -> int:
    def command() -> object:
        return build().main(args=arguments, prog_name="lk-migrate", standalone_mode=False)

    return _caught(command, arguments, debug)


def _caught(command: Callable[[], object], arguments: list[str], debug: bool) -> int:
    """Run it; whatever it raises is a sentence and an exit code."""
    try:
        result = command()
        if result == ExitCode.INTERRUPTED:  # how newer Typers tell of Ctrl-C
            raise KeyboardInterrupt
        return result if isinstance(result, int) else ExitCode.DONE
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted.", ExitCode.INTERRUPTED, debug)
    except UserError as error:
        return _fail(str(error), ExitCode.USAGE, debug)
    except _UsageError as error:
        return _fail(_usage(error, arguments), ExitCode.USAGE, debug)
    except OSError as error:
        if error.errno in _MACHINE:
            where = f"{error.filename}: " if error.filename else ""
            return _fail(f"{where}{(error.strerror or str(error)).lower()}.", ExitCode.USAGE, debug)
        return _bug(error, debug)
    except Exception as error:
        return _bug(error, debug)


def _usage(error: Any, arguments: Sequence[str]) -> str:
    message = " ".join(error.format_message().split())
    command = next((f" {word}" for word in arguments if word in COMMANDS), "")
    return f"{message.rstrip('.')}; see `lk-migrate{command} --help`."


def _bug(error: Exception, debug: bool) -> int:
    hint = "" if debug else "; run again with --debug to see where"
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return _fail(f"this is a bug in lk-migrate ({what}){hint}, and please report it.", ExitCode.FAILED, debug)


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    print(f"lk-migrate: {message}", file=sys.stderr)
    return code

"""`lk-migrate completion`: the lines that make a shell complete our commands, options, rules and stages."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import PurePath
from typing import Annotated

import typer

from lk_migrate.cli.options import Common
from lk_migrate.cli.streams import Streams
from lk_migrate.model import ExitCode, UserError

#: The variable by which the shell asks; Typer makes the name from ours.
VARIABLE = "_LK_MIGRATE_COMPLETE"


class Shell(str, Enum):
    """Shells that can be told."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    common: Common,
    shell: Annotated[
        Shell | None, typer.Argument(metavar="[SHELL]", help="bash, zsh or fish. [default: yours]")
    ] = None,
) -> int:
    """Print what makes your shell complete commands, options, rules and stages."""
    from typer.completion import get_completion_script

    streams = Streams(common)
    name = shell.value if shell is not None else PurePath(os.environ.get("SHELL", "")).name
    if name not in {known.value for known in Shell}:
        raise UserError("it is not known which shell you use; name it: bash, zsh or fish.")
    streams.result(get_completion_script(prog_name="lk-migrate", complete_var=VARIABLE, shell=name))
    return ExitCode.DONE


def rule_ids(incomplete: str) -> list[tuple[str, str]]:
    """Rules whose id begins so, with what they do."""
    from lk_migrate.report.catalog import catalog

    return [(rule.id, rule.summary) for rule in catalog().values() if rule.id.startswith(incomplete.upper())]


def stage_names(incomplete: str) -> list[tuple[str, str]]:
    """verify's stages that begin so."""
    from lk_migrate.cli.examples import stages

    return [(name, what) for name, what in stages() if name.startswith(incomplete)]

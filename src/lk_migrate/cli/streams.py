"""Results go to stdout, messages to stderr; nothing but text where no terminal is."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

from lk_migrate.cli.options import Common

if TYPE_CHECKING:
    from rich.console import Console

_COMMAND = re.compile(r"`[^`\n]+`")


@dataclass(frozen=True)
class Streams:
    """Where a command writes. Rich is imported when a console is first asked for."""

    common: Common

    @cached_property
    def out(self) -> Console:
        """For results that deserve a table or colour; plain without a terminal or with NO_COLOR."""
        return _console(sys.stdout)

    @cached_property
    def err(self) -> Console:
        """For progress and messages."""
        return _console(sys.stderr)

    @property
    def live(self) -> bool:
        """Whether to draw progress: on a terminal, not in CI, not when quiet."""
        return sys.stderr.isatty() and not os.environ.get("CI") and not self.common.quiet

    @property
    def can_ask(self) -> bool:
        """Whether there is a person to ask."""
        return sys.stdin.isatty() and sys.stderr.isatty() and not self.common.json and not self.common.quiet

    def result(self, text: str) -> None:
        """A line of the result, as it is: never wrapped or styled."""
        print(text)

    def result_json(self, data: Any) -> None:
        """The result of `--json`: one document, in ASCII, so that any name survives."""
        print(json.dumps(data, indent=2))

    def say(self, text: str) -> None:
        """A message; not with `--quiet`."""
        if not self.common.quiet:
            print(_filled(text), file=sys.stderr)

    def detail(self, text: str) -> None:
        """A message for `--verbose`."""
        if self.common.verbose:
            print(text, file=sys.stderr)

    def command(self, text: str) -> None:
        """A line for the machine that runs us, on stderr; nothing silences it."""
        print(text, file=sys.stderr)

    def warn(self, text: str) -> None:
        """A message that nothing silences."""
        print(_filled(f"lk-migrate: {text}"), file=sys.stderr)


def _filled(message: str) -> str:
    """Wrapped between words where a terminal ends, but never inside a `command`; one line each in a pipe."""
    if not sys.stderr.isatty():
        return message
    width = shutil.get_terminal_size().columns
    lines = _COMMAND.sub(lambda match: match.group().replace(" ", "\0"), message).split("\n")
    wrapped = (textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False) for line in lines)
    return "\n".join(wrapped).replace("\0", " ")


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    # File names are not markup: `[bold].py` is a name, and so is `:smile:.py`.
    return Console(file=stream, markup=False, emoji=False, highlight=False)

"""Run the command line without starting an interpreter for it."""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

from lk_migrate.cli import app


@dataclass(frozen=True)
class Done:
    """How it ended and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


class _Stream(io.TextIOWrapper):
    """A pipe's stream: text, and bytes by way of `buffer`."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace", newline="\n")

    def text(self) -> str:
        self.flush()
        data = self.buffer.getvalue()  # type: ignore[attr-defined]
        return bytes(data).decode("utf-8", "surrogateescape")


def run(folder: Path, *arguments: str) -> Done:
    """`lk-migrate ARGUMENTS` in a folder."""
    out, err = _Stream(), _Stream()
    here = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            app.run(arguments)
    except SystemExit as end:
        assert isinstance(end.code, int)
        return Done(end.code, out.text(), err.text())
    finally:
        os.chdir(here)

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


def run(folder: Path, *arguments: str) -> Done:
    """`lk-migrate ARGUMENTS` in a folder."""
    out, err = io.StringIO(), io.StringIO()
    here = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            app.run(arguments)
    except SystemExit as end:
        assert isinstance(end.code, int)
        return Done(end.code, out.getvalue(), err.getvalue())
    finally:
        os.chdir(here)

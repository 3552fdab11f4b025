"""The person's own editor on a text."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path, PurePath

from lk_migrate.model import UserError

#: Editors that take the line to begin at as `+LINE`.
_PLUS_LINE = {"vi", "vim", "nvim", "view", "nano", "emacs", "emacsclient", "micro", "joe"}


def edit(data: bytes, name: str, line: int) -> bytes:
    """What the person makes of `data`, in $VISUAL or $EDITOR (else vi), beginning at a line (1-based).

    Raises UserError when the editor cannot be started or says that it failed.
    """
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    at = [f"+{line}"] if PurePath(command[0]).name in _PLUS_LINE else []
    with tempfile.TemporaryDirectory(prefix="lk-migrate-edit-") as folder:
        path = Path(folder) / PurePath(name).name
        path.write_bytes(data)
        try:
            code = subprocess.run([*command, *at, os.fspath(path)], check=False).returncode
        except OSError as error:
            what = f"the editor {command[0]!r} cannot be started: {error.strerror}"
            raise UserError(f"{what}; set EDITOR to one that is there. Nothing was written.") from error
        if code:
            raise UserError(f"the editor {command[0]!r} ended with {code}; nothing was written.")
        return path.read_bytes()

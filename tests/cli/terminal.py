"""The command line on a pseudo-terminal, as a person has it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

_CODES = re.compile(r"\x1b\]8;[^\x1b]*\x1b\\|\x1b\[[0-9;?]*[A-Za-z]")


def typed(folder: Path, *arguments: str, keys: str = "", columns: int = 80) -> tuple[int, str]:
    """Exit code and all that a terminal of `columns` shows, without its colours; `keys` are typed beforehand."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    hidden = ("NO_COLOR", "GITHUB_ACTIONS", "COLUMNS", "LINES")
    process = subprocess.Popen(
        [sys.executable, "-m", "lk_migrate", *arguments],
        cwd=folder,
        stdin=child,
        stdout=child,
        stderr=child,
        env={k: v for k, v in os.environ.items() if k not in hidden} | {"TERM": "xterm-256color", "CI": "1"},
    )
    os.close(child)
    os.write(parent, keys.encode())
    received = b""
    while True:
        try:
            data = os.read(parent, 65536)
        except OSError:  # Linux: the last holder of the other end is gone
            break
        if not data:
            break
        received += data
    os.close(parent)
    return process.wait(), _CODES.sub("", received.decode("utf-8", "replace")).replace("\r", "")

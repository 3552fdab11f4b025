"""A pseudo-terminal with the person's console on it: type, wait for a text, read what is on the screen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import termios
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from subprocess import Popen, TimeoutExpired

import pexpect
from pexpect.fdpexpect import fdspawn

from lk_migrate.verify.context import Clock
from lk_migrate.verify.processes import Children

ROWS, COLUMNS = 50, 200
_WIDTH = 160  # characters of a line that is quoted
_TAKEN_IN = 2.0  # seconds from Enter to an answer being awaited, before the line is typed again
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]|\x07")


class Outcome(Enum):
    """How waiting for a text ended."""

    SEEN = "seen"
    TIMED_OUT = "timed out"
    ENDED = "ended"


class Terminal:
    """The parent's end of the pseudo-terminal."""

    def __init__(self, master: int, process: Popen[bytes]) -> None:
        self._screen = fdspawn(master, encoding="utf-8", codec_errors="replace", timeout=None)
        self._screen.delaybeforesend = None
        self._master = master
        self._read: list[str] = []
        self._pending = ""
        self.process = process

    def wait_for(self, text: str, seconds: float) -> Outcome:
        """Read until `text` appears after what was read before."""
        try:
            found = self._screen.expect_exact([text, pexpect.EOF, pexpect.TIMEOUT], timeout=seconds)
        except (OSError, ValueError):
            return Outcome.ENDED
        seen = self._screen.before if isinstance(self._screen.before, str) else ""
        # After a time-out the same text comes again with the next match: it is only on loan.
        self._pending = seen if found == 2 else ""
        if found == 0:
            self._read.append(seen + text)
        elif found == 1:
            self._read.append(seen)
        return (Outcome.SEEN, Outcome.ENDED, Outcome.TIMED_OUT)[found]

    def read_for(self, seconds: float) -> Outcome:
        """Read whatever comes for a while.

        Nobody reading would stop the program: a terminal holds few kilobytes.
        """
        return self.wait_for("\0", seconds)

    def type_line(self, text: str, taken: str, seconds: float) -> Outcome:
        """Type a line, press Enter, and read until `taken` shows that it was taken; type again if it was not.

        The console throws away what is typed before it reads a key (it sets the terminal with TCSAFLUSH), so
        wait until it does: then line editing is off. A key that got lost nevertheless is why there
        is a retry.
        """
        outcome = Outcome.TIMED_OUT
        clock = Clock(seconds)
        while outcome is Outcome.TIMED_OUT and clock.left() > 0:
            self._wait_for_keys(clock.left(1.0))
            with contextlib.suppress(OSError):
                self._screen.send("\x7f" * len(text) + text + "\r")
            outcome = self.wait_for(taken, clock.left(_TAKEN_IN))
        return outcome

    def _wait_for_keys(self, seconds: float) -> None:
        clock = Clock(seconds)
        with contextlib.suppress(OSError, termios.error):
            while clock.left() > 0 and termios.tcgetattr(self._master)[3] & termios.ICANON:
                self.read_for(0.02)

    def press_control_c(self) -> None:
        """As the key does: an interrupt for the program in front."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)

    def mark(self) -> int:
        """A position for `text`."""
        return len(self._read)

    def text(self, since: int = 0) -> str:
        """What was shown, without colours and cursor movement; what a failed wait has read included."""
        return plain("".join(self._read[since:]) + self._pending)

    def last_lines(self, count: int = 3) -> str:
        """The last lines that say something, on one line."""
        return last_lines(self.text(), count)

    def exit_code(self) -> int | None:
        """How the program ended, if it has."""
        with contextlib.suppress(TimeoutExpired):
            return self.process.wait(1.0)
        return None


def plain(text: str) -> str:
    """Without colours, cursor movement and carriage returns."""
    return _ESCAPES.sub("", text).replace("\r", "")


def last_lines(text: str, count: int = 3) -> str:
    """The last lines of a program's output that say something, on one line."""
    lines = (line if len(line) <= _WIDTH else f"{line[:_WIDTH]}…" for line in telling_lines(text)[-count:])
    return " / ".join(dict.fromkeys(lines)) or "nothing"


def telling_lines(text: str) -> list[str]:
    """The lines of a console's output but its frames, its prompt and its spinner."""
    lines = [" ".join(line.split()).strip("─│╭╮╰╯ ") for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith(("? for shortcuts", "❯", "Thinking..."))]


@contextlib.contextmanager
def terminal(children: Children, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Iterator[Terminal]:
    """Run a program on a new pseudo-terminal; it and all that it started end with the block."""
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        plain = {**env, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
        with children.group(arguments, cwd=cwd, env=plain, stdin=slave, stdout=slave, stderr=slave) as process:
            os.close(slave)
            slave = -1
            yield Terminal(master, process)
    finally:
        if slave >= 0:
            os.close(slave)
        os.close(master)

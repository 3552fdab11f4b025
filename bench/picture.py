"""docs/images/demo.svg from a real run: the three commands on a copy of the clinic, on a pseudo-terminal.

    python bench/picture.py

What the terminal received is replayed (progress that erases itself is gone), and drawn by rich. Long middles are cut,
and the cut is shown. Nothing in the picture names a folder of this machine.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
CLINIC = ROOT / "fixtures" / "legacy" / "clinic"
PICTURE = ROOT / "docs" / "images" / "demo.svg"
COLUMNS = 92
#: Command → lines shown from the beginning and the end of what it says; what is between is counted.
COMMANDS = {("backup",): (4, 4), ("convert", "services/"): (9, 12), ("verify",): (30, 2)}

_LINK = re.compile(r"\x1b\]8;[^\x1b\x07]*(?:\x1b\\|\x07)")
_ERASED = re.compile(r"\x1b\[[0-9;?]*[A-HJKlhsu]")


def run(arguments: tuple[str, ...], folder: Path) -> tuple[str, int]:
    """What a terminal of `COLUMNS` columns gets to see of a command, escape codes included; and its exit code."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CI", "GITHUB_ACTIONS", "COLUMNS")}
    process = subprocess.Popen(
        [sys.executable, "-m", "lk_migrate", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=child,
        stderr=child,
        env=environment | {"TERM": "xterm-256color"},
    )
    os.close(child)
    received = b""
    while True:
        try:
            data = os.read(parent, 65536)
        except OSError:  # Linux: the last holder of the other end is gone
            break
        if not data:
            break
        received += data
    code = process.wait()
    os.close(parent)
    return received.decode("utf-8", "replace"), code


def replayed(received: str) -> list[str]:
    """The lines that stay on the screen: what a cursor movement or a carriage return overwrote is dropped."""
    lines = [""]
    row = 0
    for piece in re.split(r"(\r?\n|\r|\x1b\[\d*A|\x1b\[[02]?K|\x1b\[\?25[lh])", _LINK.sub("", received)):
        if piece in ("\n", "\r\n"):
            row += 1
            if row == len(lines):
                lines.append("")
        elif piece == "\r" or re.fullmatch(r"\x1b\[[02]?K", piece):
            lines[row] = ""
        elif match := re.fullmatch(r"\x1b\[(\d*)A", piece):
            row = max(0, row - int(match.group(1) or 1))
        elif not re.fullmatch(r"\x1b\[\?25[lh]", piece):
            lines[row] += piece
    return [_ERASED.sub("", line) for line in lines]


def shortened(lines: list[str], head: int, tail: int) -> list[str]:
    """The beginning and the end, and how much is missing."""
    while lines and not lines[-1].strip():
        lines.pop()
    if len(lines) <= head + tail + 1:
        return lines
    return [*lines[:head], f"\x1b[2m  … {len(lines) - head - tail} more lines …\x1b[0m", *lines[-tail:]]


def main() -> int:
    """Run, record, draw. Exit code 1 when a command failed (drawn as it was), or a machine's folder would be shown."""
    failed = False
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve() / "clinic"
        shutil.copytree(CLINIC, folder, ignore=shutil.ignore_patterns("__pycache__", ".lk-migrate"))
        for arguments, (head, tail) in COMMANDS.items():
            console.print(Text.assemble(("$ ", "bold green"), (f"lk-migrate {' '.join(arguments)}", "bold")))
            received, code = run(arguments, folder)
            if code not in (0, 3):
                print(f"`lk-migrate {' '.join(arguments)}` ended with {code}", file=sys.stderr)
                failed = True
            for line in shortened(replayed(received), head, tail):
                console.print(Text.from_ansi(line.replace(os.fspath(folder), "clinic")), soft_wrap=True)
            console.print()
        drawn = console.export_svg(title="lk-migrate")
        if os.fspath(folder) in drawn or os.fspath(ROOT) in drawn or os.fspath(Path.home()) in drawn:
            print("the picture would name a folder of this machine", file=sys.stderr)
            return 1
    # The drawing names a font on a content network first: it is to look the same without one.
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.S)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(drawn.replace("Fira Code", "ui-monospace, DejaVu Sans Mono, Menlo, Consolas"), encoding="utf-8")
    print(f"wrote {PICTURE.relative_to(ROOT)}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

"""The pictures in docs/images, from real runs on a pseudo-terminal (and of the HTML report in a browser).

    python bench/picture.py            # all of them: some minutes, most of it `verify`
    python bench/picture.py clinic-    # those whose name begins so

Every step of docs/getting-started.md and docs/from-0x.md is done on a copy of a fixture, in order. What the terminal
received is replayed (progress that erases itself is gone), and drawn by rich. Long middles are cut, and the cut is
shown. Nothing in a picture names a folder of this machine.
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
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures" / "legacy"
IMAGES = ROOT / "docs" / "images"
COLUMNS = 80


@dataclass(frozen=True)
class Step:
    """A command; `picture` is drawn of it ("": none). `keys` are typed; `shown`: its first and last lines so many."""

    picture: str
    command: str
    shown: tuple[int, int] = (60, 0)
    keys: str = ""


#: In place of a command: what the guide's `diff` block does by hand.
PATCH = "patch"

#: Fixture → what a person does with it, in order.
STORIES = {
    "clinic": (
        Step("clinic-1-guide", "", (40, 0), "q\n"),
        Step("clinic-2-diff", "convert --diff", (24, 4)),
        Step("clinic-3-backup", "backup"),
        Step("clinic-4-convert", "convert services/", (27, 14)),
        Step("clinic-5-ledger", "ledger"),
        Step("clinic-6-line", "ledger main.py:120"),
        Step("clinic-7-verify", "verify", (34, 2)),
        Step("", "report clinic.html"),
        Step("clinic-9-restore", "restore"),
    ),
    "pipeline_0x": (
        Step("from-0x-1-scan", "scan"),
        Step("from-0x-2-interactive", "convert --interactive", (33, 0), "a\ny\nn\nq\n"),
        Step("", "restore --force"),
        Step("from-0x-3-convert", "convert", (10, 14)),
        Step("from-0x-4-verify", "verify --stage static --stage console --stage voice", (39, 2)),
        Step("from-0x-5-todo", "todo --format prompt", (32, 0)),
        Step("", PATCH),
        Step("from-0x-6-verified", "verify --stage static --stage console --stage voice", (4, 22)),
    ),
}

_LINK = re.compile(r"\x1b\]8;[^\x1b\x07]*(?:\x1b\\|\x07)")
_PROMPT = re.compile(rb"What next\?|Apply LK\d+\?")
_ERASED = re.compile(r"\x1b\[[0-9;?]*[A-HJKlhsu]")


def run(arguments: list[str], folder: Path, keys: str = "") -> tuple[str, int]:
    """What a terminal of `COLUMNS` columns gets to see of a command, escape codes included; and its exit code."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    hidden = ("NO_COLOR", "CI", "GITHUB_ACTIONS", "COLUMNS", "LINES")
    process = subprocess.Popen(
        [sys.executable, "-m", "lk_migrate", *arguments],
        cwd=folder,
        stdin=child if keys else subprocess.DEVNULL,
        stdout=child,
        stderr=child,
        env={k: v for k, v in os.environ.items() if k not in hidden} | {"TERM": "xterm-256color"},
    )
    os.close(child)
    answers = keys.splitlines(keepends=True)
    received, asked = b"", 0
    while True:
        try:
            data = os.read(parent, 65536)
        except OSError:  # Linux: the last holder of the other end is gone
            break
        if not data:
            break
        received += data
        if len(_PROMPT.findall(received)) > asked and answers:
            asked += 1
            os.write(parent, answers.pop(0).encode())
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
    cut = f"\x1b[2m  … {len(lines) - head - tail:,} more lines …\x1b[0m"
    return [*lines[:head], cut, *(lines[-tail:] if tail else [])]


def draw(step: Step, lines: list[str]) -> str:
    """The command and what it says as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "bold green"), (f"lk-migrate {step.command}".rstrip(), "bold")))
    for line in lines:
        console.print(Text.from_ansi(line), overflow="fold")
    drawn = console.export_svg(title="lk-migrate", unique_id=step.picture)
    # The drawing names a font on a content network first: it is to look the same without one.
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.S)
    return drawn.replace("Fira Code", "ui-monospace, DejaVu Sans Mono, Menlo, Consolas")


def photograph(page: Path) -> None:
    """The HTML report as it looks: its top, and what was verified. Needs playwright and the machine's Chromium."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox"])
        for name, section in (("summary", "#summary"), ("verified", "details:has(.timeline)"), ("ledger", "#ledger")):
            view = browser.new_page(viewport={"width": 1000, "height": 680}, reduced_motion="reduce")
            view.goto(page.as_uri())
            view.locator(section).evaluate("e => scrollTo(0, e.offsetTop - 50)")
            view.screenshot(path=IMAGES / f"clinic-8-report-{name}.png")
            view.close()
        browser.close()


def by_hand(page: str, folder: Path) -> None:
    """Apply the page's `diff` blocks. Raises CalledProcessError when one does not fit."""
    for patch in re.findall(r"^```diff\n(.*?)^```", page, re.M | re.S):
        subprocess.run(["git", "apply"], cwd=folder, input=patch.encode(), check=True)


def tell(story: str, steps: tuple[Step, ...], wanted: str) -> bool:
    """Do a story's steps on a copy of its fixture; False when a command failed that should not."""
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve() / story
        shutil.copytree(FIXTURES / story, folder, ignore=shutil.ignore_patterns("__pycache__", ".lk-migrate"))
        for step in steps:
            if step.command == PATCH:
                by_hand((ROOT / "docs" / "from-0x.md").read_text(encoding="utf-8"), folder)
                continue
            drawn_now = step.picture.startswith(wanted)
            if not drawn_now and step.command.split(" ")[0] in ("", "scan", "ledger", "todo", "verify"):
                continue  # it changes nothing that a later step sees
            received, code = run(step.command.split(), folder, step.keys)
            print(f"lk-migrate {step.command}: {code}", file=sys.stderr)
            good = good and code in (0, 3)
            lines = shortened(replayed(received.replace(os.fspath(folder), story)), *step.shown)
            drawn = draw(step, lines)
            if any(os.fspath(place) in drawn for place in (folder, ROOT, Path.home())):
                raise SystemExit(f"{step.picture} would name a folder of this machine")
            if drawn_now and step.picture:
                (IMAGES / f"{step.picture}.svg").write_text(drawn, encoding="utf-8")
        page = folder / "clinic.html"
        if page.exists() and "clinic-8".startswith(wanted[:8]):
            photograph(page)
    return good


def main() -> int:
    """Draw the pictures whose names begin as the first argument says. Exit code 1 when a command failed."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    IMAGES.mkdir(parents=True, exist_ok=True)
    stories = {
        s: steps for s, steps in STORIES.items() if any(p.picture.startswith(wanted) for p in steps if p.picture)
    }
    results = [tell(story, steps, wanted) for story, steps in stories.items()]
    return int(not all(results))


if __name__ == "__main__":
    sys.exit(main())

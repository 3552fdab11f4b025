"""The documentation is true: links lead somewhere, commands are commands, and what can be run cheaply is run.

A page says `<!-- on: FIXTURE -->` once: its `console` blocks are run there, in order. `<!-- not run: WHY -->` before a
block leaves it out. Lines below a command must be among what it says; a `diff` block is applied.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import in_process
import pytest

from lk_migrate.cli.app import COMMANDS, load_command
from lk_migrate.report.command_pages import page as command_page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *```.*?^ *```", re.M | re.S)
_BLOCK = re.compile(r"(<!-- not run: [^>]+ -->\n)?^```(console|diff)\n(.*?)^```", re.M | re.S)
_COMMAND = re.compile(r"(?:^ {4}|^\$ |`)(?:- run: )?(lk-migrate(?: [^`#|\n]*)?)", re.M)

#: (The help's own examples are tested with the help.)
_HELP = re.compile(r"```text\n.*?```", re.S)


def anchors(path: Path) -> set[str]:
    """The ids that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", path.read_text("utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", h.strip().lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name if p.parent == DOCS else "README")
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for target in _LINK.findall(_FENCE.sub("", path.read_text("utf-8"))):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        page = (path.parent / name).resolve() if name else path
        if not page.exists() or (anchor and anchor not in anchors(page)):
            broken.append(target)
    assert broken == []


def test_every_page_and_picture_is_linked() -> None:
    linked = {
        (path.parent / target.partition("#")[0]).resolve()
        for path in PAGES
        for target in _LINK.findall(path.read_text("utf-8"))
    }
    assert [p.name for p in DOCS.glob("*.md") if p not in linked and p.name != "README.md"] == []
    assert [p.name for p in (DOCS / "images").iterdir() if p not in linked] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name if p.parent == DOCS else "README")
def test_commands_are_commands(path: Path) -> None:
    """What is written as a command has this name and these options."""
    for line in _COMMAND.findall(_HELP.sub("", path.read_text("utf-8"))):
        words = [w for w in shlex.split(line.rstrip(" )"), comments=True) if w not in ("…", "&&")]
        if len(words) < 2 or words[1].startswith("-") or words[1] in ("COMMAND", "="):
            continue
        assert words[1] in COMMANDS, line
        load_command(words[1]).make_context(words[1], words[2:], resilient_parsing="--format" not in line)


def test_the_reference_is_what_the_commands_say() -> None:
    assert (DOCS / "commands.md").read_text("utf-8") == command_page(), (
        "python -m lk_migrate.report.command_pages writes it"
    )


RUN = [p for p in PAGES if "<!-- on: " in p.read_text("utf-8")]


@pytest.mark.parametrize("path", RUN, ids=lambda p: p.stem)
def test_what_is_shown_is_what_happens(path: Path, tmp_path: Path) -> None:
    text = path.read_text("utf-8")
    match = re.search(r"<!-- on: (\w+) -->", text)
    assert match
    folder = tmp_path / match[1]
    shutil.copytree(ROOT / "fixtures" / "legacy" / match[1], folder, ignore=shutil.ignore_patterns("__pycache__"))
    ran = 0
    for skipped, kind, block in _BLOCK.findall(text):
        if skipped:
            continue
        if kind == "diff":  # done by hand
            subprocess.run(["git", "apply"], cwd=folder, input=block.encode(), check=True)
            continue
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *shown = part.splitlines()
            arguments = shlex.split(command)[1:]
            done = in_process.run(folder, *arguments)
            assert done.returncode in (0, 3), f"{command}\n{done.stderr}"
            said = {line.strip() for line in (done.stdout + done.stderr).splitlines()}
            assert [line for line in shown if line.strip() and line.strip() not in said] == [], command
            ran += 1
    assert ran


def test_the_figures_of_the_readme_are_those_of_the_guide() -> None:
    """The guide's line is compared with a run above."""
    before, after = re.findall(
        r"^main\.py  ([\d,]+) → ([\d,]+) lines$", (DOCS / "getting-started.md").read_text("utf-8"), re.M
    )[0]
    row = next(
        line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.startswith("| `main.py` |")
    )
    assert re.findall(r"([\d,]+) lines", row) == [before, after]

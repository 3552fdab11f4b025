"""`scan` and `convert` as a person uses them: what they print, write and leave alone."""

from __future__ import annotations

import gc
import io
import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import in_process
import pytest
from rich.console import Console

from lk_migrate.cli.options import Common
from lk_migrate.cli.progress import progress
from lk_migrate.cli.streams import Streams
from lk_migrate.conversion import Outcome, Survey, settled
from lk_migrate.model import Action, Fate, FileChange, Finding, LedgerEntry, Place, Plan
from lk_migrate.options import ConvertOptions
from lk_migrate.read import read_project
from lk_migrate.report.overview import show_overview
from lk_migrate.report.terminal import moved_lines
from lk_migrate.rewrite.engine import FileResult

MAIN = b"""from livekit.agents import AgentSession

def first():
    return AgentSession(keyterms_options=TERMS, allow_interruptions=False)

def second():
    return AgentSession(keyterms_options=TERMS, stt_context_options=OTHERS)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_bytes(MAIN)
    (tmp_path / "broken.py").write_bytes(b"from livekit.agents import (\n")
    return tmp_path


def test_scan_writes_nothing_and_says_what_would_happen(project: Path) -> None:
    done = in_process.run(project, "scan")
    assert done.returncode == 0
    assert re.search(r"main\.py  early 1\.x  \d+ automatic  1 for you", done.stdout)
    assert "Files   1 to change" in done.stdout and "Left    1 for you: main.py:10" in done.stdout
    assert "Next: lk-migrate convert" in done.stderr
    assert sorted(p.name for p in project.iterdir()) == ["broken.py", "main.py"]


FIXTURES = Path(__file__).parents[2] / "fixtures"
TREES = sorted(path for path in (FIXTURES / "legacy").iterdir() if path.is_dir())


@pytest.mark.parametrize("tree", TREES, ids=lambda path: path.name)
def test_scan_counts_what_convert_does(tree: Path) -> None:
    """It does not ask where each line went, and comes to the same files, places and numbers."""
    project = read_project(tree, [])
    converted, scanned = project.plan(), project.plan(traced=False)
    shown = []
    for plan in (converted, scanned):
        text = io.StringIO()
        show_overview(plan, len(project.files), Console(file=text, width=500))
        shown.append(text.getvalue())
    assert shown[0] == shown[1]
    assert [replace(f, to=None) for f in scanned.findings] == [replace(f, to=None) for f in converted.findings]
    assert scanned.todo == converted.todo and moved_lines(scanned) == moved_lines(converted)
    same = ("changes", "skipped", "agents", "main", "editions")
    assert all(getattr(scanned, name) == getattr(converted, name) for name in same)


def test_what_moved_is_counted_by_scan() -> None:
    """Lines of which nothing is recognised in the new file stay moved, whoever asks."""
    change = FileChange("a.py", b"one = 1\ntwo = 2\n", b"one = 1\n")
    entries = [LedgerEntry(Place("a.py", 1, 1), Fate.KEPT), LedgerEntry(Place("a.py", 2, 2), Fate.MOVED, "LK127")]
    result = FileResult("a.py", change, (Finding("LK127", Action.MOVED, Place("a.py", 2, 2), "moved"),), entries)
    outcome = Outcome(Survey((), hand_rolled=False), (result,), {}, ())
    counted = [
        moved_lines(Plan(".", ledger=settled(outcome, ConvertOptions(traced=traced)).results[0].ledger))
        for traced in (True, False)
    ]
    assert counted == [1, 1]


def test_scan_asks_for_no_ledger(project: Path) -> None:
    (project / "other.py").write_bytes(MAIN.replace(b"keyterms_options=TERMS, ", b"").partition(b"def second")[0])
    plan = read_project(project, []).plan(traced=False)
    assert {entry.place.path for entry in plan.ledger} == {"main.py"}
    assert {c.path for c in plan.changes} == {"main.py", "other.py"}


def test_a_dry_run_says_the_same_as_the_run(project: Path) -> None:
    dry = in_process.run(project, "convert", "--dry-run")
    assert (project / "main.py").read_bytes() == MAIN
    wet = in_process.run(project, "convert")
    assert dry.returncode == wet.returncode == 3
    assert dry.stdout.replace("1 to change", "1 changed") == wet.stdout
    assert "Nothing was written" in dry.stderr and "lk-migrate restore" in wet.stderr


def test_nobody_looks_through_a_plan_for_garbage(project: Path) -> None:
    gc.unfreeze()
    try:
        plan = read_project(project, []).plan()
        assert gc.isenabled() and gc.get_freeze_count() > 0 and gc.get_count()[0] < gc.get_threshold()[0]
        assert not any(plan.ledger is each for each in gc.get_objects())
    finally:
        gc.unfreeze()


def test_what_is_named_is_where_the_marker_stands(project: Path) -> None:
    done = in_process.run(project, "convert")
    places = re.findall(r"Left    \d+ for you: main\.py:(\d+)$", done.stdout, re.M)
    lines = (project / "main.py").read_text().splitlines()
    assert "TODO(lk-migrate LK312)" in lines[int(places[0]) - 1]


def test_the_second_run_has_nothing_to_do_and_no_new_record(project: Path) -> None:
    in_process.run(project, "convert")
    before = sorted(p.name for p in (project / ".lk-migrate" / "ledger").iterdir())
    again = in_process.run(project, "convert")
    assert again.returncode == 3 and "Left for you (1)" in again.stdout
    assert sorted(p.name for p in (project / ".lk-migrate" / "ledger").iterdir()) == before


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def add(a, b):\n    return a + b\n", "no file speaks of LiveKit"),
        ("from livekit.agents import Agent\n\nagent = Agent(instructions='Help.')\n", "current already"),
    ],
)
def test_nothing_to_do_is_said_with_the_reason(tmp_path: Path, code: str, why: str) -> None:
    (tmp_path / "main.py").write_text(code)
    done = in_process.run(tmp_path, "convert")
    assert done.returncode == 0 and "Nothing to change" in done.stdout and why in done.stdout
    assert ("no file speaks of LiveKit" in in_process.run(tmp_path, "scan").stdout) is ("no file" in why)


def test_without_a_backup_there_is_a_ledger_nevertheless(project: Path) -> None:
    assert in_process.run(project, "convert", "--no-backup").returncode == 3
    (record,) = (project / ".lk-migrate" / "ledger").glob("*.json")
    assert json.loads(record.read_text())["backup"] is None
    assert in_process.run(project, "ledger", "main.py:4").returncode == 0


def test_quiet_says_nothing_on_stderr(project: Path) -> None:
    assert in_process.run(project, "scan", "--quiet").stderr == ""


def test_a_report_on_request(project: Path) -> None:
    done = in_process.run(project, "convert", "--dry-run", "--report", "r.html")
    assert "wrote r.html" in done.stderr
    assert (project / "r.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("columns", [80, 50])
def test_on_a_real_terminal(project: Path, columns: int) -> None:
    """Coloured, with links, and no line longer than the terminal."""
    parent, child = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "GITHUB_ACTIONS")}
    command = [sys.executable, "-m", "lk_migrate", "convert", "--dry-run", "--verbose"]
    process = subprocess.Popen(
        command,
        cwd=project,
        stdin=child,
        stdout=child,
        stderr=child,
        env=environment | {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "50", "CI": "1"},
    )
    os.close(child)
    received = b""
    while True:
        try:
            data = os.read(parent, 65536)
        except OSError:
            break
        if not data:
            break
        received += data
    os.close(parent)
    assert process.wait() == 3
    text = received.decode()
    assert "\x1b]8;" in text, "rule ids are links"
    plain = re.sub(r"\x1b\]8;[^\x1b]*\x1b\\|\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")
    result = plain[: plain.index("Nothing was written")]
    assert [line for line in result.splitlines() if len(line) > columns] == []
    assert "^^^^" in plain


def test_reading_tells_what_it_reads(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_bytes(MAIN)
    told: list[tuple[str, int, int]] = []
    read_project(tmp_path, [], lambda *what: told.append(what))
    assert told == [("looking for files", 0, 0), ("reading main.py", 0, 1)]


def test_progress_is_drawn_only_when_it_takes_long_and_goes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = Streams(Common())
    out = io.StringIO()
    monkeypatch.setattr(Streams, "live", True)
    monkeypatch.setitem(streams.__dict__, "err", Console(file=out, force_terminal=True, width=60))
    with progress(streams) as tell:
        tell("a.py", 0, 2)
    assert out.getvalue() == ""
    monkeypatch.setattr("lk_migrate.cli.progress._PATIENCE", 0)
    with progress(streams) as tell:
        tell("[bold]a.py", 1, 2)
        tell("a name that is much too long for a terminal of sixty columns.py", 2, 2)
        tell("the rest", 0, 0)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    assert "the rest" in text
    assert out.getvalue().endswith("\x1b[2K"), "the line is erased"


def test_some_files_without_some_rules(tmp_path: Path) -> None:
    """`per-file-ignores`, in the language of .gitignore; the other rules act there, and this one elsewhere."""
    code = b"from livekit.agents import AgentSession, RoomInputOptions\n\n"
    code += b"SESSION = AgentSession(allow_interruptions=False)\n"
    code += b"OPTIONS = RoomInputOptions(close_on_disconnect=False)\n"
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "desk.py").write_bytes(code)
    setting = '[project]\nname = "x"\n[tool.lk-migrate]\nper-file-ignores = { "old/" = ["LK301"], "*.txt" = ["LK3"] }\n'
    (tmp_path / "pyproject.toml").write_text(setting)
    assert in_process.run(tmp_path, "convert").returncode == 0
    old, new = ((tmp_path / name / "desk.py").read_text() for name in ("old", "new"))
    assert "allow_interruptions=False" in old and "RoomInputOptions" not in old
    assert "allow_interruptions=False" not in new and "RoomInputOptions" not in new
    for wrong in ('per-file-ignores = ["LK301"]', 'per-file-ignores = { "old/" = "LK301" }'):
        (tmp_path / "pyproject.toml").write_text(f"[tool.lk-migrate]\n{wrong}\n")
        done = in_process.run(tmp_path, "scan")
        assert done.returncode == 2 and "pyproject.toml: " in done.stderr

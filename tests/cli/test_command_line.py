"""The contract of the command line: exit codes, streams, a sentence for a mistake, a light start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import in_process
import pytest

from lk_migrate.cli import app
from lk_migrate.cli.options import Common, after_command
from lk_migrate.cli.streams import Streams
from lk_migrate.model import UserError


def run(*arguments: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lk_migrate", *arguments],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_help_and_version_go_to_stdout() -> None:
    for arguments in (["--help"], ["-h"], []):
        done = run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert all(name in done.stdout for name in app.COMMANDS)
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "lk-migrate 0.1.0\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["backup", "--help"]])
def test_nothing_heavy_is_imported_for_a_few_words(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom lk_migrate.cli.app import run\n"
        f"try:\n    run({arguments!r})\nexcept SystemExit:\n    pass\n"
        "heavy = {'libcst', 'livekit', 'jinja2', 'hypothesis', 'rich.console', 'asyncio', 'tomlkit'}\n"
        "heavy &= set(sys.modules)\n"
        "other = [n for n in sys.modules if n.startswith('lk_migrate.cli.') and n.split('.')[2] in "
        "('restore', 'convert', 'verify', 'scan', 'rules')]\n"
        "print('HEAVY', sorted(heavy), other)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert "HEAVY [] []" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["frobnicate"], "No such command 'frobnicate'; see `lk-migrate --help`."),
        (["bakup"], "backup"),
        (["--json"], "Missing command"),
        (["backup", "--frob"], "see `lk-migrate backup --help`."),
        (["backup", "--check"], "see `lk-migrate backup --help`."),
        (["backup", "nowhere"], "there is no nowhere; check the path"),
        (["backup", "--root", "nowhere"], "--root nowhere cannot be used: no such file or directory."),
        (["backup", "--all", "--list"], "give one of them"),
        (["restore"], "there is no backup in"),
        (["restore", "nope"], "there is no backup 'nope'"),
    ],
)
def test_a_mistake_is_one_line_on_stderr_and_2(tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "main.py").write_text("x = 1\n")
    done = in_process.run(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("lk-migrate: ") and done.stderr.count("\n") == 1
    assert says in done.stderr


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int | str | None, str]:
    with pytest.raises(SystemExit) as end:
        app.run(arguments)
    return end.value.code, capsys.readouterr().err


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type:
    """`lk-migrate backup` that raises `Failing.error`."""

    class Failing:
        error: BaseException = KeyError("x")

    def fail(*_: object) -> None:
        raise Failing.error

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lk_migrate.cli.backup.root_for", fail)
    return Failing


def test_our_own_mistake_says_so_and_how_to_see_more(failing: type, capsys: pytest.CaptureFixture[str]) -> None:
    code, err = outcome(capsys, "backup")
    assert code == 1 and err.count("\n") == 1
    assert "this is a bug in lk-migrate (KeyError: 'x'); run again with --debug" in err
    code, err = outcome(capsys, "backup", "--debug")
    assert code == 1 and "Traceback (most recent call last)" in err and "in fail" in err
    code, err = outcome(capsys, "--debug", "backup")
    assert "Traceback (most recent call last)" in err


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UserError("the file is wrong; fix it."), 2, "lk-migrate: the file is wrong; fix it.\n"),
        (KeyboardInterrupt(), 130, "lk-migrate: interrupted.\n"),
        (OSError(28, "No space left on device", "x"), 2, "lk-migrate: x: no space left on device.\n"),
    ],
)
def test_exit_codes(
    failing: type, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, says: str
) -> None:
    failing.error = error  # type: ignore[attr-defined]
    assert outcome(capsys, "backup") == (code, says)


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    in_process.run(tmp_path, "backup")
    command = f"{sys.executable} -m lk_migrate backup --list --json | true"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""


_ENDING = """
import atexit, sys
from lk_migrate.__main__ import main

class Held:
    def __del__(self):
        print("taken apart")

held = Held()
atexit.register(print, "registered")
sys.argv[1:] = ["backup", "nowhere"]
print("x" * 200_000)
main()
"""


def test_the_process_ends_at_once_with_all_that_is_to_be_done_and_written() -> None:
    done = subprocess.run([sys.executable, "-c", _ENDING], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.splitlines()) == (2, ["x" * 200_000, "registered"])
    assert "there is no nowhere" in done.stderr


def test_common_options_before_or_after_the_command() -> None:
    assert after_command(["--json", "--root", "x", "backup", "--list"]) == [
        "backup",
        "--json",
        "--root",
        "x",
        "--list",
    ]
    assert after_command(["--root=x", "-q", "backup"]) == ["backup", "--root=x", "-q"]
    assert after_command(["backup", "--json"]) == ["backup", "--json"]
    assert after_command(["--version"]) == ["--version"]
    assert after_command(["--json", "--help"]) == ["--help"]
    assert after_command(["--root"]) == []
    assert after_command([]) == []


def test_both_places_give_the_same_result(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("x = 1\n")
    here = Path.cwd()
    assert in_process.run(here, "backup", "--root", str(tmp_path)).returncode == 0
    before = in_process.run(here, "--root", str(tmp_path), "--json", "backup", "--list")
    after = in_process.run(here, "backup", "--list", "--json", "--root", str(tmp_path))
    assert before.stdout == after.stdout
    assert len(json.loads(before.stdout)["backups"]) == 1


def test_a_command_that_is_not_there_yet_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(app.COMMANDS, "later", ("lk_migrate.cli.later", "Not written."))
    code, err = outcome(capsys, "later")
    assert code == 2 and "`later` is not part of this build" in err


def test_streams(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    quiet, plain, loud = (Streams(Common(quiet=True)), Streams(Common()), Streams(Common(verbose=True)))
    for streams in (quiet, plain, loud):
        streams.result("result")
        streams.say("message")
        streams.detail("detail")
    quiet.warn("warning")
    captured = capsys.readouterr()
    assert captured.out == "result\n" * 3
    assert captured.err == "message\nmessage\ndetail\nlk-migrate: warning\n"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.delenv("CI", raising=False)
    assert plain.live and not quiet.live
    monkeypatch.setenv("CI", "true")
    assert not plain.live


def test_file_names_are_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    Streams(Common()).out.print("[bold]x[/bold].py :smile:")
    assert capsys.readouterr().out == "[bold]x[/bold].py :smile:\n"

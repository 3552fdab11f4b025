"""`--help` and completion: at 80 columns, with examples that are true."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import in_process
import pytest

from lk_migrate.cli.app import COMMANDS, load_command
from lk_migrate.cli.examples import EXAMPLES
from lk_migrate.verify import STAGES


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_help_fits_and_has_examples(command: str, tmp_path: Path) -> None:
    shown = in_process.run(tmp_path, *filter(None, [command]), "--help").stdout
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    assert "Examples:" in shown and ("Exit codes: 0 done" in shown or not command)


def test_the_stages_are_listed(tmp_path: Path) -> None:
    shown = in_process.run(tmp_path, "verify", "--help").stdout
    assert all(f"  {stage.name} " in shown and stage.summary in shown for stage in STAGES)


@pytest.mark.parametrize("line", [line for rows in EXAMPLES.values() for line, _ in rows])
def test_the_examples_are_command_lines(line: str) -> None:
    words = shlex.split(line.removeprefix('eval "$(').removesuffix(')"').partition(" | ")[0])
    assert words[0] == "lk-migrate"
    if words[1:]:
        load_command(words[1]).make_context(words[1], words[2:])  # a wrong option raises


def completed(*words: str) -> list[str]:
    """What bash offers for the last word."""
    environment = os.environ | {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "lk_migrate"],
        env=environment | {"_LK_MIGRATE_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["lk-migrate", "re"], ["report", "restore"]),
        (["lk-migrate", "convert", "--di"], ["--diff"]),
        (["lk-migrate", "verify", "--stage", "v"], ["voice"]),
        (["lk-migrate", "rules", "LK10"], ["LK101", "LK102"]),
    ],
)
def test_completion_offers_what_there_is(words: list[str], offered: list[str]) -> None:
    assert completed(*words) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_names_us(shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = in_process.run(tmp_path, "completion", shell)
    assert "_LK_MIGRATE_COMPLETE=complete_" + shell in done.stdout
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    assert in_process.run(tmp_path, "completion").stdout == done.stdout, "by itself it is for your shell"
    monkeypatch.setenv("SHELL", "/bin/odd")
    assert in_process.run(tmp_path, "completion").returncode == 2


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_takes_it(tmp_path: Path) -> None:
    script = in_process.run(tmp_path, "completion", "bash").stdout
    done = subprocess.run(["bash", "-c", f"{script}\ncomplete -p lk-migrate"], capture_output=True, text=True)
    assert done.returncode == 0 and "-F _lk_migrate_completion lk-migrate" in done.stdout

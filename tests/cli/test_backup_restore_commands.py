"""`lk-migrate backup` and `lk-migrate restore` as a person types them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from in_process import run

from lk_migrate.model import FileChange
from lk_migrate.project import journal
from lk_migrate.project.backup import create_backup
from lk_migrate.project.writer import apply_changes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "app"
    (root / "services").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[project]\nname = 'app'\n")
    (root / "main.py").write_text("old = 1\n")
    (root / "services" / "a.py").write_text("old = 2\n")
    (root / "notes.txt").write_text("notes\n")
    return root


def ok(root: Path, *arguments: str) -> str:
    done = run(root, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def paths(root: Path, *arguments: str) -> list[str]:
    return json.loads(ok(root, "backup", "--json", *arguments))["paths"]


def convert(root: Path) -> None:
    changes = [FileChange("main.py", b"old = 1\n", b"new = 1\n"), FileChange("calls.py", None, b"made = 1\n")]
    apply_changes(root, changes, create_backup(root, ["main.py"], reason="convert"))


def test_what_is_kept(root: Path) -> None:
    assert paths(root) == ["main.py", "pyproject.toml", "services/a.py"]
    assert paths(root, "--all") == ["main.py", "notes.txt", "pyproject.toml", "services/a.py"]
    assert paths(root, "services") == ["services/a.py"]
    assert paths(root / "services", "a.py", "../notes.txt") == ["notes.txt", "services/a.py"]


def test_backup_edit_restore(root: Path) -> None:
    made = ok(root, "backup").split(":")[0]
    assert len(ok(root, "backup", "--list").splitlines()) == 1
    (root / "main.py").write_text("edited\n")
    (root / "services" / "a.py").unlink()
    dry = run(root, "restore", "--dry-run")
    assert dry.stdout == "replace    main.py\ncreate     services/a.py\n"
    assert "would be: 1 brought back, 1 replaced." in dry.stderr
    assert (root / "main.py").read_text() == "edited\n", "a dry run writes nothing"
    done = run(root, "restore", made)
    assert (root / "main.py").read_text() == "old = 1\n"
    assert (root / "services" / "a.py").read_text() == "old = 2\n"
    undo = done.stderr.split("`lk-migrate restore ")[1].split("`")[0]
    ok(root, "restore", undo)
    assert (root / "main.py").read_text() == "edited\n" and not (root / "services" / "a.py").exists()


def test_restoring_twice_says_that_nothing_is_to_do(root: Path) -> None:
    ok(root, "backup")
    done = run(root, "restore")
    assert done.stdout == "" and "nothing to do" in done.stderr


def test_one_path_and_an_id_in_any_mix(root: Path) -> None:
    made = ok(root, "backup").split(":")[0]
    for arguments in (
        ["services/a.py"],
        [made, "services"],
        [made[-6:], "services/a.py"],
        ["latest", "services"],
    ):
        (root / "main.py").write_text("edited\n")
        (root / "services" / "a.py").unlink(missing_ok=True)
        ok(root, "restore", *arguments)
        assert (root / "services" / "a.py").read_text() == "old = 2\n"
        assert (root / "main.py").read_text() == "edited\n"
    (root / "services" / "a.py").unlink()
    ok(root / "services", "restore", "a.py")  # read from the current folder
    assert (root / "services" / "a.py").exists()
    assert "has nothing at other.py" in run(root, "restore", "other.py").stderr
    assert "is outside the project" in run(root, "restore", "../other.py").stderr


def test_created_files_go_and_edited_ones_want_force(root: Path) -> None:
    convert(root)
    (root / "calls.py").write_text("made = 1\nmine = 2\n")
    refused = run(root, "restore")
    assert refused.returncode == 2 and "calls.py, edited since; --force" in refused.stderr
    assert "wants --force" in run(root, "restore", "--dry-run").stderr
    ok(root, "restore", "--force")
    assert not (root / "calls.py").exists() and (root / "main.py").read_text() == "old = 1\n"


@pytest.mark.parametrize(("answer", "gone"), [(b"y\n", True), (b"n\n", False)])
def test_a_person_is_asked(root: Path, answer: bytes, gone: bool) -> None:
    convert(root)
    (root / "calls.py").write_text("mine\n")
    controller, terminal = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "lk_migrate", "restore"],
        cwd=root,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    os.write(controller, answer)
    code = child.wait(60)
    os.close(controller)
    assert (code, (root / "calls.py").exists()) == ((0, False) if gone else (2, True))


def test_check(root: Path) -> None:
    made = json.loads(ok(root, "backup", "--json"))
    assert "every byte is as it was kept" in run(root, "backup", "--check", "latest").stderr
    victim = next((Path(made["folder"]) / "objects").iterdir())
    victim.chmod(0o600)
    victim.write_text("damaged")
    done = run(root, "backup", "--check", made["id"])
    assert done.returncode == 1 and "are not the ones that were kept" in done.stdout
    assert len(json.loads(run(root, "backup", "--check", "latest", "--json").stdout)["damaged"]) == 1
    (root / "main.py").write_text("edited")
    assert run(root, "restore").returncode == 2
    assert (root / "main.py").read_text() == "edited"


def test_json(root: Path) -> None:
    made = json.loads(ok(root, "--json", "backup"))
    assert made["files"] == 3 and made["reason"] == "backup" and made["git"] is None
    (root / "main.py").unlink()
    plan = json.loads(ok(root, "restore", "--dry-run", "--json"))
    assert plan["applied"] is False and plan["changes"] == [{"path": "main.py", "do": "create"}]
    done = json.loads(ok(root, "restore", "--json"))
    assert done["applied"] is True and done["id"] == made["id"]
    assert [row["reason"] for row in json.loads(ok(root, "backup", "--list", "--json"))["backups"]] == [
        "backup",
        "restore",
    ]


def test_git_is_noted(root: Path) -> None:
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *arguments], cwd=root, check=True)
    clean = json.loads(ok(root, "backup", "--json"))["git"]
    assert len(clean["commit"]) == 40 and clean["dirty"] is False
    (root / "main.py").write_text("edited\n")
    assert json.loads(ok(root, "backup", "--json"))["git"] == {"commit": clean["commit"], "dirty": True}
    status = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True)
    assert ".lk-migrate" not in status.stdout


def test_an_interrupted_command_is_brought_to_its_end_and_told(root: Path) -> None:
    child = os.fork()
    if child == 0:
        journal.observer = lambda name: os.kill(os.getpid(), 9) if name == "replaced" else None
        convert(root)
    os.waitpid(child, 0)
    assert "was interrupted; the next one that writes" in run(root, "restore", "--dry-run").stderr
    done = run(root, "backup")
    assert "an earlier `lk-migrate convert` was interrupted; finished it" in done.stderr
    assert (root / "main.py").read_text() == "new = 1\n" and (root / "calls.py").exists()
    assert run(root, "backup").stderr.count("interrupted") == 0


def test_a_name_that_is_not_text(root: Path) -> None:
    (root / os.fsdecode(b"caf\xe9.py")).write_text("x\n")
    assert os.fsdecode(b"caf\xe9.py") in paths(root)
    (root / os.fsdecode(b"caf\xe9.py")).unlink()
    assert "create     'caf\\udce9.py'" in ok(root, "restore")
    assert (root / os.fsdecode(b"caf\xe9.py")).read_text() == "x\n"


def test_an_empty_project(tmp_path: Path) -> None:
    done = run(tmp_path, "backup")
    assert done.returncode == 2 and "there is nothing to back up" in done.stderr
    assert "no backups yet" in run(tmp_path, "backup", "--list").stderr
    assert list(tmp_path.iterdir()) == [], "asking leaves no trace"

"""Kill a command after any of its effects, and see what is left. Shared by the tests and bench/crash.py."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from disk_tree import Seen, look

from lk_migrate.model import FileChange
from lk_migrate.project import journal
from lk_migrate.project.backup import create_backup
from lk_migrate.project.discover import project_files
from lk_migrate.project.lock import exclusive
from lk_migrate.project.writer import apply_changes


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Run in a child that is sent SIGKILL after its effect number `step`; False when it ended before that."""
    child = os.fork()
    if child == 0:
        count = 0

        def kill(name: str) -> None:
            nonlocal count
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1

        journal.observer = kill
        try:
            work()
        except BaseException:
            os._exit(9)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the work failed by itself"
    return False


def legacy_tree(root: Path) -> None:
    """Files to change, to delete, to leave alone; a hard link, a link, a mode, a folder."""
    (root / "services").mkdir(parents=True)
    (root / "main.py").write_bytes(b"old main\r\n")
    (root / "main.py").chmod(0o755)
    (root / "services" / "a.py").write_bytes(b"old a\n")
    (root / "services" / "b.py").write_bytes(b"old b\n")
    (root / "gone.py").write_bytes(b"old gone\n")
    (root / "alias.py").symlink_to("services/b.py")
    os.link(root / "services" / "a.py", root / "twin.py")
    (root / "other.py").write_bytes(b"untouched\n")


CHANGES = (
    FileChange("main.py", b"old main\r\n", b"new main\n"),
    FileChange("services/a.py", b"old a\n", b"new a\n"),
    FileChange("alias.py", b"old b\n", b"new b\n"),
    FileChange("gone.py", b"old gone\n", None),
    FileChange("support/deep/calls.py", None, b"created\n"),
)
NEW = {
    "main.py": b"new main\n",
    "services/a.py": b"new a\n",
    "services/b.py": b"new b\n",
    "alias.py": "services/b.py",
    "support/deep/calls.py": b"created\n",
    "twin.py": b"old a\n",
    "other.py": b"untouched\n",
}


def convert(root: Path) -> None:
    """What the command does with the disk: back up, write."""
    with exclusive(root, "convert"):
        backup = create_backup(root, project_files(root).files, reason="convert")
        apply_changes(root, CHANGES, backup)


def effects(folder: Path) -> list[str]:
    """The effects of a conversion, in order, by their names; tried in a tree of its own in the folder."""
    names: list[str] = []
    root = folder / "count"
    legacy_tree(root)
    journal.observer = names.append
    try:
        convert(root)
    finally:
        journal.observer = None
        shutil.rmtree(root)
    return names


def recover(root: Path) -> None:
    """What every command that writes does first."""
    with exclusive(root, "next command"):
        pass


def is_clean(root: Path) -> bool:
    """No leftovers of ours anywhere."""
    drafts = list((root / ".lk-migrate" / "backups").glob(".draft-*"))
    return not list(root.rglob("*.tmp")) and not (root / ".lk-migrate" / "journal").exists() and not drafts


def is_old_or_new(root: Path, old: dict[str, Seen]) -> bool:
    """The old tree in every byte, mode, mtime and link; or the new one."""
    now = look(root)
    found = {path: seen.content for path, seen in now.items() if seen.kind != "folder"}
    return now == old or (found == NEW and now["main.py"].mode == 0o755)

"""One writer at a time, and the second is told who."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from crash import CHANGES, legacy_tree

from lk_migrate.model import UserError
from lk_migrate.project import journal
from lk_migrate.project.backup import create_backup
from lk_migrate.project.lock import exclusive
from lk_migrate.project.writer import apply_changes


def holding(root: Path) -> tuple[int, Callable[[], None]]:
    """A child that holds the project until told otherwise."""
    ready_out, ready_in = os.pipe()
    child = os.fork()
    if child == 0:
        with exclusive(root, "convert"):
            os.write(ready_in, b"x")
            signal.pause()
        os._exit(0)
    os.read(ready_out, 1)

    def end() -> None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    return child, end


def test_the_second_says_who_holds_it(tmp_path: Path) -> None:
    legacy_tree(tmp_path / "p")
    root = tmp_path / "p"
    child, end = holding(root)
    try:
        for work in (
            lambda: apply_changes(root, CHANGES, None),
            lambda: create_backup(root, ["main.py"]),
        ):
            with pytest.raises(UserError, match=rf"`lk-migrate convert` \(process {child}\) is writing in"):
                work()
        assert (root / "main.py").read_bytes() == b"old main\r\n"
    finally:
        end()
    apply_changes(root, CHANGES, None)  # the holder was killed: its lock went with it
    assert (root / "main.py").read_bytes() == b"new main\n"


def test_it_nests_in_one_process(tmp_path: Path) -> None:
    with exclusive(tmp_path, "convert"), exclusive(tmp_path, "backup") as inner:
        assert inner is None
        _, end = fork_tries(tmp_path)
        assert end() == 1, "the inner one must not let go of the outer's lock"
    _, end = fork_tries(tmp_path)
    assert end() == 0


def fork_tries(root: Path) -> tuple[int, Callable[[], int]]:
    child = os.fork()
    if child == 0:
        from lk_migrate.project import lock

        lock._held.clear()  # what the parent holds is not this process's
        try:
            with exclusive(root, "backup"):
                os._exit(0)
        except UserError:
            os._exit(1)
    return child, lambda: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_two_runs_at_once_are_one_after_the_other_or_refused(tmp_path: Path) -> None:
    """The first is held in the middle of its writes; the second must not see half a tree as the user's."""
    root = tmp_path / "p"
    legacy_tree(root)
    middle, go_on = threading.Event(), threading.Event()

    def wait(name: str) -> None:
        if name == "replaced":
            middle.set()
            go_on.wait(20)

    journal.observer = wait
    first = threading.Thread(target=lambda: apply_changes(root, CHANGES, None))
    first.start()
    try:
        assert middle.wait(20)
        script = (
            "import sys, pathlib\nfrom lk_migrate.project.lock import exclusive\n"
            "with exclusive(pathlib.Path(sys.argv[1]), 'backup'): pass"
        )
        second = subprocess.run([sys.executable, "-c", script, root], capture_output=True, text=True, timeout=20)
        assert f"`lk-migrate convert` (process {os.getpid()}) is writing in" in second.stderr
    finally:
        journal.observer = None
        go_on.set()
        first.join(20)
    assert (root / "main.py").read_bytes() == b"new main\n"


def test_a_lock_file_with_rubbish_in_it(tmp_path: Path) -> None:
    (tmp_path / ".lk-migrate").mkdir()
    (tmp_path / ".lk-migrate" / "lock").write_bytes(b"\xff{not json")
    with exclusive(tmp_path, "backup"):
        pass


def test_our_folder_must_be_a_folder_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    root = tmp_path / "p"
    root.mkdir()
    (root / ".lk-migrate").symlink_to("../elsewhere")
    with pytest.raises(UserError, match="must be a real folder"), exclusive(root, "backup"):
        pass
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_our_folder_hides_itself_from_git(tmp_path: Path) -> None:
    with exclusive(tmp_path, "backup"):
        pass
    assert (tmp_path / ".lk-migrate" / ".gitignore").read_text() == "*\n"


def test_a_lock_that_outlives_its_holder_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    """A command is killed between fork and exec of git: the child still has the lock."""
    root = tmp_path
    ready_out, ready_in = os.pipe()
    holder = os.fork()
    if holder == 0:
        with exclusive(root, "convert"):
            if os.fork() == 0:
                os.write(ready_in, b"x")
                time.sleep(0.5)
                os._exit(0)
            os.kill(os.getpid(), signal.SIGKILL)
    os.read(ready_out, 1)
    os.waitpid(holder, 0)
    with exclusive(root, "next"):
        pass

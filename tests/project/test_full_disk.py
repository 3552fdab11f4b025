"""A disk that is really full, at any moment: the old tree or the new one, and a next command that works all the same.

On a file system of its own, a few pages large; where that cannot be mounted, test_writing.py's failing writes remain.
"""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash import NEW, convert, effects, is_clean, is_old_or_new, killed_at, legacy_tree, recover
from disk_tree import contents, look

from lk_migrate.model import UserError
from lk_migrate.project.restore import apply_restore, plan_restore
from lk_migrate.project.snapshot import load_backup


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "lk-migrate-test", place], capture_output=True)
    if done.returncode != 0:
        pytest.skip("no file system may be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


def fill(disk: Path, leave: int) -> None:
    """Take all room but `leave` pages of 4 kB."""
    with (disk / "filler").open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC
        stream.truncate(max(0, stream.tell() - leave * 4096))


def test_converting(small_disk: Path) -> None:
    outcomes = []
    for leave in range(0, 40):
        root = small_disk / f"p{leave}"
        (small_disk / "filler").unlink(missing_ok=True)
        legacy_tree(root)
        old = look(root)
        fill(small_disk, leave)
        try:
            convert(root)
            outcomes.append("new")
            assert contents(root) == NEW
        except UserError as error:
            outcomes.append("old")
            assert "no space left" in str(error) and "\n" not in str(error)
            assert look(root) == old
        assert is_clean(root)
        subprocess.run(["rm", "-rf", root], check=True)
    assert set(outcomes) == {"old", "new"}
    assert outcomes == sorted(outcomes, reverse=True), "more room, and it failed again"


@pytest.mark.parametrize("step", range(8, 40, 3))
def test_recovering(small_disk: Path, step: int) -> None:
    """Killed, and then there is no room at all: what is needed to finish or undo was put aside before."""
    root = small_disk / "p"
    legacy_tree(root)
    old = look(root)
    killed_at(step, lambda: convert(root))
    fill(small_disk, 0)
    recover(root)
    assert is_old_or_new(root, old)


@pytest.mark.parametrize("after_commit", range(4))
def test_going_back(small_disk: Path, after_commit: int) -> None:
    """The same, and an edit since keeps us from finishing."""
    step = effects(small_disk).index("journal committed") + after_commit
    root = small_disk / "p"
    legacy_tree(root)
    old = contents(root)
    assert killed_at(step, lambda: convert(root))
    edit = {"services/b.py": b"my own edit\n"}
    (root / "services" / "b.py").write_bytes(edit["services/b.py"])
    fill(small_disk, 0)
    recover(root)
    assert contents(root) == (old if after_commit < 3 else NEW) | edit


@pytest.mark.parametrize("leave", [0, 2, 4, 8])
def test_restoring(small_disk: Path, leave: int) -> None:
    root = small_disk / "p"
    legacy_tree(root)
    old = look(root)
    convert(root)
    new = look(root)
    fill(small_disk, leave)
    with pytest.raises(UserError, match="no space left"):
        apply_restore(plan_restore(load_backup(root)))
    assert look(root) == new
    (small_disk / "filler").unlink()
    apply_restore(plan_restore(load_backup(root)))
    assert look(root) == old

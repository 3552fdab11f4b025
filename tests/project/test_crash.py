"""Killed after any effect: the tree is the old one or the new one once the next command has begun."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest
from crash import CHANGES, NEW, convert, effects, is_clean, is_old_or_new, killed_at, legacy_tree, recover
from disk_tree import contents, look

from lk_migrate.project import journal
from lk_migrate.project.backup import create_backup
from lk_migrate.project.lock import exclusive
from lk_migrate.project.restore import apply_restore, plan_restore
from lk_migrate.project.snapshot import list_backups, load_backup
from lk_migrate.project.transaction import pending
from lk_migrate.project.writer import apply_changes


def test_a_kill_at_every_step_of_convert(tmp_path: Path) -> None:
    outcomes = set()
    for step in itertools.count():
        root = tmp_path / str(step)
        legacy_tree(root)
        old = look(root)
        if not killed_at(step, lambda root=root: convert(root)):
            break
        recover(root)
        assert is_old_or_new(root, old), f"half a tree after step {step}"
        assert list_backups(root).damaged == ()
        outcomes.add(look(root) == old)
        if look(root) != old:
            apply_restore(plan_restore(load_backup(root)))
            assert look(root) == old, f"no way back after step {step}"
        create_backup(root, ["main.py"])  # also sweeps a half-made snapshot
        assert is_clean(root)
    assert step > 25, "the hook is not called"
    assert outcomes == {True, False}, "kills never reached one side of the commit"


def test_a_kill_at_every_step_of_a_recovery(tmp_path: Path) -> None:
    for first, second in itertools.product(_steps_of_writing(tmp_path), range(0, 40, 2)):
        root = tmp_path / f"{first}-{second}"
        legacy_tree(root)
        old = look(root)
        assert killed_at(first, lambda root=root: convert(root))
        again = killed_at(second, lambda root=root: recover(root))
        recover(root)
        assert is_old_or_new(root, old), f"half a tree after steps {first} and {second}"
        assert not pending(root)
        if not again:
            break


def test_a_kill_at_every_step_of_a_restore(tmp_path: Path) -> None:
    for step in itertools.count():
        root = tmp_path / str(step)
        legacy_tree(root)
        old = look(root)
        convert(root)
        backup = load_backup(root)
        ended = not killed_at(step, lambda backup=backup: apply_restore(plan_restore(backup)))
        recover(root)
        apply_restore(plan_restore(load_backup(root)))
        assert look(root) == old, f"restoring again did not help after step {step}"
        if ended:
            break
    assert step > 20


def test_recovery_says_what_it_did(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    committed = effects(tmp_path).index("journal committed")
    for root, step in ((before, committed - 1), (after, committed)):
        legacy_tree(root)
        assert killed_at(step, lambda root=root: convert(root))
        assert pending(root)
    with exclusive(before, "next") as undone, exclusive(after, "next") as finished:
        assert "interrupted; undid it" in str(undone)
        assert "interrupted; finished it" in str(finished)
    with exclusive(after, "next") as nothing:
        assert nothing is None


def test_an_edit_after_the_crash_is_not_overwritten(tmp_path: Path) -> None:
    names = effects(tmp_path)
    for number, step in enumerate(index for index, name in enumerate(names) if name == "replaced"):
        root = tmp_path / f"edit{number}"
        legacy_tree(root)
        old = contents(root)
        assert killed_at(step, lambda root=root: convert(root))
        (root / "main.py").write_bytes(b"my own edit\n")
        with exclusive(root, "next") as recovery:
            assert recovery is not None and recovery.kept == ("main.py",)
        edit = {"main.py": b"my own edit\n"}
        assert contents(root) in (NEW | edit, old | edit)


def test_a_removed_draft_is_undone(tmp_path: Path) -> None:
    """`git clean` between the crash and the next command takes our temporary files away."""
    legacy_tree(tmp_path / "p")
    old = look(tmp_path / "p")
    names = effects(tmp_path)
    assert killed_at(names.index("replaced"), lambda: convert(tmp_path / "p"))
    drafts = list((tmp_path / "p").rglob("*.tmp"))
    assert drafts
    for draft in drafts:
        draft.unlink()
    recover(tmp_path / "p")
    assert look(tmp_path / "p") == old


def test_an_interrupt_at_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C: nothing was written, or, when all of it stood already, everything."""
    sides = []
    for step in range(len(effects(tmp_path))):
        root = tmp_path / str(step)
        legacy_tree(root)
        old = look(root)
        left = step

        def interrupt(name: str) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                monkeypatch.setattr(journal, "observer", None)
                raise KeyboardInterrupt

        monkeypatch.setattr(journal, "observer", interrupt)
        with pytest.raises(KeyboardInterrupt):
            convert(root)
        assert is_old_or_new(root, old)
        sides.append(look(root) == old)
        recover(root)
        assert (look(root) == old) is sides[-1], "what was told is not what is"
        assert is_clean(root)
    assert sides == sorted(sides, reverse=True) and sides.count(False) == 1


def test_an_interrupt_while_the_journal_is_swept_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    legacy_tree(tmp_path / "p")
    old = look(tmp_path / "p")

    def interrupted(folder: Path) -> None:
        next(folder.glob("old-*")).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(shutil, "rmtree", interrupted)
        apply_changes(tmp_path / "p", CHANGES, None)
    assert is_old_or_new(tmp_path / "p", old)
    recover(tmp_path / "p")
    assert is_clean(tmp_path / "p")


def _steps_of_writing(tmp_path: Path) -> list[int]:
    names = effects(tmp_path)
    wanted = ("staged", "journal committed", "replaced", "removed", "journal removed")
    return sorted({names.index(name) for name in wanted} | {names.index("replaced") + 2})

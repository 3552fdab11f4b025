"""What lies in `.lk-migrate` may have come with the project from anybody: it is checked before it is used."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crash import convert, killed_at, legacy_tree
from disk_tree import look

from lk_migrate.model import UserError
from lk_migrate.project.backup import create_backup
from lk_migrate.project.lock import exclusive
from lk_migrate.project.restore import apply_restore, plan_restore
from lk_migrate.project.snapshot import Backup, check_backup, list_backups, load_backup

HASH = "0" * 64


@pytest.fixture
def made(tmp_path: Path) -> Backup:
    legacy_tree(tmp_path / "p")
    (tmp_path / "outside").mkdir()
    return create_backup(tmp_path / "p", ["main.py", "services/b.py", "other.py"])


def tamper(path: Path, change: Callable[[Any], object]) -> None:
    data = json.loads(path.read_bytes())
    change(data)
    path.write_text(json.dumps(data))


def entry(path: str, **more: object) -> dict[str, object]:
    return {"path": path, "mode": 0o644, "mtime_ns": 0, "size": 0, "sha256": HASH, **more}


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["entries"].append(entry("/etc/cron.d/x")),
        lambda data: data["entries"].append(entry("../outside/x")),
        lambda data: data["entries"].append(entry("services/../../outside/x")),
        lambda data: data["entries"].append(entry("")),
        lambda data: data["entries"].append(entry("./x")),
        lambda data: data["entries"].append(entry("a//b")),
        lambda data: data["entries"].append(entry("a\0b")),
        lambda data: data["entries"].append(entry(7)),  # type: ignore[arg-type]
        lambda data: data["entries"].append(entry(".git/hooks/post-checkout")),
        lambda data: data["entries"].append(entry("sub/.git/config")),
        lambda data: data["entries"].append(entry(".lk-migrate/lock")),
        lambda data: data["entries"].append(entry("out/x.py")),
        # a link from the manifest as a bridge for the next entry
        lambda data: data["entries"].extend([entry("n", target="../outside"), entry("n/x.py")]),
        lambda data: data["entries"].append(data["entries"][0]),
        lambda data: data["entries"].append(entry("x.py", sha256="../../../etc/passwd")),
        lambda data: data["entries"].append(entry("x.py", sha256=None)),
        lambda data: data["entries"].append(entry("x.py", mode=0o107777)),
        lambda data: data["entries"].append(entry("x.py", mode="rw")),
        lambda data: data["entries"].append(entry("x.py", mode=True)),
        lambda data: data["entries"].append(entry("x.py", mtime_ns=1.5)),
        lambda data: data["entries"].append(entry("x.py", size=-1)),
        lambda data: data["entries"].append(entry("x.py", target="a\0b")),
        lambda data: data["entries"].append(entry("x.py", target="")),
        lambda data: data["entries"].append(entry("x.py", same_as="/etc/passwd")),
        lambda data: data["entries"].append(entry("x.py", surprise=1)),
        lambda data: data["entries"].append("x.py"),
        lambda data: data.update(folders={"../outside": 0o777}),
        lambda data: data.update(folders={"services": "x"}),
        lambda data: data.update(entries=None),
        lambda data: data.update(format=99),
        lambda data: data.update(created="yesterday"),
        lambda data: data.pop("reason"),
    ],
)
def test_a_manifest_that_is_not_ours(made: Backup, change: Callable[[Any], object]) -> None:
    (made.root / "out").symlink_to("../outside")
    tamper(made.folder / "manifest.json", change)
    before, outside = look(made.root), look(made.root.parent / "outside")
    with pytest.raises(UserError, match=r"is (damaged|not trusted)") as error:
        load_backup(made.root, made.id)
    assert "\n" not in str(error.value)
    assert [skipped.path for skipped in list_backups(made.root).damaged] == [made.id]
    with pytest.raises(UserError):
        load_backup(made.root)
    assert (look(made.root), look(made.root.parent / "outside")) == (before, outside)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 100_000, "{}"])
def test_a_manifest_that_is_rubbish(made: Backup, text: str) -> None:
    (made.folder / "manifest.json").write_text(text)
    with pytest.raises(UserError, match="is damaged"):
        load_backup(made.root, made.id)


def test_a_manifest_that_is_gone_or_a_link(made: Backup) -> None:
    (made.folder / "manifest.json").rename(made.root.parent / "m.json")
    with pytest.raises(UserError, match=r"has no manifest\.json"):
        load_backup(made.root, made.id)
    (made.folder / "manifest.json").symlink_to(made.root.parent / "m.json")
    with pytest.raises(UserError, match="is damaged"):
        load_backup(made.root, made.id)


@pytest.mark.parametrize("part", ["", "objects"])
def test_a_snapshot_that_lies_elsewhere(made: Backup, part: str) -> None:
    """Bytes from behind a link are not ours, and what is there may change between check and use."""
    (made.folder / part).rename(made.root.parent / "elsewhere")
    (made.folder / part).symlink_to(made.root.parent / "elsewhere")
    with pytest.raises(UserError, match="a part of it is a symbolic link"):
        load_backup(made.root, made.id)


def hurt_flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def hurt_cut(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])


def hurt_remove(path: Path) -> None:
    path.unlink()


def hurt_link(path: Path) -> None:
    """The right bytes, but through a link: what it leads to may change between check and use."""
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def hurt_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("hurt", [hurt_flip, hurt_cut, hurt_remove, hurt_link, hurt_pipe])
def test_a_damaged_snapshot_overwrites_nothing(made: Backup, hurt: Callable[[Path], None]) -> None:
    victim = next(entry for entry in made.entries if entry.path == "services/b.py")
    hurt(made.object(victim))
    for path in ("main.py", "services/b.py", "other.py"):
        (made.root / path).write_bytes(b"edited\n")
    before = look(made.root)
    damaged = check_backup(load_backup(made.root))
    assert [skipped.path for skipped in damaged] == ["services/b.py"]
    with pytest.raises(UserError, match=r"is damaged, nothing was changed: services/b\.py: "):
        apply_restore(plan_restore(load_backup(made.root)))
    assert look(made.root) == before


def test_notes_that_are_not_ours(tmp_path: Path) -> None:
    legacy_tree(tmp_path / "p")
    root = tmp_path / "p"
    convert(root)
    backup = load_backup(root)
    (tmp_path / "precious").write_text("x")
    for change in (
        lambda data: data["files"].update({"../precious": None}),
        lambda data: data["files"].update({"/etc/hosts": "sha256:0"}),
        lambda data: data["files"].update({"main.py": 7}),
        lambda data: data["folders"].append("../"),
        lambda data: data.update(files=[1]),
    ):
        keep = (backup.folder / "written.json").read_bytes()
        tamper(backup.folder / "written.json", change)
        before = look(root)
        with pytest.raises(UserError, match=r"is damaged: written\.json"):
            plan_restore(backup)
        assert look(root) == before
        (backup.folder / "written.json").write_bytes(keep)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["steps"][0].update(path="../outside/x.py"),
        lambda data: data["steps"][0].update(path="/etc/hosts"),
        lambda data: data["steps"][0].update(path=".git/config"),
        lambda data: data["steps"][0].update(path="out/x.py"),
        lambda data: data["steps"][0].update(path=".lk-migrate/backups/../../../x/written.json"),
        lambda data: data["steps"][0].update(temporary="../../outside/x"),
        lambda data: data["steps"][0].update(temporary="other.py"),
        lambda data: data["steps"][0].update(old="../../other.py"),
        lambda data: data["steps"][0].pop("old"),
        lambda data: data["made"].update({"../outside": 0o777}),
        lambda data: data["emptied"].append("../outside"),
        lambda data: data.update(state="whatever"),
        lambda data: data.update(format=2),
        lambda data: data.clear(),
    ],
)
def test_a_journal_that_is_not_ours(tmp_path: Path, change: Callable[[Any], object]) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    (tmp_path / "outside").mkdir()
    assert any(
        killed_at(step, lambda: convert(root)) and (root / ".lk-migrate/journal/journal.json").exists()
        for step in range(10, 40)
    )
    (root / "out").symlink_to("../outside")
    tamper(root / ".lk-migrate" / "journal" / "journal.json", change)
    before, outside = look(root), look(tmp_path / "outside")
    with pytest.raises(UserError, match="the journal of an interrupted command"), exclusive(root, "backup"):
        pass
    assert (look(root), look(tmp_path / "outside")) == (before, outside)

"""Backup and restore give back every byte, mode, mtime and link, on trees that nobody thought of."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from crash import CHANGES, NEW, convert, legacy_tree
from disk_tree import contents, look
from hypothesis import given, settings
from hypothesis import strategies as st

from lk_migrate.model import FileChange, UserError
from lk_migrate.project.backup import create_backup
from lk_migrate.project.discover import project_files
from lk_migrate.project.restore import Do, apply_restore, plan_restore
from lk_migrate.project.snapshot import check_backup, find_backups, list_backups, load_backup
from lk_migrate.project.writer import apply_changes

NAMES = ["a.py", "b c.py", "ü.py", "new\nline.py", os.fsdecode(b"\xff\xfe.py"), "[x].py"]
FOLDERS = ["", "d/", "d/e/", "ö ö/"]
PATHS = st.builds(str.__add__, st.sampled_from(FOLDERS), st.sampled_from(NAMES))
FILE = st.tuples(
    st.binary(max_size=40),
    st.sampled_from([0o644, 0o600, 0o755, 0o444, 0o400, 0o666]),
    st.integers(min_value=0, max_value=2**62),
)
TREE = st.dictionaries(PATHS, FILE, max_size=10)
LINKS = st.dictionaries(PATHS, st.sampled_from(["a.py", "../a.py", "gone", "d", "/etc/passwd", "."]), max_size=3)
TWINS = st.lists(st.tuples(PATHS, PATHS), max_size=4)
MUTATION = st.tuples(st.sampled_from(["write", "delete", "mode", "touch", "unlink", "link", "folder"]), PATHS)


def grow(
    root: Path,
    tree: dict[str, tuple[bytes, int, int]],
    links: dict[str, str],
    twins: list[tuple[str, str]],
) -> None:
    for path, (data, mode, mtime_ns) in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
        (root / path).chmod(mode)
        os.utime(root / path, ns=(mtime_ns, mtime_ns))
    for path, target in links.items():
        if not os.path.lexists(root / path):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).symlink_to(target)
    for one, other in twins:
        if one in tree and not os.path.lexists(root / other):
            (root / other).parent.mkdir(parents=True, exist_ok=True)
            os.link(root / one, root / other)


def mutate(root: Path, what: str, path: str) -> None:
    """Something that a person, a tool or a crash may do; never a new file, which a restore leaves alone."""
    full = root / path
    if not os.path.lexists(full):
        return
    if what == "write" and not full.is_symlink():
        full.chmod(0o644)
        full.write_bytes(b"mutated")
    elif what == "delete":
        full.unlink()
    elif what == "mode" and not full.is_symlink():
        full.chmod(0o640)
    elif what == "touch" and not full.is_symlink():
        os.utime(full, ns=(5, 5))
    elif what == "unlink" and not full.is_symlink():  # the same bytes, a file of its own
        data = full.read_bytes()
        full.unlink()
        full.write_bytes(data)
    elif what == "link":
        full.unlink()
        full.symlink_to("elsewhere")
    elif what == "folder" and full.parent != root:
        shutil.rmtree(full.parent)


@settings(max_examples=120, deadline=None)
@given(TREE, LINKS, TWINS, st.lists(MUTATION, max_size=8))
def test_backup_mutate_restore_is_identity(
    tmp_path_factory: pytest.TempPathFactory,
    tree: dict[str, tuple[bytes, int, int]],
    links: dict[str, str],
    twins: list[tuple[str, str]],
    mutations: list[tuple[str, str]],
) -> None:
    root = tmp_path_factory.mktemp("tree")
    grow(root, tree, links, twins)
    old = look(root)
    backup = create_backup(root, project_files(root).files)
    assert look(root) == old, "making a snapshot changed the tree"
    for what, path in mutations:
        mutate(root, what, path)
    mutated = look(root)
    done = apply_restore(plan_restore(load_backup(root, backup.id)))
    assert look(root) == old
    assert plan_restore(backup).changes == ()
    if done.undo is not None:  # and the way back from the way back
        apply_restore(plan_restore(done.undo))
        now = look(root)
        assert {path: now[path] for path in mutated if path in now and now[path].kind != "folder"} == {
            path: seen for path, seen in mutated.items() if seen.kind != "folder"
        }


def test_restore_undoes_a_conversion_and_back(tmp_path: Path) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    old = look(root)
    convert(root)
    assert contents(root) == NEW
    done = apply_restore(plan_restore(load_backup(root)))
    assert look(root) == old
    assert done.undo is not None
    apply_restore(plan_restore(done.undo))
    assert contents(root) == NEW
    apply_restore(plan_restore(load_backup(root)))
    assert look(root) == old


def test_an_early_partial_snapshot_goes_back_before_the_conversion(tmp_path: Path) -> None:
    """It holds one file only; half a conversion undone would be a project that does not run."""
    root = tmp_path / "p"
    legacy_tree(root)
    old = look(root)
    early = create_backup(root, ["services/a.py"])
    convert(root)
    apply_restore(plan_restore(early))
    assert look(root) == old


def test_the_persons_other_work_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    convert(root)
    (root / "mine.py").write_bytes(b"mine")
    (root / "support" / "mine.py").write_bytes(b"mine too")
    apply_restore(plan_restore(load_backup(root)))
    now = contents(root)
    assert (now["mine.py"], now["support/mine.py"]) == (b"mine", b"mine too")
    assert "support/deep/calls.py" not in now and not (root / "support" / "deep").exists()


def test_an_empty_folder_of_the_persons_own_stays(tmp_path: Path) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    (root / "support").mkdir()
    old = look(root)
    convert(root)
    apply_restore(plan_restore(load_backup(root)))
    assert look(root) == old


def test_a_created_file_that_was_edited_needs_force(tmp_path: Path) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    old = look(root)
    convert(root)
    (root / "support" / "deep" / "calls.py").write_bytes(b"created, and then some of my own\n")
    converted = look(root)
    plan = plan_restore(load_backup(root))
    assert plan.edited == ("support/deep/calls.py",)
    with pytest.raises(UserError, match=r"convert created support/deep/calls\.py, edited since; --force"):
        apply_restore(plan)
    assert look(root) == converted
    done = apply_restore(plan, force=True)
    assert look(root) == old
    assert done.undo is not None
    kept = {entry.path: done.undo.object(entry).read_bytes() for entry in done.undo.entries if entry.sha256}
    assert kept["support/deep/calls.py"] == b"created, and then some of my own\n"


def test_a_file_that_took_the_place_of_a_removed_one_is_the_persons(tmp_path: Path) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    convert(root)
    backup = load_backup(root)
    apply_restore(plan_restore(backup))
    (root / "support" / "deep").mkdir(parents=True)
    (root / "support" / "deep" / "calls.py").write_bytes(b"my own now\n")
    plan = plan_restore(backup)
    assert plan.changes == () and plan.edited == ()


def test_some_paths_only(tmp_path: Path) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    old = contents(root)
    convert(root)
    apply_restore(plan_restore(load_backup(root), ["services", "gone.py"]))
    now = contents(root)
    assert now["services/a.py"] == b"old a\n" and now["gone.py"] == b"old gone\n"
    assert now["main.py"] == b"new main\n" and now["support/deep/calls.py"] == b"created\n"
    assert (root / "twin.py").samefile(root / "services" / "a.py"), "the other name of a hard link comes along"
    with pytest.raises(UserError, match=r"has nothing at nowhere\.py"):
        plan_restore(load_backup(root), ["nowhere.py"])
    apply_restore(plan_restore(load_backup(root)))
    assert contents(root) == old


def test_a_folder_in_a_files_place_is_not_destroyed(tmp_path: Path) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    backup = create_backup(root, ["main.py", "other.py"])
    (root / "main.py").unlink()
    (root / "main.py").mkdir()
    (root / "main.py" / "precious.txt").write_text("x")
    with pytest.raises(UserError, match=r"main\.py was a file and is none now"):
        plan_restore(backup)


def test_a_file_in_a_folders_place_is_not_destroyed(tmp_path: Path) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    backup = create_backup(root, ["services/b.py", "other.py"])
    shutil.rmtree(root / "services")
    (root / "services").write_text("precious")
    (root / "other.py").write_text("changed")
    before = look(root)
    with pytest.raises(UserError, match="cannot write in services: "):
        apply_restore(plan_restore(backup))
    assert look(root) == before


def test_a_plan_that_is_out_of_date_does_nothing(tmp_path: Path) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    backup = create_backup(root, ["main.py"])
    (root / "main.py").write_bytes(b"one edit")
    plan = plan_restore(backup)
    (root / "main.py").write_bytes(b"another edit")
    with pytest.raises(UserError, match="was changed by another program"):
        apply_restore(plan)
    assert (root / "main.py").read_bytes() == b"another edit"


def test_a_folder_comes_back_with_its_mode(tmp_path: Path) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    (root / "services").chmod(0o700)
    old = look(root)
    backup = create_backup(root, project_files(root).files)
    shutil.rmtree(root / "services")
    apply_restore(plan_restore(backup))
    assert look(root) == old


def test_what_the_manifest_says(tmp_path: Path) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    made = create_backup(root, project_files(root).files, reason="convert")
    loaded = load_backup(root, made.id)
    assert loaded == made
    entries = {entry.path: entry for entry in loaded.entries}
    assert entries["twin.py"].same_as == "services/a.py"
    assert entries["alias.py"].target == "services/b.py"
    assert entries["main.py"].mode == 0o755 and entries["main.py"].size == 10
    assert (loaded.version, loaded.reason) == ("0.1.0", "convert")
    assert check_backup(loaded) == ()


def test_a_link_brings_its_target_along(tmp_path: Path) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    made = create_backup(root, ["alias.py"])
    assert [entry.path for entry in made.entries] == ["alias.py", "services/b.py"]
    apply_changes(root, [FileChange("alias.py", b"old b\n", b"new b\n")], made)


def test_finding_a_snapshot(tmp_path: Path) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    with pytest.raises(UserError, match=r"there is no backup in .*; `lk-migrate backup` makes one"):
        load_backup(root)
    first = create_backup(root, ["main.py"])
    second = create_backup(root, ["other.py"])
    assert [made.id for made in list_backups(root).backups] == [first.id, second.id]
    assert load_backup(root).id == second.id
    assert load_backup(root, "latest").id == second.id
    assert load_backup(root, first.id.rpartition("-")[2]).id == first.id
    assert find_backups(root, first.id[:4]) == tuple(sorted([first.id, second.id]))
    with pytest.raises(UserError, match="2 backups match"):
        load_backup(root, first.id[:4])
    with pytest.raises(UserError, match="there is no backup 'nope'"):
        load_backup(root, "nope")
    create_backup(root, ["main.py"], reason="restore")
    assert load_backup(root).id == second.id, "undoing an undo is never the default"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("gone.txt", "gone.txt: no such file"),
        ("pipe", "pipe is not a file"),
        ("../outside", "is not a plain path"),
        ("out/x.py", "leads out of the project"),
    ],
)
def test_what_cannot_be_kept(tmp_path: Path, path: str, says: str) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.py").write_text("")
    (root / "out").symlink_to("../outside")
    os.mkfifo(root / "pipe")
    with pytest.raises(UserError, match=says):
        create_backup(root, ["main.py", path])
    assert list_backups(root).backups == ()
    assert list((root / ".lk-migrate" / "backups").iterdir()) == []


def test_a_large_file(tmp_path: Path) -> None:
    data = os.urandom(1 << 20) * 100
    (tmp_path / "big.py").write_bytes(data)
    backup = create_backup(tmp_path, ["big.py"])
    apply_changes(tmp_path, [FileChange("big.py", data, b"small")], backup)
    apply_restore(plan_restore(backup))
    assert (tmp_path / "big.py").read_bytes() == data


def test_conversions_and_restores_in_any_order(tmp_path: Path) -> None:
    root = tmp_path / "p"
    legacy_tree(root)
    old = look(root)
    for _ in range(3):
        convert(root)
        assert contents(root) == NEW
        apply_restore(plan_restore(load_backup(root)))
        assert look(root) == old
    first = list_backups(root).backups[0]
    apply_changes(root, CHANGES, None)
    (root / "support" / "deep" / "calls.py").unlink()
    apply_restore(plan_restore(first))
    assert contents(root) == {path: seen.content for path, seen in old.items() if seen.kind != "folder"}
    assert {action.do for action in plan_restore(first).actions} == {Do.NOTHING}

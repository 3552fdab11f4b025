"""The one write path: what it refuses, what it keeps, and that a failure leaves the tree as it was."""

from __future__ import annotations

import os
import resource
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from crash import CHANGES, NEW, is_clean, legacy_tree
from disk_tree import contents, look

from lk_migrate.model import FileChange, UserError
from lk_migrate.project import journal
from lk_migrate.project.backup import create_backup
from lk_migrate.project.discover import project_files
from lk_migrate.project.restore import apply_restore, plan_restore
from lk_migrate.project.writer import Applied, apply_changes

B = "services/b.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    legacy_tree(tmp_path / "p")
    return tmp_path / "p"


def refused(root: Path, *changes: FileChange) -> str:
    """The sentence; and nothing at all has changed."""
    before = look(root)
    with pytest.raises(UserError) as error:
        apply_changes(root, changes, None)
    assert look(root) == before
    assert is_clean(root)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_everything_is_written(root: Path) -> None:
    applied = apply_changes(root, CHANGES, create_backup(root, project_files(root).files))
    assert contents(root) == NEW
    assert applied == Applied(
        created=("support/deep/calls.py",),
        changed=("main.py", "services/a.py", "alias.py"),
        deleted=("gone.py",),
        unlinked=("services/a.py",),
    )
    assert is_clean(root)


def test_nothing_to_do_writes_nothing(root: Path) -> None:
    before = look(root)
    assert apply_changes(root, [FileChange("other.py", b"untouched\n", b"untouched\n")], None) == Applied()
    assert look(root) == before


def test_modes_stay_and_links_stay_links(root: Path) -> None:
    (root / "services" / "b.py").chmod(0o640)
    apply_changes(root, CHANGES, None)
    assert stat.S_IMODE((root / "main.py").stat().st_mode) == 0o755
    assert stat.S_IMODE((root / "services" / "b.py").stat().st_mode) == 0o640
    assert (root / "alias.py").is_symlink()
    umask = os.umask(0o027)
    try:
        apply_changes(root, [FileChange("fresh.py", None, b"")], None)
    finally:
        os.umask(umask)
    assert stat.S_IMODE((root / "fresh.py").stat().st_mode) == 0o640


def test_owner_and_extended_attributes_stay(root: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root may give a file away")
    os.chown(root / "main.py", 12345, 54321)
    try:
        os.setxattr(root / "main.py", "user.note", b"kept")
    except OSError:
        pytest.skip("no extended attributes on this file system")
    apply_changes(root, [FileChange("main.py", b"old main\r\n", b"new")], None)
    info = (root / "main.py").stat()
    assert (info.st_uid, info.st_gid) == (12345, 54321)
    assert os.getxattr(root / "main.py", "user.note") == b"kept"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (FileChange("main.py", b"what it was a minute ago", b"x"), "main.py was changed since it was read"),
        (FileChange("nowhere.py", b"a", b"b"), "nowhere.py is gone since it was read"),
        (FileChange("main.py", None, b"x"), "main.py came to be since we looked"),
        (FileChange("/etc/motd", None, b"x"), "is not a plain path"),
        (FileChange("../x.py", None, b"x"), "is not a plain path"),
        (FileChange("a/../../x.py", None, b"x"), "is not a plain path"),
        (FileChange("", None, b"x"), "is not a path"),
        (FileChange("a\0b", None, b"x"), "is not a path"),
        (FileChange(".git/hooks/pre-commit", None, b"x"), "never writes to"),
        (FileChange(".lk-migrate/lock", None, b"x"), "never writes to"),
        (FileChange("main.py/x.py", None, b"x"), "cannot write in main.py"),
        (FileChange("services", None, b"x"), "services came to be since we looked"),
    ],
)
def test_refused(root: Path, change: FileChange, says: str) -> None:
    assert says in refused(root, FileChange("other.py", b"untouched\n", b"touched\n"), change)


def test_never_through_a_link_that_leaves_the_root(root: Path) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "x.py").write_bytes(b"theirs")
    (root / "file.py").symlink_to("../outside/x.py")
    (root / "folder").symlink_to("../outside")
    (root / "dangling.py").symlink_to("../outside/new.py")
    for change in (
        FileChange("file.py", b"theirs", b"x"),
        FileChange("folder/x.py", b"theirs", b"x"),
        FileChange("folder/new.py", None, b"x"),
        FileChange("dangling.py", None, b"x"),
    ):
        assert "leads out of the project" in refused(root, change)
    assert contents(outside) == {"x.py": b"theirs"}


@pytest.mark.parametrize("moment", ["before", "staged", "journal committed"])
@pytest.mark.parametrize("kind", ["gone", "special", "folder", "link"])
def test_a_file_that_vanishes(root: Path, monkeypatch: pytest.MonkeyPatch, kind: str, moment: str) -> None:
    """And what comes in its place is neither followed nor overwritten."""
    outside = root.parent / "outside.py"
    outside.write_bytes(b"old b\n")
    target = root / "services" / "b.py"

    def meddle(name: str) -> None:
        if name == moment:
            monkeypatch.setattr(journal, "observer", None)
            target.unlink()
            if kind == "special":
                os.mkfifo(target)
            elif kind == "folder":
                target.mkdir()
            elif kind == "link":
                target.symlink_to("../../outside.py")

    old = contents(root)
    if moment == "before":
        meddle("before")
    monkeypatch.setattr(journal, "observer", meddle)
    with pytest.raises(UserError, match=r"services/b\.py") as error:
        apply_changes(root, [c for c in CHANGES if c.path != "alias.py"] + [FileChange(B, b"old b\n", b"x")], None)
    assert "\n" not in str(error.value)
    assert outside.read_bytes() == b"old b\n"
    found = look(root).pop(B, None)
    assert (found.kind if found else "gone") == kind
    assert {p: c for p, c in contents(root).items() if p != B} == {p: c for p, c in old.items() if p != B}
    monkeypatch.undo()
    assert is_clean(root)


def test_a_link_into_git_is_refused(root: Path) -> None:
    (root / ".git").mkdir()
    (root / ".git" / "config").write_bytes(b"x")
    (root / "innocent.py").symlink_to(".git/config")
    assert "never writes to" in refused(root, FileChange("innocent.py", b"x", b"y"))


def test_one_file_by_two_names(root: Path) -> None:
    says = refused(root, FileChange("alias.py", b"old b\n", b"1"), FileChange("services/b.py", b"old b\n", b"2"))
    assert "alias.py and services/b.py are the same file" in says


def test_a_read_only_file(root: Path) -> None:
    (root / "main.py").chmod(0o444)
    assert "main.py is read-only; nothing was written: chmod u+w" in refused(root, *CHANGES)


def test_a_backup_must_hold_what_goes(root: Path) -> None:
    partial = create_backup(root, ["main.py"])
    with pytest.raises(UserError, match=r"services/a\.py is not in backup"):
        apply_changes(root, CHANGES, partial)
    stale = create_backup(root, project_files(root).files)
    (root / "main.py").write_bytes(b"edited after the backup")
    with pytest.raises(UserError, match=r"main\.py is not in backup .* as it is"):
        apply_changes(root, [FileChange("main.py", b"edited after the backup", b"x")], stale)
    assert (root / "main.py").read_bytes() == b"edited after the backup"


@pytest.mark.parametrize("moment", ["staged", "journal committed", "replaced"])
def test_a_file_that_changes_while_we_write(root: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    old = contents(root)

    names: list[str] = []

    def meddle(name: str) -> None:
        if name == moment and moment not in names:
            (root / "services" / "a.py").write_bytes(b"edited meanwhile\n")
        names.append(name)

    monkeypatch.setattr(journal, "observer", meddle)
    (root / "twin.py").unlink()
    with pytest.raises(UserError, match=r"services/a\.py was changed by another program"):
        apply_changes(root, CHANGES, None)
    del old["twin.py"]
    assert contents(root) == old | {"services/a.py": b"edited meanwhile\n"}
    assert is_clean(root)
    assert ("journal committed" in names) is (moment != "staged"), "seen before anything is promised"


def test_odd_names(tmp_path: Path) -> None:
    names = [
        os.fsdecode(b"caf\xe9.py"),
        "two\nlines.py",
        " lead.py",
        "[bold].py",
        "ünï/cödé.py",
        "-rf.py",
        "a\\b.py",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"old\n")
    old = look(tmp_path)
    backup = create_backup(tmp_path, project_files(tmp_path).files)
    apply_changes(tmp_path, [FileChange(name, b"old\n", b"new\n") for name in names], backup)
    assert set(contents(tmp_path).values()) == {b"new\n"}
    apply_restore(plan_restore(backup))
    assert look(tmp_path) == old


def test_a_long_name(tmp_path: Path) -> None:
    name = "x" * 252 + ".py"  # no room for a suffix on the same name
    (tmp_path / name).write_bytes(b"old")
    apply_changes(tmp_path, [FileChange(name, b"old", b"new")], None)
    assert contents(tmp_path) == {name: b"new"}


# --- failures of the machine, for real, in a child of our own


def in_child(limit: Callable[[], None], work: Callable[[], object]) -> str:
    """The UserError's sentence from a child process with a limit."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            limit()
            work()
            os.write(writer, b"no error")
        except UserError as error:
            os.write(writer, str(error).encode())
        except BaseException as error:
            os.write(writer, f"not a UserError: {error!r}".encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return text


def test_a_full_disk(root: Path) -> None:
    old = look(root)

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    changes = [*CHANGES, FileChange("big.py", None, b"x" * 60_000)]
    says = in_child(small_files_only, lambda: apply_changes(root, changes, None))
    assert (
        says == "there is no room to write in the project's folder (file too large); all is as it was: "
        "make room, run again."
    )
    assert look(root) == old
    assert is_clean(root)


def test_a_full_disk_during_the_backup(root: Path) -> None:
    (root / "big.py").write_bytes(b"x" * 60_000)

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    says = in_child(small_files_only, lambda: create_backup(root, ["main.py", "big.py"]))
    assert says == "the backup could not be made: file too large; nothing was changed."
    assert list((root / ".lk-migrate" / "backups").iterdir()) == []


@pytest.fixture
def shared_root() -> Iterator[Path]:
    """A tree that another user can reach (pytest's own folders are private)."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "p"
        legacy_tree(root)
        for path in (root.parent, root, *root.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o777)
        yield root


def as_nobody() -> None:
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


@pytest.mark.parametrize("folder", ["services", "."])
def test_a_read_only_folder(shared_root: Path, folder: str) -> None:
    changes = [
        FileChange("services/a.py", b"old a\n", b"new a\n"),
        FileChange("other.py", b"untouched\n", b"touched\n"),
    ]
    (shared_root / ".lk-migrate").mkdir(mode=0o777)
    (shared_root / ".lk-migrate").chmod(0o777)
    (shared_root / folder).chmod(0o555)
    old = look(shared_root)
    says = in_child(as_nobody, lambda: apply_changes(shared_root, changes, None))
    where = "services" if folder == "services" else "the project's folder"
    assert says == f"cannot write in {where}: permission denied; all is as it was."
    assert look(shared_root) == old
    (shared_root / folder).chmod(0o777)
    assert is_clean(shared_root)


def test_no_place_for_our_own_folder(shared_root: Path) -> None:
    shared_root.chmod(0o555)
    says = in_child(as_nobody, lambda: create_backup(shared_root, ["main.py"]))
    assert says.startswith("cannot keep backups in ") and says.endswith(": permission denied.")
    shared_root.chmod(0o777)


def test_an_unreadable_file_in_the_backup(shared_root: Path) -> None:
    (shared_root / "main.py").chmod(0)
    says = in_child(as_nobody, lambda: create_backup(shared_root, ["other.py", "main.py"]))
    assert says == f"the backup could not be made: {shared_root}/main.py: permission denied; nothing was changed."


def test_what_is_promised_is_on_the_disk_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No kill shows it, only a power cut: new bytes are flushed before the commit, names before the journal goes."""
    flushed: list[str] = []
    seen: dict[str, set[str]] = {}
    fsync = os.fsync

    def record(handle: int) -> None:
        flushed.append(os.path.relpath(Path(f"/proc/self/fd/{handle}").readlink(), root))
        fsync(handle)

    def note(name: str) -> None:
        seen.setdefault(name, set(flushed))
        if name in ("replaced", "removed"):
            flushed.clear()

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("there is no telling what a handle stands for")
    monkeypatch.setattr(os, "fsync", record)
    monkeypatch.setattr(journal, "observer", note)
    apply_changes(root, CHANGES, create_backup(root, project_files(root).files))
    before = seen["journal committed"]
    written = [*(c.path for c in CHANGES if c.after is not None), "the note in the snapshot"]
    assert len([path for path in before if path.endswith(".tmp")]) == len(written)
    assert {".", "services", "support/deep", "support", ".lk-migrate/journal"} <= before
    assert any(path.endswith("/manifest.json") or "objects" in path for path in before), "the snapshot"
    assert {".", "services", "support/deep"} <= seen["journal removed"]

"""What the walk finds, what it leaves out, and what it says about a path that is no use."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lk_migrate.model import UserError
from lk_migrate.project.config import Settings
from lk_migrate.project.discover import convertible_files, project_files, python_files


def grow(root: Path, *paths: str, content: str = "x = 1\n") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)


@pytest.mark.parametrize(
    "path",
    [
        ".git/hooks/x.py",
        ".venv/lib/x.py",
        "venv/x.py",
        "web/node_modules/pkg/x.py",
        "app/__pycache__/x.py",
        ".tox/py/x.py",
        "build/lib/x.py",
        "dist/x.py",
        "vendor/site-packages/x.py",
        ".lk-migrate/backups/x.py",
    ],
)
def test_other_peoples_folders_are_not_entered(tmp_path: Path, path: str) -> None:
    grow(tmp_path, path, "main.py")
    assert python_files(tmp_path).files == ("main.py",)


def test_an_environment_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    grow(tmp_path, "main.py", "my-env/pyvenv.cfg", "my-env/lib/x.py", "conda/conda-meta/history", "conda/x.py")
    assert python_files(tmp_path).files == ("main.py",)


def test_an_ignored_folder_is_not_even_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path, "main.py", "node_modules/a/b/x.py", "data/x.py", ".gitignore")
    (tmp_path / ".gitignore").write_text("data/\n")
    listed = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(Path(path).name) or scandir(path))
    python_files(tmp_path)
    assert listed == [tmp_path.name]


def test_the_order_is_stable_and_each_file_comes_once(tmp_path: Path) -> None:
    grow(tmp_path, "b.py", "a/z.py", "a.py", "a/b/c.py")
    found = python_files(tmp_path, [tmp_path, tmp_path / "a", tmp_path / "a" / "z.py"])
    assert found.files == ("a.py", "a/b/c.py", "a/z.py", "b.py")


def test_links_are_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    grow(root, "real/x.py")
    grow(outside, "secret.py")
    (root / "loop").symlink_to(".")
    (root / "out").symlink_to(outside)
    (root / "out.py").symlink_to(outside / "secret.py")
    (root / "same.py").symlink_to("real/x.py")
    assert python_files(root).files == ("real/x.py",)
    assert project_files(root).files == ("loop", "out", "out.py", "real/x.py", "same.py")


def test_fifos_and_sockets_are_skipped(tmp_path: Path) -> None:
    grow(tmp_path, "main.py")
    os.mkfifo(tmp_path / "pipe.py")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # the path of a socket must be short
        server.bind("sock.py")
        os.chdir(here)
        assert python_files(tmp_path).files == ("main.py",)
        assert project_files(tmp_path).files == ("main.py",)


def test_excluded_by_the_settings(tmp_path: Path) -> None:
    grow(tmp_path, "main.py", "old/x.py", "keep/old.py")
    assert python_files(tmp_path, settings=Settings(exclude=("old/",))).files == ("keep/old.py", "main.py")


def test_what_is_named_is_taken_though_a_pattern_ignores_it(tmp_path: Path) -> None:
    grow(tmp_path, "build/x.py", "gen/y.py")
    (tmp_path / ".gitignore").write_text("gen/\n")
    assert python_files(tmp_path, [tmp_path / "build"]).files == ("build/x.py",)
    assert python_files(tmp_path, [tmp_path / "gen" / "y.py"]).files == ("gen/y.py",)


def test_paths_are_read_from_here_then_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path, "a/services/x.py", "services/y.py")
    monkeypatch.chdir(tmp_path / "a")
    assert python_files(tmp_path, ["services"]).files == ("a/services/x.py",)
    monkeypatch.chdir(tmp_path / "a" / "services")
    assert python_files(tmp_path, ["services"]).files == ("services/y.py",)


def test_a_link_that_is_named_is_followed_inside_the_root(tmp_path: Path) -> None:
    grow(tmp_path, "real/x.py")
    (tmp_path / "link").symlink_to("real")
    assert python_files(tmp_path, [tmp_path / "link"]).files == ("real/x.py",)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("nowhere", "there is no nowhere; check the path"),
        ("empty", "there is no Python file in empty"),
        ("notes.txt", "notes.txt is not a Python file"),
        ("book.ipynb", "is a notebook"),
        ("pipe.py", "is not a regular file"),
        ("out", "is outside the project"),
        ("/", "is outside the project"),
        ("dangling.py", "cannot be read: no such file"),
        ("bad\nname", "there is no 'bad\\nname'"),
    ],
)
def test_a_bad_path_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, says: str) -> None:
    root = tmp_path / "root"
    grow(root, "main.py", "notes.txt", "book.ipynb", "empty/readme.md")
    (root / "out").symlink_to(tmp_path)
    (root / "dangling.py").symlink_to("gone.py")
    os.mkfifo(root / "pipe.py")
    monkeypatch.chdir(root)
    with pytest.raises(UserError) as error:
        python_files(root, [path])
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unreadable_folder_is_told_and_does_not_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path, "main.py", "locked/x.py")
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = python_files(tmp_path)
    assert found.files == ("main.py",)
    assert [(skip.path, skip.reason) for skip in found.skipped] == [
        ("locked", "the folder cannot be read: permission denied")
    ]


def test_a_very_deep_tree_does_not_stop_the_walk(tmp_path: Path) -> None:
    grow(tmp_path, "main.py")
    here = os.open(tmp_path, os.O_RDONLY)
    top = here
    for _ in range(60):  # together longer than a path may be
        os.mkdir("d" * 100, dir_fd=here)
        here = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
    try:
        found = python_files(tmp_path)
        assert found.files == ("main.py",)
        assert "too long" in found.skipped[0].reason
    finally:
        subprocess.run(["rm", "-rf", "d" * 100], cwd=tmp_path, check=True)
        os.close(top)


def test_names_that_are_not_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    for odd in (name, "two\nlines.py", " .py", "-rf.py"):
        grow(tmp_path, odd)
    assert python_files(tmp_path).files == tuple(sorted([name, "two\nlines.py", " .py", "-rf.py"]))


def test_what_a_conversion_may_touch(tmp_path: Path) -> None:
    grow(tmp_path, "main.py", "pyproject.toml", "requirements-dev.txt", "notes.txt", "data/db.sqlite")
    assert convertible_files(tmp_path).files == ("main.py", "pyproject.toml", "requirements-dev.txt")


# --- .gitignore: git itself is the judge


def git_says(root: Path) -> set[str]:
    done = subprocess.run(
        ["git", "-c", "core.excludesFile=", "ls-files", "-z", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    return {os.fsdecode(name) for name in done.stdout.split(b"\0") if name}


def compare_with_git(top: Path, root: Path) -> None:
    assert set(project_files(root).files) == git_says(root)


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is the judge here")
NAMES = ["a", "b", "a.log", "keep.log", "ab"]
SEGMENT = st.sampled_from([*NAMES, "*", "*.log", "a*", "?", "[ab]", "**"])
PATTERN = st.builds(
    lambda bang, lead, parts, tail: bang + lead + "/".join(parts) + tail,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "/"]),
    st.lists(SEGMENT, min_size=1, max_size=3),
    st.sampled_from(["", "", "/"]),
)
PATHS = [
    "a/a",
    "a/b",
    "a/a.log",
    "a/keep.log",
    "b/a/b",
    "b/a/keep.log",
    "b/b/a.log",
    "ab",
    "keep.log",
    "a.log",
]


@needs_git
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PATTERN, max_size=5), st.lists(PATTERN, max_size=3))
def test_gitignore_as_git_does_it(tmp_path_factory: pytest.TempPathFactory, top: list[str], low: list[str]) -> None:
    root = tmp_path_factory.mktemp("git")
    grow(root, *PATHS)
    (root / ".gitignore").write_text("\n".join(top) + "\n")
    (root / "b" / ".gitignore").write_text("\n".join(low) + "\n")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    compare_with_git(root, root)


@needs_git
def test_rules_above_the_root_hold(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    grow(tmp_path, "app/x.py", "app/gen/y.py", "app/z.log", "app/secret.py")
    (tmp_path / ".gitignore").write_text("/app/gen/\n*.log\n")
    (tmp_path / ".git" / "info" / "exclude").write_text("secret.py\n")
    assert project_files(tmp_path / "app").files == ("x.py",)
    compare_with_git(tmp_path, tmp_path / "app")

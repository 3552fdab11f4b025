"""Where a project begins, what it has set, which file may be its entrypoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from lk_migrate.model import UserError
from lk_migrate.project.config import Settings, load_settings
from lk_migrate.project.root import find_root, main_candidates, root_for


def grow(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("")


@pytest.mark.parametrize(
    ("files", "start", "root"),
    [
        (["pyproject.toml", "app/services/x.py"], "app/services", "."),
        (["app/requirements.txt", "app/services/x.py", ".git/HEAD"], "app/services", "app"),
        (["app/requirements-prod.txt", "app/s/x.py"], "app/s", "app"),
        (["app/main.py", "app/services/x.py", ".git/HEAD"], "app/services", "app"),
        # services/agent.py holds a class, main.py starts it
        (["main.py", "services/agent.py"], "services", "."),
        (["agent.py", "tools/x.py"], "tools", "."),
        ([".git/HEAD", "a/b/x.py"], "a/b", "."),
        # never out of the repository that the path is in
        (["pyproject.toml", "repo/.git/HEAD", "repo/a/x.py"], "repo/a", "repo"),
        # once a project has our folder, all commands agree on it
        ([".lk-migrate/lock", "services/main.py"], "services", "."),
        (["a/x.py"], "a", "a"),
    ],
)
def test_the_nearest_root(tmp_path: Path, files: list[str], start: str, root: str) -> None:
    grow(tmp_path, *files)
    assert find_root(tmp_path / start) == (tmp_path / root).resolve()


def test_explicit_wins_and_must_be_a_folder(tmp_path: Path) -> None:
    grow(tmp_path, "pyproject.toml", "a/x.py")
    assert find_root(tmp_path, tmp_path / "a") == tmp_path / "a"
    with pytest.raises(UserError, match=r"--root .*gone cannot be used: no such file"):
        find_root(tmp_path, tmp_path / "gone")
    with pytest.raises(UserError, match=r"--root .*x\.py is not a folder"):
        find_root(tmp_path, tmp_path / "a" / "x.py")


def test_the_home_folder_is_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    grow(tmp_path, "requirements.txt", "main.py", "work/a/x.py")
    assert find_root(tmp_path / "work" / "a") == tmp_path / "work" / "a"


def test_paths_without_a_marker_belong_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path, "p/services/x.py", "p/helpers/y.py")
    monkeypatch.chdir(tmp_path / "p")
    assert root_for([Path("services")]) == tmp_path / "p"
    assert root_for([Path("services/x.py"), Path("helpers")]) == tmp_path / "p"
    with pytest.raises(UserError, match="there is no nope; check the path"):
        root_for([Path("nope")])


def test_main_candidates() -> None:
    files = ("agent.py", "x/main.py", "main.py", "x/deep/app.py", "x/tools.py", "y/main.py")
    assert main_candidates(files)[:3] == ("main.py", "agent.py", "x/main.py")
    assert main_candidates(files, near=["x/deep/tools"])[:2] == ("main.py", "agent.py")
    assert main_candidates(files, near=["y/services"], main="x/tools.py")[0] == "x/tools.py"
    assert "x/tools.py" not in main_candidates(files)


def test_settings(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings()
    (tmp_path / "pyproject.toml").write_text(
        "[tool.lk-migrate]\nselect = ['LK1']\nignore = ['LK103']\nexclude = ['old/']\nmain = 'app/main.py'\njobs = 2\n"
    )
    assert load_settings(tmp_path) == Settings(("LK1",), ("LK103",), ("old/",), "app/main.py", 2)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("main = '../main.py'", "must be a file inside the project"),
        ("main = '/etc/passwd'", "must be a file inside the project"),
        ("main = 'out/main.py'", "must be a file inside the project"),
        ("selcet = []", "did you mean select"),
        ("frobnicate = 1", "has no setting 'frobnicate'; it knows exclude, ignore"),
        ("select = 'LK1'", "must be a list of strings"),
        ("jobs = 0", "must be a whole number, 1 or more"),
        ("jobs = true", "must be a whole number"),
        ("main = 3", "must be a string"),
        ("main = ", "is not valid TOML"),
    ],
)
def test_bad_settings_are_one_sentence(tmp_path: Path, table: str, says: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    (root / "pyproject.toml").write_text(f"[tool.lk-migrate]\n{table}\n")
    with pytest.raises(UserError) as error:
        load_settings(root)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_settings_from_outside_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "evil.toml").write_text("[tool.lk-migrate]\njobs = 9\n")
    (root / "pyproject.toml").symlink_to("../evil.toml")
    with pytest.raises(UserError, match="is a link to a file outside the project"):
        load_settings(root)

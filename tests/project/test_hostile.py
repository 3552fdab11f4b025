"""A project is only read: nothing in it is run, waited for, or believed. The whole command, as a person starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from disk_tree import look

LEGACY = b"""\
from livekit.agents import AgentSession, RoomInputOptions


async def entrypoint(ctx):
    session = AgentSession()
    await session.start(room=ctx.room, room_input_options=RoomInputOptions(close_on_disconnect=False))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "p"
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (root / "main.py").write_bytes(LEGACY)
    return root


def lk_migrate(root: Path, *arguments: str, module: bool = False) -> subprocess.CompletedProcess[bytes]:
    script = Path(sys.executable).with_name("lk-migrate")
    start = [sys.executable, "-m", "lk_migrate"] if module or not script.exists() else [os.fspath(script)]
    return subprocess.run([*start, *arguments], cwd=root, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("module", [False, True], ids=["lk-migrate", "python -m lk_migrate"])
def test_nothing_of_the_project_is_imported(root: Path, module: bool) -> None:
    """Whatever it is called: the folder that the command is started in is no place to import from."""
    spoor = "import pathlib\npathlib.Path(__file__).with_suffix('.ran').write_text('')\n"
    for name in ("libcst", "rich", "json", "tomlkit", "sitecustomize", "usercustomize", "conftest", "livekit", "setup"):
        (root / f"{name}.py").write_text(spoor)
    (root / "lk_migrate").mkdir()
    (root / "lk_migrate" / "__init__.py").write_text(spoor)
    (root / "agent.py").write_bytes(LEGACY + spoor.encode())
    for command in (["convert"], ["restore"]):
        if module:
            (root / "lk_migrate" / "__init__.py").unlink(missing_ok=True)  # there, `-m` names what it starts
        done = lk_migrate(root, *command, module=module)
        assert done.returncode in (0, 3), done.stderr
    assert [path.name for path in root.rglob("*.ran")] == []


def test_what_is_no_file_is_not_waited_for(root: Path) -> None:
    for name in ("pipe.py", "requirements.txt", ".gitignore", "Dockerfile", "sub/pyproject.toml"):
        (root / name).parent.mkdir(exist_ok=True)
        os.mkfifo(root / name)
    here = Path.cwd()
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(root)  # the path of a socket must be short
        server.bind("agent.py")
        os.chdir(here)
        for command in (["backup", "--all"], ["convert"]):
            done = lk_migrate(root, *command)
            assert done.returncode in (0, 3), done.stderr
    assert (root / "main.py").read_bytes() != LEGACY


@pytest.fixture
def deep(root: Path) -> Iterator[Path]:
    """A folder as deep as a path may be long, and one below it."""
    here = os.open(root, os.O_RDONLY)
    handles = [here]
    for depth in range(60):
        os.mkdir("d" * 100, dir_fd=here)
        here = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        handles.append(here)
        if depth % 9 != 0:
            continue
        file = os.open("agent.py", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=here)
        os.write(file, LEGACY)
        os.close(file)
    yield root
    for handle in handles:
        os.close(handle)
    subprocess.run(["rm", "-rf", "d" * 100], cwd=root, check=True)


def test_very_deep_folders(deep: Path) -> None:
    """As far as names reach, files are converted and come back; what lies below is told, and left alone."""
    done = lk_migrate(deep, "convert")
    assert done.returncode == 0, done.stderr
    assert b"too long" in done.stdout + done.stderr, done.stdout
    paths = [deep.joinpath(*["d" * 100] * n, "agent.py") for n in (1, 10, 19, 28)]
    assert all(b"RoomInputOptions" not in path.read_bytes() for path in paths)
    assert lk_migrate(deep, "restore").returncode == 0
    assert all(path.read_bytes() == LEGACY for path in paths)


def test_where_there_are_no_locks_and_flags_what_reads_works_and_what_writes_says_so(root: Path) -> None:
    """As on Windows, where Python has no `fcntl`, and not these flags."""
    less = (
        "import os, sys\nsys.modules['fcntl'] = None\n"
        "for flag in ('O_NOFOLLOW', 'O_NONBLOCK', 'O_CLOEXEC'): delattr(os, flag)\n"
        "from lk_migrate.cli.app import run\nrun(sys.argv[1:])\n"
    )
    before = look(root)
    for command, code in ((["convert", "--dry-run"], 0), (["convert"], 2)):
        done = subprocess.run([sys.executable, "-c", less, *command], cwd=root, capture_output=True, timeout=60)
        assert done.returncode == code, done.stderr
    assert done.stderr.startswith(b"lk-migrate: lk-migrate writes on Linux and macOS only: on Windows, run it in WSL")
    assert look(root) == before

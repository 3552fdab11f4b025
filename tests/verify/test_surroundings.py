"""What verification leaves alone: other machines, the person's tree, and no process that it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import pytest

from lk_migrate.verify import Options, Status, verify
from lk_migrate.verify.findings import on_the_side
from lk_migrate.verify.observations import Observations
from lk_migrate.verify.processes import Children
from lk_migrate.verify.test_bed import CHILD
from lk_migrate.verify.workspace import copy_project, python_files

APPS = Path(__file__).parent / "apps"


def in_test_bed(code: str, tmp_path: Path, *, stand_in: bool = True) -> tuple[str, list[dict[str, object]]]:
    """Run a program under the test bed: its output and the observations."""
    events = tmp_path / "events"
    events.touch()
    env = {**os.environ, "PYTHONPATH": str(CHILD), "LK_MIGRATE_EVENTS": str(events)}
    env |= {"LK_MIGRATE_ROOT": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    if stand_in:
        env["LK_MIGRATE_STANDIN"] = "http://127.0.0.1:1"
    program = tmp_path / "program.py"
    program.write_text(code)
    done = subprocess.run([sys.executable, program], env=env, capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr, [json.loads(line) for line in events.read_text().splitlines()]


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('192.0.2.7', 80), 1)",
        "import socket; socket.getaddrinfo('api.example.com', 443)",
        "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.7', 53))",
        "import asyncio; asyncio.run(asyncio.open_connection('192.0.2.7', 80))",
        "import urllib.request; urllib.request.urlopen('http://192.0.2.7/')",
    ],
)
def test_other_machines_are_refused_and_reported_with_the_line(code: str, tmp_path: Path) -> None:
    output, observations = in_test_bed(code, tmp_path)
    assert "outside this machine" in output
    [refused] = [one for one in observations if one["event"] == "refused"]
    assert refused["host"] in ("192.0.2.7", "api.example.com")
    assert (refused["path"], refused["line"]) == ("program.py", 1)


def test_this_machine_is_not_refused(tmp_path: Path) -> None:
    code = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(("localhost", server.getsockname()[1])).close()
print("reached")
"""
    output, observations = in_test_bed(code, tmp_path)
    assert "reached" in output and not observations


def test_with_live_models_nothing_is_refused(tmp_path: Path) -> None:
    _, observations = in_test_bed(
        "import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('127.0.0.2', 9))",
        tmp_path,
        stand_in=False,
    )
    assert not observations


def test_without_portaudio_the_console_has_no_devices_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    output, observations = in_test_bed("import sounddevice; print(sounddevice.query_devices())", tmp_path)
    assert output.strip() == "[]"
    assert [one["event"] for one in observations] == ["portaudio_missing"]
    [row] = on_the_side("console", Observations(tmp_path / "events"))
    assert row.name == "PortAudio" and "apt install libportaudio2" in row.detail


def test_every_refused_connection_is_listed_by_name_and_line(tmp_path: Path) -> None:
    code = """
import contextlib, socket
for host in ("crm.example.com", "192.0.2.7", "crm.example.com"):
    with contextlib.suppress(OSError):
        socket.create_connection((host, 443), 1)
"""
    in_test_bed(code, tmp_path)
    rows = list(on_the_side("console", Observations(tmp_path / "events")))
    assert [(row.name, str(row.place)) for row in rows] == [("network", "program.py:5")] * 2
    assert "tried to reach crm.example.com:443" in rows[0].detail and "192.0.2.7:443" in rows[1].detail


@pytest.mark.parametrize(
    ("waits", "line"), [("await asyncio.Event().wait()", 6), ("time.sleep(2)", 6), ("await deeper()", 9)]
)
def test_a_process_says_on_request_where_its_job_waits(waits: str, line: int, tmp_path: Path) -> None:
    code = f"""import asyncio, os, signal, threading, time
from lk_migrate_child import waiting

async def entrypoint():
    waiting.a_job_begins()
    {waits}

async def deeper():
    await asyncio.sleep(2)

async def job():
    await asyncio.create_task(entrypoint(), name="job_user_entrypoint")

threading.Thread(target=asyncio.run, args=(job(),), daemon=True).start()
time.sleep(0.3)
os.kill(os.getpid(), signal.SIGUSR2)
"""
    _, observations = in_test_bed(code, tmp_path)
    [told] = [one for one in observations if one["event"] == "waits_at"]
    assert (told["path"], told["line"]) == ("program.py", line)
    assert told["code"] in ("await asyncio.sleep(2)", waits)


def test_what_the_app_writes_outside_its_folder_is_reported(tmp_path: Path) -> None:
    app, outside = tmp_path / "stage" / "app", tmp_path / "elsewhere" / "outside.txt"
    for folder in (app, outside.parent):
        folder.mkdir(parents=True)
    (app / "m.py").write_text(
        f"open({str(outside)!r}, 'w').close()\nopen({str(app.parent / 'log')!r}, 'w')\nopen(__file__)"
    )
    code = f"import os, runpy\nos.environ['LK_MIGRATE_ROOT'] = {str(app)!r}\nrunpy.run_path({str(app / 'm.py')!r})"
    in_test_bed(code, tmp_path)
    [row] = on_the_side("console", Observations(tmp_path / "events"))
    assert (row.name, str(row.place)) == ("files", "m.py:1") and str(outside) in row.detail


def test_what_the_main_file_imports_is_reached_at_whatever_depth(tmp_path: Path) -> None:
    code = """
import ast
from lk_migrate_child.loading import reached
files = {
    "app/main.py": "from tools import a", "app/tools/__init__.py": "", "app/tools/a.py": "from . import b",
    "app/tools/b.py": "from ..web import start", "app/web.py": "", "server.py": "import app.web",
}
print(sorted(reached({file: ast.parse(text) for file, text in files.items()}, "app/main.py")))
print(len(reached({file: ast.parse(text) for file, text in files.items()}, None)))
"""
    output, _ = in_test_bed(code, tmp_path)
    inside = ["app/main.py", "app/tools/__init__.py", "app/tools/a.py", "app/tools/b.py", "app/web.py"]
    assert output.splitlines() == [str(inside), "6"]


def test_what_stands_beside_a_main_that_is_a_module_has_its_package(tmp_path: Path) -> None:
    """`python -m src.agent`: an import from above `src` would not find its way back to it."""
    code = """
import ast
from lk_migrate_child.loading import to_import
tool = "from livekit.agents import function_tool"
for start in ("from .tools import a", "from tools import a"):
    files = {"src/agent.py": start, "src/tools/a.py": tool}
    print(*(m.name for m in to_import({file: ast.parse(text) for file, text in files.items()}, "src/agent.py")))
"""
    output, _ = in_test_bed(code, tmp_path)
    assert output.splitlines() == ["src.agent src.tools.a", "agent tools.a"]


def test_without_a_main_file_scripts_find_the_modules_beside_them(tmp_path: Path) -> None:
    files = {"app/call.py": "from config import KEY\nimport other\n", "app/config.py": "KEY = 1\n", "lib/other.py": ""}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "lk_migrate_child.static"],
        env={**os.environ, "PYTHONPATH": str(CHILD), "LK_MIGRATE_EVENTS": str(tmp_path / "events")},
        cwd=tmp_path,
        input=json.dumps({"files": [*files], "app": [*files], "main": None}),
        capture_output=True,
        text=True,
        timeout=30,
    )
    observed = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    [row] = [one for one in observed if one["event"] == "row" and one["name"] == "imports"]
    assert "other" in row["detail"] and "config" not in row["detail"], done.stderr


def test_a_sitecustomize_of_the_persons_own_still_runs(tmp_path: Path) -> None:
    theirs = tmp_path / "site"
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("print('theirs')")
    path = os.pathsep.join([str(CHILD), str(theirs)])
    env = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", ""], env=env, capture_output=True, text=True)
    assert done.stdout.strip() == "theirs"


def test_the_copy_has_the_files_and_not_the_environment(tmp_path: Path) -> None:
    root = tmp_path / "app"
    for file in ("main.py", "data/kb.txt", ".env", ".git/HEAD", ".venv/pyvenv.cfg", ".venv/x.py"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(file)
    (root / "gone").symlink_to(root / "nowhere")
    assert copy_project(root, tmp_path / "copy") == []
    copied = sorted(p.relative_to(tmp_path / "copy").as_posix() for p in (tmp_path / "copy").rglob("*"))
    assert copied == [".env", "data", "data/kb.txt", "main.py"]
    assert list(python_files(tmp_path / "copy")) == ["main.py"]


def test_big_files_are_linked_but_databases_are_copied(tmp_path: Path) -> None:
    root = tmp_path / "app"
    root.mkdir()
    for name in ("model.bin", "calls.db"):
        with (root / name).open("wb") as file:
            file.truncate(33 * 2**20)
    assert copy_project(root, tmp_path / "copy") == ["model.bin"]
    assert (tmp_path / "copy" / "model.bin").is_symlink()
    assert not (tmp_path / "copy" / "calls.db").is_symlink()


def ends(pid: int) -> bool:
    """Whether a process that was sent SIGKILL is gone soon: nobody can wait for a grandchild."""
    deadline = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


GRANDCHILD = """
import subprocess, sys, time, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_a_group_ends_with_its_grandchildren_even_when_we_are_interrupted(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        Children().group(
            [sys.executable, "-c", GRANDCHILD], cwd=tmp_path, env=os.environ, stdout=subprocess.PIPE
        ) as process,
    ):
        assert process.stdout is not None
        grandchild = int(process.stdout.readline())
        assert is_running(grandchild)
        raise KeyboardInterrupt
    assert ends(process.pid) and ends(grandchild)


def started_by(marker: str) -> list[int]:
    """Processes whose environment has `marker` in it."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if marker.encode() in environ.read_bytes() and is_running(int(environ.parent.name)):
                found.append(int(environ.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_everything_ends_when_a_stage_runs_out_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    begun = []
    for row in verify(Options(APPS / "waits", stages=("console",), timeout=0.5), lambda what: begun.append(what)):
        assert row.status is not Status.OK
    assert any("console to start" in what for what in begun)
    assert all(ends(pid) for pid in started_by(f"LK_MIGRATE_ROOT={tmp_path}"))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_everything_ends_when_the_command_is_stopped(number: int, code: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lk_migrate", "verify", "--root", APPS / "waits", "--stage", "console"]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    # A shell that runs us in the background has Ctrl-C ignored, and what is ignored is inherited.
    heeded = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, preexec_fn=heeded) as verify:
        deadline = time.monotonic() + 20
        while not started_by(f"LK_MIGRATE_ROOT={tmp_path}") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert started_by(f"LK_MIGRATE_ROOT={tmp_path}")
        verify.send_signal(number)
        assert verify.wait(15) == code
    assert all(ends(pid) for pid in started_by(f"LK_MIGRATE_ROOT={tmp_path}"))
    assert not list(tmp_path.iterdir())

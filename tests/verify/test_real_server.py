"""`--live`: the worker stage and a server of the person's own. Here it is on loopback; nothing else is contacted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lk_migrate.verify import Options, Row, Status, verify
from lk_migrate.verify.observations import Observations
from lk_migrate.verify.real_server import settings, why_not
from lk_migrate.verify.test_bed import CHILD

HEALTHY = Path(__file__).parent / "apps" / "healthy"
KEY, SECRET = "APIoftheperson", "the-secret-of-the-person-and-of-nobody-else"


@pytest.fixture(autouse=True)
def persons_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("LIVEKIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LIVEKIT_API_KEY", KEY)
    monkeypatch.setenv("LIVEKIT_API_SECRET", SECRET)


def live_rows() -> list[Row]:
    rows = list(verify(Options(HEALTHY, stages=("worker",), live=True)))
    assert not [row for row in rows if KEY in row.detail or SECRET in row.detail]
    return rows


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Observations]]:
    """The endpoint that plays LiveKit's part; it offers a job to whoever registers."""
    observations = Observations(tmp_path / "server.jsonl")
    env = {
        **os.environ,
        "PYTHONPATH": str(CHILD),
        "LK_MIGRATE_EVENTS": str(observations.file),
    }
    command = [sys.executable, "-m", "lk_migrate_child.dispatcher"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=env, cwd=tmp_path) as process:
        until = time.monotonic() + 60
        while not observations.of("listening") and process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        yield f"ws://127.0.0.1:{observations.of('listening')[0]['port']}", observations
        assert process.stdin is not None
        process.stdin.close()


class _Refusing(BaseHTTPRequestHandler):
    """Answers 401 to everything, as a LiveKit server does to a wrong key."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path.split("?")[0], self.headers["Authorization"]))  # type: ignore[attr-defined]
        self.send_error(401)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def refusing() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        server.asked = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.slow
def test_it_registers_takes_no_job_and_ends(server: tuple[str, Observations], monkeypatch: pytest.MonkeyPatch) -> None:
    url, observations = server
    monkeypatch.setenv("LIVEKIT_URL", url)
    monkeypatch.setenv("CLINIC_MODEL", "gpt-4o-mini")
    rows = {row.name: row for row in live_rows()}
    registered = rows["python main.py start"]
    assert registered.status is Status.OK, registered
    assert registered.detail.startswith("registered with 127.0.0.1, as “lk-migrate-verify”"), registered
    assert rows["start: SIGTERM"].status is Status.OK, rows["start: SIGTERM"]
    # What the server saw: not the agent's own name, “clinic”, that callers are sent to; and no job accepted.
    assert [one["agent"] for one in observations.of("registered")] == ["lk-migrate-verify"]
    assert [one["available"] for one in observations.of("availability")] == [False]
    assert {one["status"] for one in observations.of("worker_status")} == {"WS_FULL"}
    assert not observations.of("room_asked")


@pytest.mark.slow
def test_a_server_that_refuses_the_key(refusing: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_URL", f"ws://127.0.0.1:{refusing.server_port}/?{SECRET}")
    monkeypatch.setenv("CLINIC_MODEL", "gpt-4o-mini")
    [row] = [row for row in live_rows() if row.name == "python main.py start"]
    assert row.status is Status.FAILED and row.detail == "it does not register: the server answers 401"
    asked: list[tuple[str, str | None]] = refusing.asked  # type: ignore[attr-defined]
    assert asked[0] == ("/", None)  # whether it answers: without a key
    assert asked[1][0] == "/agent" and asked[1][1] is not None


def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:  # bound, and not listened to
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("LIVEKIT_URL", f"ws://{KEY}:{SECRET}@127.0.0.1:{nobody.getsockname()[1]}")
        [row] = live_rows()
    assert row.status is Status.SKIPPED
    assert row.detail == "LIVEKIT_URL does not answer: 127.0.0.1: Connection refused"


def test_what_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    [row] = live_rows()
    assert row.status is Status.SKIPPED and row.detail == "LIVEKIT_URL is not set"
    monkeypatch.setenv("LIVEKIT_URL", "127.0.0.1:7880")
    [row] = live_rows()
    assert row.status is Status.SKIPPED and row.detail == "LIVEKIT_URL is no ws:// or wss:// address"


def test_env_files_count_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LIVEKIT_URL=ws://one\nLIVEKIT_API_KEY=other\n")
    (tmp_path / ".env.local").write_text("LIVEKIT_URL=ws://two\n")
    known = settings(tmp_path)
    assert known == {"LIVEKIT_URL": "ws://two", "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
    assert why_not({"LIVEKIT_URL": "ws://two"}) == "LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not set"

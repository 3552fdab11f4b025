from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lk_migrate.verify import Options, Row, verify

APPS = Path(__file__).parent / "apps"
OLD = Path(__file__).parent / "old"
Rows = Callable[[str], list[Row]]

#: The stages in which an app's fault shows; the others would only take time.
STAGES = {
    "barred": ("console",),
    "blocking": ("console",),
    "by_hand": ("console",),
    "cold": ("console",),
    "deaf": ("voice",),
    "deprecated": ("static", "console"),
    "dispatched": ("console",),
    "healthy": ("static", "console", "voice", "worker", "parity"),
    "late": ("console",),
    "misnamed": ("console",),
    "missing_plugin": ("static", "console"),
    "mute": ("console", "voice"),
    "providers": ("console", "voice"),
    "raises": ("static", "console"),
    "shadowed": ("static",),
    "unannotated": ("static", "console"),
    "waits": ("console",),
    "wrong_model": ("static",),
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: starts a real agent; some seconds")
    # Importing livekit takes twice as long when it has to be compiled, as it has to be after `uv pip install`.
    if config.cache is not None:
        os.environ["PYTHONPYCACHEPREFIX"] = str(config.cache.mkdir("bytecode"))


def run_app(app: str) -> list[Row]:
    old = OLD / app
    return list(verify(Options(APPS / app, stages=STAGES[app], old=old if old.is_dir() else None)))


@contextlib.contextmanager
def port_taken(number: int) -> Iterator[None]:
    """The port is in use, by us or by whoever has it already."""
    with socket.socket() as taken:
        with contextlib.suppress(OSError):
            taken.bind(("", number))
            taken.listen()
        yield


@pytest.fixture(scope="session")
def rows_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    """The rows of an app under tests/verify/apps, each verified once however many pytest-xdist workers ask."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def once(app: str) -> list[Row]:
        kept = shared / f"rows-of-{app}.pickle"
        with (shared / f"rows-of-{app}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                kept.write_bytes(pickle.dumps(run_app(app)))
        rows: list[Row] = pickle.loads(kept.read_bytes())
        return rows

    with port_taken(8081):
        yield once

"""Generate, write, lint and drive: what the tests of the entrypoint share."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from lk_migrate.entrypoint.gates import AgentForMain
from lk_migrate.entrypoint.generate import EntrypointOptions, EntrypointResult, generate_entrypoint
from lk_migrate.facts.project import Project
from lk_migrate.model import Action

DRIVE = Path(__file__).parent / "drive.py"
ALWAYS = EntrypointOptions(short=0)

HEAD = """\
import atexit
import json
import os

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, JobProcess, cli

LANGUAGE = os.getenv("TEST_LANGUAGE", "en")  # as before


def parse(raw):
    return json.loads(raw or "{}")


def prewarm(proc: JobProcess):
    proc.userdata["vad"] = "loaded"


server = AgentServer(setup_fnc=prewarm)


@server.rtc_session(agent_name="desk")
"""
TAIL = """

if __name__ == "__main__":
    cli.run_app(server)
"""


def generate(
    files: dict[str, str], main: str = "main.py", agents: tuple[AgentForMain, ...] = ()
) -> tuple[dict[str, str], EntrypointResult]:
    """The files after the conversion, and its result."""
    result = generate_entrypoint(Project({p: t.encode() for p, t in files.items()}), main, agents, ALWAYS)
    after = dict(files)
    for change in result.changes:
        assert change.after is not None
        after[change.path] = change.after.decode()
    return after, result


def write(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder


@cache
def _driver() -> subprocess.Popen[str]:
    env = {**os.environ, "OPENAI_API_KEY": "dummy", "PYTHONDONTWRITEBYTECODE": "1"}
    driver = subprocess.Popen(
        [sys.executable, str(DRIVE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=env,
    )
    atexit.register(driver.kill)
    return driver


def drive(folder: Path, **scenario: Any) -> dict[str, Any]:
    """What the entrypoint in `folder` does."""
    driver = _driver()
    assert driver.stdin is not None and driver.stdout is not None
    driver.stdin.write(json.dumps({"folder": str(folder), **scenario}) + "\n")
    driver.stdin.flush()
    found = json.loads(driver.stdout.readline())
    assert "error" not in found, found["error"]
    return found  # type: ignore[no-any-return]


def lint(folder: Path) -> None:
    """No undefined and no unused name in any file."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--isolated",
            "--no-cache",
            "--select",
            "F821,F401,F811,F822,F823",
            str(folder),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def split_result(result: EntrypointResult) -> bool:
    """Whether the session is in main.py (else the entrypoint moved in one piece)."""
    return result.main is not None and not any(f.action is Action.TODO for f in result.findings)

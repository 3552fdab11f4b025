"""No report shows a secret, and no generated file repeats one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from in_process import run
from terminal import typed

from lk_migrate.facts.secrets import is_secret, mask
from lk_migrate.model import FileChange
from lk_migrate.report.masked import secret_lines

KEY = "sk-proj-8Zk2QmT4vX7bN1rYc9Lw"
PLAIN = "0f3b7c21d95e48aab64c1de27f80a935"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"llm={KEY}", "llm=sk-p***"),
        (f'api_key="{PLAIN}"', 'api_key="0f3b***"'),
        (f'{{"deepgram_token": "{PLAIN}"}}', '{"deepgram_token": "0f3b***"}'),
        ("postgres://me:hunter22@db/x", "postgres://me:***@db/x"),
        ("Bearer eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2", "Bearer eyJh***"),
    ],
)
def test_secrets_are_masked(text: str, shown: str) -> None:
    assert mask(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        f'commit = "{PLAIN}"',
        'max_tokens = "1234567890123456789a"',
        'api_key="your-openai-api-key-2024-here"',
        "api_key = os.environ['OPENAI_API_KEY']",
        "https://host:8080/path@v1",
        "task-list-of-a-very-long-name-indeed",
        "model='gpt-4o-mini-2024-07-18'",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask(text) == text
    assert not is_secret(text)


def test_masking_is_linear() -> None:
    blob = "A" * 300_000 + ' = "' + "b1" * 150_000
    assert mask(blob) == blob


MAIN = f'''\
import os

from livekit.agents import Agent, AgentSession, JobContext, RoomInputOptions, RunContext, WorkerOptions, cli
from livekit.plugins import openai


class Host:
    """A host who answers."""

    def __init__(self):
        self._turn = None

    async def hours(self, ctx: RunContext) -> str:
        """Opening hours."""
        return "9 to 5"


async def entrypoint(ctx: JobContext):
    session = AgentSession(llm=openai.LLM(api_key="{KEY}"), tts=openai.TTS(api_key=os.getenv("KEY", "{KEY}")))
    options = RoomInputOptions(key="{KEY}")
    await session.start(agent=Agent(instructions="Hi."), room=ctx.room, room_input_options=options)


if __name__ == "__main__":
    cli.run_app(WorkerOptions(entrypoint_fnc=entrypoint))
'''


def test_no_output_of_convert_shows_a_key(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (tmp_path / "main.py").write_text(MAIN)
    outputs = ["--report", "r.html", "--sarif", "r.sarif"]
    command = [sys.executable, "-m", "lk_migrate", "convert", "--root", str(tmp_path), "--verbose"]
    shown = subprocess.run([*command, *outputs, "--dry-run"], cwd=tmp_path, capture_output=True, check=False)
    data = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, check=False)
    assert json.loads(data.stdout)["findings"]
    written = [p.read_bytes() for p in (tmp_path / ".lk-migrate" / "ledger").glob("*.json")]
    assert written
    (archive,) = (tmp_path / ".lk-migrate" / "ledger").glob("*.zip")
    with zipfile.ZipFile(archive) as files:
        written += [files.read(name) for name in files.namelist()]
    reports = [(tmp_path / "r.html").read_bytes(), (tmp_path / "r.sarif").read_bytes(), *written]
    for output in (shown.stdout, shown.stderr, data.stdout, data.stderr, *reports):
        assert KEY.encode() not in output
        assert b"Traceback" not in output


def test_a_patch_that_applies_keeps_the_key_and_says_so(tmp_path: Path) -> None:
    """It could not be applied otherwise. What a person is shown at a terminal is not applied, and is masked."""
    (tmp_path / "main.py").write_text(MAIN)
    command = [sys.executable, "-m", "lk_migrate", "convert", "--diff"]
    piped = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    warned = re.search(r"lk-migrate: what was written to stdout has (\d+) lines .* \(main.py:\d+", piped.stderr)
    assert KEY in piped.stdout and warned and int(warned[1]) >= 1
    written = run(tmp_path, "convert", "--dry-run", "--patch", "p.patch")
    assert KEY in (tmp_path / "p.patch").read_text() and "p.patch has" in written.stderr
    _, shown = typed(tmp_path, "convert", "--diff")
    assert "-    options = RoomInputOptions(" in shown and KEY not in shown


def test_secret_lines_are_those_of_the_patch() -> None:
    head = "".join(f"x{n} = {n}\n" for n in range(10))
    old = f'{head}key = "{KEY}"\nold = 1\nfar = 0\n'.encode()
    new = f'{head}key = "{KEY}"\nnew = 2\nfar = 0\n'.encode()
    assert list(map(str, secret_lines([FileChange("a.py", old, new)]))) == ["a.py:11"]
    assert secret_lines([FileChange("a.py", old, old)]) == []
    far = f'key = "{KEY}"\n{head}'.encode()
    assert secret_lines([FileChange("a.py", far, far + b"y = 1\n")]) == [], "the patch does not show it"

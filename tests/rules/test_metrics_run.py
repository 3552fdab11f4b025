"""LK310's listeners hear on the session's models what they heard on the session: one spoken turn each, on LiveKit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures" / "rules" / "LK310"
RUNNER = Path(__file__).parent / "run_metrics.py"


def heard(end: str) -> list[Any]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT")}
    command = [sys.executable, str(RUNNER), str(FIXTURES / f"spoken_turn.{end}.py")]
    child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert child.returncode == 0, child.stderr[-2000:]
    return [json.loads(line) for line in child.stdout.splitlines() if line.startswith("[")]


@pytest.fixture(scope="module")
def before() -> list[Any]:
    return heard("before")


def test_the_same_metrics_without_a_warning(before: list[Any]) -> None:
    """`true` behind a type: its `speech_id` is the reply's (the session sets it just before its listeners are told)."""
    after = heard("after")
    assert [line for line in before if line[0] != "warned"] == after


def test_the_control_warns_and_hears(before: list[Any]) -> None:
    assert sum(line[0] == "warned" for line in before) == 6
    told = dict(line for line in before if line[0] != "warned")
    assert ["eou_metrics", True] in told["decorated"] and ["tts_metrics", True] in told["models_of_the_agent"]

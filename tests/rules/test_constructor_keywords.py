"""The table of constructors' keywords is that of the installed target."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lk_migrate.facts.constructor_keywords import constructor_keywords

SCRIPT = Path(__file__).parents[2] / "bench" / "constructor_keywords.py"


def test_the_table_has_what_is_installed() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_takes_anything_is_not_judged() -> None:
    assert "livekit.plugins.openai.realtime.RealtimeModel" not in constructor_keywords()


def test_constructors_functions_that_make_one_and_requests() -> None:
    assert "model" in constructor_keywords()["livekit.plugins.openai.STT"]
    assert "activation_threshold" in constructor_keywords()["livekit.plugins.silero.VAD.load"]
    assert "names" in constructor_keywords()["livekit.api.ListRoomsRequest"]

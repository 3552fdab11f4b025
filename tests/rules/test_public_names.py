"""The table of public names is that of the installed target, and knows what to suggest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lk_migrate.facts.public_names import is_missing, public_names, suggestion

SCRIPT = Path(__file__).parents[2] / "bench" / "public_names.py"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="modules show a few names of the standard library's, too")
def test_the_table_is_what_is_installed() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "name",
    ["livekit.agents.AgentSession", "livekit.agents.mcp", "livekit.agents.inference.RealtimeModel", "livekit.rtc.Room"],
)
def test_what_is_there(name: str) -> None:
    assert not is_missing(name)


@pytest.mark.parametrize("name", ["livekit.plugins.openai.Nothing", "livekit.agents._private", "json.nothing"])
def test_what_is_not_judged(name: str) -> None:
    assert not is_missing(name)


def test_what_is_missing() -> None:
    assert is_missing("livekit.agents.AgentSesion")
    assert suggestion("livekit.agents.AgentSesion") == " (`AgentSession`?)"
    assert suggestion("livekit.api.DeleteSIPOutboundTrunkRequest") == " (`DeleteSIPTrunkRequest`?)"
    assert suggestion("livekit.agents.llm.JobContext") == " (it is in `livekit.agents`)"
    assert suggestion("livekit.agents.qqqq") == ""


def test_the_constructors_have_the_keywords_of_today() -> None:
    assert {"turn_handling", "userdata"} <= public_names()["livekit.agents.AgentSession()"]
    assert "instructions" in public_names()["livekit.agents.Agent()"]

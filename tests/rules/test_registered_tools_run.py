"""Tools that were registered by hand are in the converted `Toolset`, and where a model is given it (LK210)."""

from __future__ import annotations

from pathlib import Path

from livekit.agents import llm
from run_converted import converted

FIXTURE = Path(__file__).parents[2] / "fixtures" / "rules" / "LK210" / "registered.before.py"

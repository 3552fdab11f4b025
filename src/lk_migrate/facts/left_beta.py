"""Gemini's realtime model, which left beta in livekit-plugins-google 1.2."""

from __future__ import annotations

BETA, HOME = "livekit.plugins.google.beta.realtime", "livekit.plugins.google.realtime"


def out_of_beta(name: str) -> str:
    """The full name of today for what was under `google.beta.realtime`; every other name as it is."""
    return HOME + name.removeprefix(BETA) if f"{name}.".startswith(f"{BETA}.") else name

"""Names that were in one module of a plugin and are in another today.

Gemini's realtime model left beta in livekit-plugins-google 1.2. The module of OpenAI's realtime model had imported
three names from OpenAI's SDK, and handed them on; what its constructor takes are still the SDK's.
"""

from __future__ import annotations

BETA, HOME = "livekit.plugins.google.beta.realtime", "livekit.plugins.google.realtime"

REALTIME, SDK = "livekit.plugins.openai.realtime.realtime_model", "openai.types.beta.realtime.session"
OF_SDK = frozenset({"TurnDetection", "InputAudioTranscription", "InputAudioNoiseReduction"})


def todays_address(name: str) -> str:
    """The full name of today; every other name as it is."""
    if f"{name}.".startswith(f"{BETA}."):
        return HOME + name.removeprefix(BETA)
    module, _, last = name.rpartition(".")
    return f"{SDK}.{last}" if module == REALTIME and last in OF_SDK else name

"""What became of the arguments of plugins' constructors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_P = "livekit.plugins."


@dataclass(frozen=True)
class Options:
    """What became of a constructor's arguments: new names, dropped ones, and what a person must look at instead."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    unclear: Mapping[str, str] = field(default_factory=dict)


_AZURE_EVENTS = (
    "bookmark_reached",
    "synthesis_canceled",
    "synthesis_completed",
    "synthesis_started",
    "synthesizing",
    "viseme",
    "word_boundary",
)
#: Full name of the constructor → what became of its arguments between 0.12 and 1.8.
PLUGIN_OPTIONS = {
    f"{_P}openai.LLM": Options({"max_tokens": "max_completion_tokens"}),
    f"{_P}deepgram.STT": Options({}, frozenset({"energy_filter"})),
    f"{_P}deepgram.TTS": Options({}, frozenset({"use_streaming"})),
    f"{_P}elevenlabs.TTS": Options({"model_id": "model"}),
    f"{_P}azure.STT": Options({"languages": "language"}),
    f"{_P}azure.STT.update_options": Options({"languages": "language"}),
    f"{_P}azure.TTS": Options(
        {},
        frozenset(),
        {
            "speech_host": "see `speech_endpoint=`",
            "endpoint_id": "see `deployment_id=`",
            **{f"on_{event}_event": "the plugin reports no events of Azure's any more" for event in _AZURE_EVENTS},
        },
    ),
    f"{_P}assemblyai.STT": Options(
        {"word_boost": "keyterms_prompt"},
        frozenset({"disable_partial_transcripts", "enable_extra_session_information"}),
        {"end_utterance_silence_threshold": "see `min_turn_silence=` and `max_turn_silence=` (milliseconds)"},
    ),
    f"{_P}google.LLM": Options(
        {},
        frozenset({"candidate_count"}),
        {"gemini_tools": "such tools are the Agent's, `Agent(tools=[google.tools.GoogleSearch()])`"},
    ),
    f"{_P}groq.LLM": Options({"max_tokens": "max_completion_tokens"}),
    f"{_P}silero.VAD.load": Options({"padding_duration": "prefix_padding_duration"}),
}
#: Constructors that have a new name: old → (module, name in it, argument to add).
MOVED_CONSTRUCTORS = {
    f"{_P}openai.LLM.with_groq": (f"{_P}groq", "LLM", ""),
    f"{_P}openai.STT.with_groq": (f"{_P}groq", "STT", ""),
    f"{_P}openai.LLM.with_vertex": (f"{_P}google", "LLM", "vertexai"),
    f"{_P}openai.TTS.create_azure_client": (f"{_P}openai", "TTS.with_azure", ""),
    f"{_P}openai.LLM.create_azure_client": (f"{_P}openai", "LLM.with_azure", ""),
}

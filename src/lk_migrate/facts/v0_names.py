"""The library names of LiveKit Agents 0.x that the rules look for, and what their objects are.

Sources: the packages livekit-agents 0.8.0 and 0.12.21.
"""

from __future__ import annotations

from enum import Enum


class Kind(str, Enum):
    """What an expression is known to be."""

    PIPELINE = "VoicePipelineAgent"
    MULTIMODAL = "MultimodalAgent"
    SESSION = "AgentSession"
    AGENT = "Agent"
    CHAT_CONTEXT = "ChatContext"
    CHAT_MESSAGE = "ChatMessage"
    MESSAGES = "list[ChatMessage]"
    FUNCTIONS = "FunctionContext"
    CALL_CONTEXT = "AgentCallContext"
    LLM = "LLM"
    STREAM = "LLMStream"
    CHUNK = "ChatChunk"
    REALTIME_MODEL = "RealtimeModel"
    REALTIME_SESSIONS = "list[RealtimeSession]"
    REALTIME_SESSION = "RealtimeSession"
    CHAT_MANAGER = "ChatManager"
    JOB = "JobContext"


_AGENTS = "livekit.agents."
_LLM = (f"{_AGENTS}llm.", f"{_AGENTS}llm.chat_context.", f"{_AGENTS}llm.llm.", f"{_AGENTS}llm.function_context.")

PIPELINES = frozenset(
    _AGENTS + name
    for name in (
        "pipeline.VoicePipelineAgent",
        "pipeline.pipeline_agent.VoicePipelineAgent",
        "voice_assistant.VoiceAssistant",
        "voice_assistant.voice_assistant.VoiceAssistant",
        "voice_assistant.VoicePipelineAgent",
        "voice.VoicePipelineAgent",  # written so by half-migrated code; no version had it there
        "voice.VoiceAssistant",
        "VoiceAssistant",
        "VoicePipelineAgent",
    )
)
MULTIMODALS = frozenset(
    _AGENTS + name
    for name in ("multimodal.MultimodalAgent", "multimodal.multimodal_agent.MultimodalAgent", "MultimodalAgent")
)
AGENT_CLASSES = PIPELINES | MULTIMODALS
SESSIONS = frozenset({f"{_AGENTS}AgentSession", f"{_AGENTS}voice.AgentSession"})
AGENTS = frozenset({f"{_AGENTS}Agent", f"{_AGENTS}voice.Agent"})
REALTIME_MODELS = frozenset(
    f"livekit.plugins.{name}.RealtimeModel"
    for name in (
        "openai.realtime",
        "openai.realtime.realtime_model",
        "google.beta.realtime",
        "google.realtime",
        "google.beta.realtime.realtime_api",
    )
)
#: What all of them are, and half migrated code makes one of.
_REALTIME_BASES = frozenset({"livekit.agents.llm.RealtimeModel", "livekit.agents.llm.realtime.RealtimeModel"})


def llm_name(name: str | None) -> str:
    """`ChatContext` for `livekit.agents.llm.ChatContext` and its other addresses, "" for anything else."""
    if name is not None:
        for prefix in _LLM:
            if name.startswith(prefix) and "." not in name[len(prefix) :]:
                return name[len(prefix) :]
    return ""


#: The constructor arguments of the 0.x agents, 0.8 to 0.12.
V0_ARGUMENTS = frozenset(
    """
    vad stt llm tts model chat_ctx fnc_ctx noise_cancellation turn_detector allow_interruptions
    interrupt_speech_duration interrupt_min_words min_endpointing_delay max_endpointing_delay max_nested_fnc_calls
    preemptive_synthesis transcription before_llm_cb before_tts_cb will_synthesize_assistant_reply plotting debug
    max_text_response_retries loop
    """.split()  # noqa: SIM905
)

_KINDS = {
    "ChatContext": Kind.CHAT_CONTEXT,
    "ChatMessage": Kind.CHAT_MESSAGE,
    "FunctionContext": Kind.FUNCTIONS,
    "LLMStream": Kind.STREAM,
    "ChatChunk": Kind.CHUNK,
    "LLM": Kind.LLM,
}
CALL_CONTEXTS = frozenset(
    {
        f"{_AGENTS}pipeline.AgentCallContext",
        f"{_AGENTS}pipeline.pipeline_agent.AgentCallContext",
        f"{_AGENTS}voice_assistant.AssistantCallContext",
        f"{_AGENTS}voice_assistant.AgentCallContext",
        f"{_AGENTS}voice_assistant.AssistantContext",
    }
)


def kind_of_name(name: str | None) -> Kind | None:
    """What an instance of the library class `name` (its full dotted name) is."""
    if name is None:
        return None
    if name in PIPELINES:
        return Kind.PIPELINE
    if name in MULTIMODALS:
        return Kind.MULTIMODAL
    if name in SESSIONS:
        return Kind.SESSION
    if name in AGENTS:
        return Kind.AGENT
    if name in REALTIME_MODELS or name in _REALTIME_BASES:
        return Kind.REALTIME_MODEL
    if name in CALL_CONTEXTS:
        return Kind.CALL_CONTEXT
    if name in ("livekit.rtc.ChatManager", "livekit.rtc.chat.ChatManager"):
        return Kind.CHAT_MANAGER
    if name in ("livekit.agents.JobContext", "livekit.agents.job.JobContext"):
        return Kind.JOB
    if name.startswith("livekit.plugins.") and name.endswith(".LLM"):
        return Kind.LLM
    return _KINDS.get(llm_name(name))


#: A file that has none of these has nothing of 0.x in it.
TRIGGERS = (
    b"VoicePipelineAgent",
    b"VoiceAssistant",
    b"MultimodalAgent",
    b"FunctionContext",
    b"ai_callable",
    b"agents.pipeline",
    b"agents.voice_assistant",
    b"agents.multimodal",
    b"ChatContext",
    b"ChatMessage",
    b"ChatManager",
    b"fnc_ctx",
    b"RealtimeModel",
    b"_speech_committed",
    b"_speaking",
    b"function_calls_finished",
    b"function_calls_collected",
    b".conversation.item",
)

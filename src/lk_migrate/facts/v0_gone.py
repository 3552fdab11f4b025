"""Modules and names of 0.x that livekit-agents 1.8 does not have, and where their successors are.

Checked by importing each of them with 1.8.9 installed (tests/rules/test_v0_gone.py).
"""

from __future__ import annotations

_METRICS = {
    "PipelineSTTMetrics": "STTMetrics",
    "PipelineLLMMetrics": "LLMMetrics",
    "PipelineTTSMetrics": "TTSMetrics",
    "PipelineVADMetrics": "VADMetrics",
    "PipelineEOUMetrics": "EOUMetrics",
    "MultimodalLLMMetrics": "RealtimeModelMetrics",
}
#: Names that only moved: full old name → full new name.
MOVED: dict[str, str] = {
    "livekit.agents.AgentState": "livekit.agents.voice.events.AgentState",
    "livekit.agents.ATTRIBUTE_AGENT_STATE": "livekit.agents.types.ATTRIBUTE_AGENT_STATE",
    "livekit.agents.http_server": "livekit.agents.utils.http_server",
    "livekit.agents.multimodal.EventTypes": "livekit.agents.voice.events.EventTypes",
    "livekit.agents.multimodal.multimodal_agent.EventTypes": "livekit.agents.voice.events.EventTypes",
    "livekit.agents.pipeline.pipeline_agent.EventTypes": "livekit.agents.voice.events.EventTypes",
    "livekit.agents.llm.ChatImage": "livekit.agents.llm.ImageContent",
    "livekit.agents.llm.ChatAudio": "livekit.agents.llm.AudioContent",
    "livekit.agents.llm.chat_context.ChatImage": "livekit.agents.llm.ImageContent",
    "livekit.agents.llm.chat_context.ChatAudio": "livekit.agents.llm.AudioContent",
    **{
        f"livekit.agents.metrics.{module}{old}": f"livekit.agents.metrics.{module}{new}"
        for module in ("", "base.")
        for old, new in _METRICS.items()
    },
}

#: Modules that are gone with everything in them, and what to do about what is left of them.
GONE_MODULES: dict[str, str] = {
    "livekit.agents.pipeline": "the 0.x pipeline agent is `Agent` + `AgentSession` now",
    "livekit.agents.voice_assistant": "the 0.x voice assistant is `Agent` + `AgentSession` now",
    "livekit.agents.multimodal": "the multimodal agent is `AgentSession(llm=RealtimeModel(…))` now",
    "livekit.agents.transcription": "a session transcribes by itself: use `AgentSession` with "
    "`RoomOptions(text_output=True)`, or `livekit.agents.voice.TranscriptSynchronizer`",
    "livekit.agents.llm.function_context": "tools are `@function_tool` functions, boxes of them `llm.Toolset`",
    "livekit.plugins.openai.beta": "the Assistants API is gone: use `openai.responses.LLM`, or an Agent's `llm_node`",
    "livekit.plugins.openai._oai_api": 'tools are described by `llm.ToolContext(tools).parse_function_tools("openai")`',
    "livekit.plugins.rag": "the plugin has no release for 1.x: query your index in `on_user_turn_completed`",
    "livekit.plugins.llama_index": "the plugin has no release for 1.x: call the index in an Agent's `llm_node`",
    "livekit.plugins.playai": "the plugin has no release for 1.8: choose another TTS",
    "livekit.plugins.playht": "the plugin has no release for 1.x: choose another TTS",
    "livekit.plugins.speechmatics.types": "what a `TranscriptionConfig` held are keywords of `speechmatics.STT(…)`",
    "livekit.plugins.nltk": "the tokenizers of `livekit.agents.tokenize` take its place",
}

#: Names that are gone from modules that are still there.
GONE_NAMES: dict[str, str] = {
    "livekit.agents.llm.FunctionContext": "boxes of tools are `llm.Toolset`",
    "livekit.agents.llm.ai_callable": "tools are `@function_tool` functions",
    "livekit.agents.llm.TypeInfo": "describe parameters with `Annotated[…, pydantic.Field(description=…)]`",
    "livekit.agents.llm.USE_DOCSTRING": "the docstring is the description anyway",
    "livekit.agents.llm.FunctionInfo": "see `livekit.agents.llm.FunctionTool`",
    "livekit.agents.llm.FunctionArgInfo": "see `livekit.agents.llm.FunctionTool`",
    "livekit.agents.llm.FunctionCallInfo": "a call of a tool is an `llm.FunctionCall` item now",
    "livekit.agents.llm.CalledFunction": "`FunctionToolsExecutedEvent` has the calls and their outputs",
    "livekit.agents.llm.LLMCapabilities": "an LLM has no capabilities object any more",
    "livekit.agents.llm.ChatImage": "it is `llm.ImageContent`",
    "livekit.agents.llm.ChatAudio": "it is `llm.AudioContent`",
    "livekit.agents.llm._create_ai_function_info": "a call that a model asks for is an `llm.FunctionToolCall`",
    "livekit.plugins.openai.utils.build_oai_message": '`chat_ctx.to_provider_format("openai")` gives the messages',
    "livekit.plugins.openai.llm._build_oai_context": '`chat_ctx.to_provider_format("openai")` gives the messages',
    "livekit.agents.inference.llm.to_fnc_ctx": '`llm.ToolContext(tools).parse_function_tools("openai")` gives them',
    "livekit.plugins.openai.models.GroqChatModels": "they are the `groq` plugin's",
    "livekit.plugins.openai.models.VertexModels": "they are the `google` plugin's",
    "livekit.agents.tts.SynthesizedAudioEmitter": "a TTS emits through the `AudioEmitter` it is given",
    "livekit.rtc.ChatManager": "a session answers `lk.chat` text by itself",
    "livekit.rtc.ChatMessage": "chat is text streams now: `room.register_text_stream_handler`",
    "livekit.rtc.chat": "chat is text streams now: `room.register_text_stream_handler`",
}

#: Types of objects that are another type's now: full old name → full new name. What makes one is for a person.
NOW_OF_TYPE: dict[str, str] = {
    f"livekit.agents.llm.{module}{old}": "livekit.agents.llm.FunctionCall"
    for module in ("", "function_context.")
    for old in ("CalledFunction", "FunctionCallInfo")
}

#: Gone names, or names that never were, whose every use is for a person to decide.
LEFT_TO_A_PERSON: dict[str, str] = {
    "livekit.agents.transcription.STTSegmentsForwarder": "a session with an STT transcribes by itself",
    "livekit.agents.transcription.TTSSegmentsForwarder": "use `livekit.agents.voice.TranscriptSynchronizer`",
    "livekit.agents.tts.SynthesisEvent": "a TTS gives `SynthesizedAudio` objects, without event types",
    "livekit.agents.tts.SynthesisEventType": "a TTS gives `SynthesizedAudio` objects, without event types",
    "livekit.agents.codecs": "decode with `livekit.agents.utils.codecs.AudioStreamDecoder`",
    "livekit.agents.utils.codecs.Mp3StreamDecoder": "decode with `livekit.agents.utils.codecs.AudioStreamDecoder`",
    "livekit.agents.JobType": "the kind of worker is `WorkerType` (`@server.rtc_session(type=…)`)",
    "livekit.agents.entrypoint": "there never was one: the entrypoint is marked with `@server.rtc_session()`",
    "livekit.rtc.VAD": "there never was one: use `silero.VAD.load()`",
    "livekit.plugins.silero.STT": "silero is a VAD only: choose an STT of another plugin",
    "livekit.plugins.silero.LLM": "silero is a VAD only: choose an LLM of another plugin",
    "livekit.plugins.silero.TTS": "silero is a VAD only: choose a TTS of another plugin",
    "livekit.agents.llm.LLMCapabilities": "an LLM has no capabilities object any more",
    "livekit.agents.llm.FunctionInfo": "a tool is an `llm.FunctionTool`, its description is `tool.info`",
    "livekit.agents.llm.FunctionArgInfo": "a tool's schema is made by `llm.utils.build_legacy_openai_schema(tool)`",
    "livekit.agents.AgentCallContext": "a tool takes a `ctx: RunContext`",
}


def why_gone(target: str) -> str | None:
    """What to do about `target` (a full dotted name), None when it still exists as far as we know."""
    if target in MOVED:
        return f"it is `{MOVED[target]}` now"
    for table in (GONE_NAMES, LEFT_TO_A_PERSON):
        if target in table:
            return table[target]
    parts = target.split(".")
    for size in range(len(parts), 1, -1):
        found = GONE_MODULES.get(".".join(parts[:size]))
        if found is not None:
            return found
    return None

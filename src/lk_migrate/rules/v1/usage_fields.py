"""Where each number of the old `UsageSummary` stands in today's per-model usage (LK310).

Checked on 1.8.9 (`livekit/agents/metrics/usage.py` and `usage_collector.py`): the old collector added up over all
models what the new one keeps per model, so a sum over the models of that kind is the same number.
"""

from __future__ import annotations

#: old attribute → (type of the usage object, its attribute)
USAGE_FIELDS: dict[str, tuple[str, str]] = {
    "llm_prompt_tokens": ("llm_usage", "input_tokens"),
    "llm_input_tokens": ("llm_usage", "input_tokens"),
    "llm_prompt_cached_tokens": ("llm_usage", "input_cached_tokens"),
    "llm_input_audio_tokens": ("llm_usage", "input_audio_tokens"),
    "llm_input_cached_audio_tokens": ("llm_usage", "input_cached_audio_tokens"),
    "llm_input_text_tokens": ("llm_usage", "input_text_tokens"),
    "llm_input_cached_text_tokens": ("llm_usage", "input_cached_text_tokens"),
    "llm_input_image_tokens": ("llm_usage", "input_image_tokens"),
    "llm_input_cached_image_tokens": ("llm_usage", "input_cached_image_tokens"),
    "llm_completion_tokens": ("llm_usage", "output_tokens"),
    "llm_output_tokens": ("llm_usage", "output_tokens"),
    "llm_output_audio_tokens": ("llm_usage", "output_audio_tokens"),
    "llm_output_text_tokens": ("llm_usage", "output_text_tokens"),
    "tts_characters_count": ("tts_usage", "characters_count"),
    "tts_audio_duration": ("tts_usage", "audio_duration"),
    "stt_audio_duration": ("stt_usage", "audio_duration"),
    "stt_input_tokens": ("stt_usage", "input_tokens"),
    "stt_output_tokens": ("stt_usage", "output_tokens"),
    "stt_input_audio_tokens": ("stt_usage", "input_audio_tokens"),
}


def total(field: str, usages: str, quote: str = '"') -> str:
    """The expression for an old number; `usages` is the expression for the list of per-model objects."""
    kind, name = USAGE_FIELDS[field]
    return f"sum(u.{name} for u in {usages} if u.type == {quote}{kind}{quote})"

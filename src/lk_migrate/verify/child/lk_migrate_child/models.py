"""Models of any provider are exchanged for clients of the local stand-in server.

What already talks to the stand-in (through OPENAI_BASE_URL or LIVEKIT_INFERENCE_URL) stays as it is, and so
do
model classes of the person's own: they are part of what is being verified.
"""

from __future__ import annotations

import os
from typing import Any

from lk_migrate_child.events import emit_once


def _client_url(model: object) -> str:
    client = getattr(model, "_client", None)
    return str(getattr(client, "base_url", ""))


def _is_foreign(model: object) -> bool:
    """Whether this model belongs to the framework or a plugin, and does not talk to the stand-in."""
    module = type(model).__module__
    if not module.startswith(("livekit.plugins.", "livekit.agents.")):
        return False
    stand_in = os.environ["LK_MIGRATE_STANDIN"]
    if module.startswith("livekit.agents.inference"):
        options = getattr(model, "_opts", None)
        if type(model).__name__ in ("STT", "TTS"):  # over a WebSocket, which the stand-in does not speak
            return True
        return not str(getattr(options, "base_url", stand_in)).startswith(stand_in)
    return not _client_url(model).startswith(stand_in)


def _name(model: object) -> str:
    return f"{type(model).__module__.removeprefix('livekit.')}.{type(model).__qualname__}"


def exchange_llm(model: Any) -> Any:
    """The same model, or one of the stand-in server."""
    if isinstance(model, str) or not _is_foreign(model):
        return model
    from livekit.agents import inference

    emit_once("exchanged", role="llm", model=_name(model))
    return inference.LLM(
        "openai/stand-in",
        base_url=os.environ["LK_MIGRATE_STANDIN"] + "/v1",
        api_key="stand-in",
        api_secret="stand-in-secret-of-at-least-32-bytes",
    )


def exchange_speech(role: str, model: Any) -> Any:
    """The same `stt` or `tts`, or one of the stand-in server."""
    if not isinstance(model, str) and not _is_foreign(model):
        return model
    emit_once("exchanged", role=role, model=model if isinstance(model, str) else _name(model))
    return _stand_in_speech(role)


def _stand_in_speech(role: str) -> Any:
    from lk_migrate_child.hearing import StandInSTT, StandInTTS

    return StandInSTT() if role == "stt" else StandInTTS()


def _hears_and_speaks(model: object) -> bool:
    from livekit.agents import llm

    return isinstance(model, llm.RealtimeModel) and _is_foreign(model)


def exchange_models(arguments: dict[str, Any]) -> None:
    """Exchange `llm`, `stt` and `tts` among the keyword arguments of an AgentSession or Agent, in place."""
    from livekit.agents.types import NOT_GIVEN

    if _hears_and_speaks(arguments.get("llm")):  # what replaces it does neither
        for role in ("stt", "tts"):
            if not arguments.get(role, NOT_GIVEN):
                arguments[role] = _stand_in_speech(role)
    for role in ("llm", "stt", "tts"):
        model = arguments.get(role, NOT_GIVEN)
        if model is None or model is NOT_GIVEN:
            continue
        arguments[role] = exchange_llm(model) if role == "llm" else exchange_speech(role, model)

"""Where models and voices are made: calls of LiveKit's plugins, and the statements that choose among them."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import own_scope

#: The roles of `AgentSession` that a person chooses models for (`vad` is loaded in prewarm).
MODEL_KEYWORDS = ("stt", "llm", "tts")
_MODEL_CLASSES = frozenset({"STT", "LLM", "TTS", "RealtimeModel", "STTv2", "FallbackAdapter"})


def is_model_call(project: Project, module: Module, call: cst.Call) -> bool:
    """Whether `call` makes a model of a LiveKit plugin or of LiveKit Inference."""
    if not module.may_be_imported(call.func):
        return False
    name = project.full_name(module, call.func) or ""
    return name.startswith(("livekit.plugins.", "livekit.agents.")) and name.rpartition(".")[2] in _MODEL_CLASSES


def language_model_calls(project: Project, module: Module) -> list[cst.Call]:
    """Every call in `module` that makes an OpenAI or Anthropic language model (these take `parallel_tool_calls`)."""
    wanted = {"livekit.plugins.openai.LLM", "livekit.plugins.anthropic.LLM"}
    calls = (c for c in module.index.of(cst.Call) if module.may_be_imported(c.func))
    return [c for c in calls if project.full_name(module, c.func) in wanted]


def makes_model(project: Project, module: Module, statement: cst.CSTNode) -> bool:
    """Whether the statement itself (no function nested in it) makes a model."""
    if isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
        return False
    return any(type(n) is cst.Call and is_model_call(project, module, n) for n in own_scope(statement))

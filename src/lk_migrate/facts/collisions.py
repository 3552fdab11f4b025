"""Names of an assistant class that livekit's `Agent` has for itself.

Public names from `dir(Agent)`, private ones from `vars(Agent(instructions=""))`, both of livekit-agents 1.8.9.
Most of the public ones are properties without a setter: `self.session = …` raises AttributeError once the class is
an `Agent`; private ones are quietly overwritten, by the base or by the subclass.
"""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.classes import ClassRef, class_attributes, is_self_attribute, methods, self_name
from lk_migrate.facts.run_contexts import LIFECYCLE

PROPERTIES = frozenset(
    {
        "allow_interruptions",
        "audio_recognition",
        "chat_ctx",
        "duplex_session",
        "expressive",
        "id",
        "instructions",
        "interruption_detection",
        "label",
        "llm",
        "max_endpointing_delay",
        "mcp_servers",
        "min_consecutive_speech_delay",
        "min_endpointing_delay",
        "realtime_llm_session",
        "session",
        "stt",
        "tools",
        "tts",
        "turn_detection",
        "use_tts_aligned_transcript",
        "vad",
    }
)
METHODS = frozenset(
    {
        "default",
        "update_chat_ctx",
        "update_instructions",
        "update_options",
        "update_tools",
    }
)
PRIVATE = frozenset(
    {
        "_activity",
        "_allow_interruptions",
        "_async_tool_options",
        "_chat_ctx",
        "_expressive",
        "_get_activity_or_raise",
        "_id",
        "_instructions",
        "_interruption_detection",
        "_llm",
        "_max_endpointing_delay",
        "_mcp_servers",
        "_min_consecutive_speech_delay",
        "_min_endpointing_delay",
        "_stt",
        "_tools",
        "_tts",
        "_turn_detection",
        "_turn_handling",
        "_use_tts_aligned_transcript",
        "_vad",
    }
)
RESERVED = PROPERTIES | METHODS | PRIVATE | LIFECYCLE


def renamed(name: str) -> str:
    """What a reserved name is called instead: `tools` → `own_tools`, `_llm` → `_own_llm`; others stay."""
    if name not in RESERVED:
        return name
    return f"_own{name}" if name.startswith("_") else f"own_{name}"


@dataclass(frozen=True)
class Collision:
    """`name` is bound by the class (`kind`: "attribute", "class attribute" or "method") and reserved by `Agent`."""

    name: str
    kind: str
    node: cst.CSTNode


def collisions_of(ref: ClassRef, tools: set[cst.FunctionDef], is_agent: bool) -> tuple[Collision, ...]:
    """The reserved names that the class body binds.

    For a class that is an `Agent` already, methods that override the framework's own are meant, and `_private` names
    may be, so only assignments to its properties count.
    """
    found: dict[str, Collision] = {}
    node = ref.node
    for function in methods(node):
        name = function.name.value
        if name in RESERVED and not is_agent and function not in tools:
            found.setdefault(name, Collision(name, "method", function))
    for name, (line, _) in class_attributes(node).items():
        if name in RESERVED and not is_agent:
            found.setdefault(name, Collision(name, "class attribute", line))
    for function in methods(node):
        instance = self_name(function)
        for binding in ref.module.index.find(function, cst.AssignTarget, cst.AnnAssign, cst.AugAssign):
            target = binding.target
            if isinstance(target, cst.Attribute) and is_self_attribute(target, instance):
                name = target.attr.value
                if name in RESERVED and (not is_agent or name in PROPERTIES - {"turn_detection"}):
                    found.setdefault(name, Collision(name, "attribute", target))
    return tuple(found.values())

"""Whether files can have anything of 0.x in them that facts/holdings.py would follow, told by their bytes.

Some words of 0.x are words of today's code, too. They count once a file says what was done with them, which today's
code does not do, so that a project of today is not read as a whole for them.
"""

from __future__ import annotations

import re

from lk_migrate.facts.project import Project
from lk_migrate.facts.searched import GAP
from lk_migrate.facts.v0_names import TRIGGERS

#: Today there are realtime models as well, and anybody's own attribute may end like an event of old.
_OF_TODAY = frozenset({b"RealtimeModel", b"_speaking"})
_WORD = re.compile(b"|".join(map(re.escape, TRIGGERS)))
_NAMES = (
    *(word for word in TRIGGERS if word not in _OF_TODAY),
    # what was given to an agent, and what its tools got
    *(b"before_llm_cb", b"before_tts_cb", b"will_synthesize_assistant_reply"),
    *(b"CallContext", b"AssistantContext", b"ToolChoice"),
    # what a model answered with
    *(b"LLMStream", b"ChatChunk"),
)
#: What is evidence, and the word without which it does not stand in a file: `in` is faster than `re`.
_EVIDENCE = [
    (word, re.compile(pattern))
    for word, pattern in (
        *((name, re.escape(name)) for name in _NAMES),
        # events, and hooks that never were
        (b"_started_speaking", rb"[\"'](?:user|agent)_started_speaking"),
        (b"_stopped_speaking", rb"[\"'](?:user|agent)_stopped_speaking"),
        (b"_speech_interrupted", rb"[\"'](?:user|agent)_speech_interrupted"),
        (b"'on_", rb"'on_"),
        (b'"on_', rb'"on_'),
        # what was asked of a model
        (b"response", rb"\.%sresponse%s\.%screate\b" % (GAP, GAP, GAP)),
        (b"chat_ctx", rb"\.%schat_ctx" % GAP),
        (b"chat_context", rb"\.%schat_context" % GAP),
        (b"sessions", rb"\.%ssessions" % GAP),
        (b"create_session", rb"\.%screate_session" % GAP),
        (b"chat", rb"\.%schat%s\(" % (GAP, GAP)),
        (b"session", rb"\.%ssession%s\(" % (GAP, GAP)),
        # what was asked of a job
        (b"participants", rb"\broom%s\.%sparticipants\b|[\"']participants\b" % (GAP, GAP)),
    )
]
#: What an LLM was asked, where LK224 looks. (A realtime model still says what it is capable of, by these names.)
_CAPABILITIES = re.compile(
    rb"\.%scapabilities\b(?![ \t]+import\b)(?!\.(?:message_truncation|turn_detection|user_transcription"
    rb"|auto_tool_reply_generation|audio_output|manual_function_calls|can_disable_turn_detection)\b)" % GAP
)


def speaks_of_0x(project: Project) -> bool:
    """Whether a word of 0.x stands in any file. Use as `project.fact(speaks_of_0x)`."""
    return any(_says(_WORD, project.files[path]) for path in project.paths_with(TRIGGERS))


def may_hold_0x(project: Project) -> bool:
    """Whether anything can come of following what is of 0.x. Use as `project.fact(may_hold_0x)`."""
    return project.fact(speaks_of_0x) and any(map(_is_evidence, project.files.values()))


def _is_evidence(data: bytes) -> bool:
    if any(word in data and _says(pattern, data) for word, pattern in _EVIDENCE):
        return True
    return b"capabilities" in data and _says(_CAPABILITIES, data) and _says(_WORD, data)


def _says(pattern: re.Pattern[bytes], data: bytes) -> bool:
    """Whether it stands in the file, lines left out that are nothing but a comment."""
    lines = (data[data.rfind(b"\n", 0, m.start()) + 1 : m.start()] for m in pattern.finditer(data))
    return any(not line.lstrip().startswith(b"#") for line in lines)

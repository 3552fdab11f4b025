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
_EVIDENCE = re.compile(
    b"|".join(
        [
            *(re.escape(word) for word in TRIGGERS if word not in _OF_TODAY),
            # events, and hooks that never were
            rb"[\"'](?:user|agent)_(?:started_speaking|stopped_speaking|speech_interrupted)|[\"']on_",
            # what was given to an agent, and what its tools got
            rb"before_(?:llm|tts)_cb|will_synthesize_assistant_reply|CallContext|AssistantContext|ToolChoice",
            # what was asked of a model, and what it answered with
            rb"LLMStream|ChatChunk|\.%sresponse%s\.%screate\b" % (GAP, GAP, GAP),
            rb"\.%s(?:chat_ctx|chat_context|sessions|create_session|(?:chat|session)%s\()" % (GAP, GAP),
            # what was asked of a job
            rb"\broom%s\.%sparticipants\b|[\"']participants\b" % (GAP, GAP),
        ]
    )
)
#: What an LLM was asked, where LK224 looks. (A realtime model still says what it is capable of, by these names.)
_CAPABILITIES = re.compile(
    rb"\.%scapabilities\b(?![ \t]+import\b)(?!\.(?:message_truncation|turn_detection|user_transcription"
    rb"|auto_tool_reply_generation|audio_output|manual_function_calls|can_disable_turn_detection)\b)" % GAP
)


def speaks_of_0x(project: Project) -> bool:
    """Whether a word of 0.x stands in any file. Use as `project.fact(speaks_of_0x)`."""
    return any(_says(_WORD, data) for data in project.files.values())


def may_hold_0x(project: Project) -> bool:
    """Whether anything can come of following what is of 0.x. Use as `project.fact(may_hold_0x)`."""
    return project.fact(speaks_of_0x) and any(map(_is_evidence, project.files.values()))


def _is_evidence(data: bytes) -> bool:
    return _says(_EVIDENCE, data) or (_says(_WORD, data) and _says(_CAPABILITIES, data))


def _says(pattern: re.Pattern[bytes], data: bytes) -> bool:
    """Whether it stands in the file, lines left out that are nothing but a comment."""
    lines = (data[data.rfind(b"\n", 0, m.start()) + 1 : m.start()] for m in pattern.finditer(data))
    return any(not line.lstrip().startswith(b"#") for line in lines)

"""Event names that a session does not have are reported.

`session.on("agent_speech_committed", …)` registers without a word and is never called: most names of 0.x are gone,
and a misspelt one looks the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

import libcst as cst

from lk_migrate.facts.among import calls_of
from lk_migrate.facts.handlers import handlers
from lk_migrate.facts.instances import instance_of, where_objects_may_be
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.realtime import raw_sessions
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Note, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK333", Edition.V1, __doc__, triggers=(b".on(", b".once("), since="1.0.0", paths=where_objects_may_be)

#: `livekit.agents.voice.events.EventTypes` of 1.8.9.
EVENTS = frozenset(
    {
        "user_state_changed",
        "agent_state_changed",
        "user_input_transcribed",
        "user_transcription_timeout",
        "conversation_item_added",
        "agent_false_interruption",
        "overlapping_speech",
        "function_tools_executed",
        "metrics_collected",
        "session_usage_updated",
        "speech_created",
        "tool_execution_updated",
        "error",
        "close",
        "debug_message",
    }
)
#: Events of 0.x, which the v0 rules rewrite: here they are only worth a note.
OLD_EVENTS = {
    "user_speech_committed": "conversation_item_added",
    "agent_speech_committed": "conversation_item_added",
    "agent_speech_interrupted": "conversation_item_added",
    "user_started_speaking": "user_state_changed",
    "user_stopped_speaking": "user_state_changed",
    "agent_started_speaking": "agent_state_changed",
    "agent_stopped_speaking": "agent_state_changed",
    "function_calls_collected": "function_tools_executed",
    "function_calls_finished": "function_tools_executed",
}
#: Names seen in public code that are near to none in spelling → the event that tells it.
_GUESSED = {
    **dict.fromkeys(("transcript_received", "transcription_received", "user_transcript"), "user_input_transcribed"),
    **dict.fromkeys(("response_received", "agent_response", "message_added"), "conversation_item_added"),
    **dict.fromkeys(("session_ended", "session_closed", "ended", "closed", "disconnected"), "close"),
    **dict.fromkeys(("user_speech_start", "user_speech_started", "user_speech_end"), "user_state_changed"),
    **dict.fromkeys(("tts_started", "tts_playback_started", "tts_playback_finished"), "agent_state_changed"),
    **dict.fromkeys(("function_calls", "function_call", "tool_call", "tool_called"), "function_tools_executed"),
}


@rule.on(cst.Call, among=calls_of("on", "once"))
def unknown(call: cst.Call, file: File) -> Iterator[Change]:
    """On what is shown to be a session."""
    if not (isinstance(call.func, cst.Attribute) and call.func.attr.value in ("on", "once") and call.args):
        return
    event = call.args[0].value
    name = text_of(event)
    if not isinstance(name, str) or name in EVENTS:
        return
    if not _is_session(call.func.value, file):
        return
    if name in OLD_EVENTS:
        if call in file.project.fact(handlers).registrations:
            return  # LK240 rewrites it, or marks it
        yield Note(call, f"`{name}` is an event of 0.x: on a session `{OLD_EVENTS[name]}` takes its place.")
    else:
        yield Todo(
            call,
            f"a session has no event `{name}`{meant(name)}: this is never called. See "
            "`livekit.agents.voice.events.EventTypes`.",
        )


def meant(name: str) -> str:
    """The event that a wrong name is nearest to; of 0.x, when that is what was misspelt."""
    if name in _GUESSED:
        return f" (`{_GUESSED[name]}`?)"
    near = get_close_matches(name, sorted(EVENTS | OLD_EVENTS.keys()), n=1, cutoff=0.75)
    if not near:
        return ""
    now = OLD_EVENTS.get(near[0])
    return f" (`{near[0]}`?)" if now is None else f" (`{near[0]}` of 0.x, today's `{now}`?)"


def _is_session(node: cst.BaseExpression, file: File) -> bool:
    """An `AgentSession`, or the raw session of a realtime model whose place one takes."""
    if isinstance(node, cst.Name) and file.project.fact(raw_sessions).is_session(file.module, node):
        return True
    return instance_of(file.project, file.module, node) == "AgentSession"

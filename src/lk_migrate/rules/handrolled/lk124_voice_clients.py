"""A class that talks to a voice model over a socket and runs the model's tool calls itself (part of LK124).

`RealtimeClient` with the schemas in one method and `if name == "book": …` in another, in a project without LiveKit.
Which of its methods belong to an `Agent` and which to the socket is for a person to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import agent_of
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.project import Project
from lk_migrate.facts.schemas import tool_schemas
from lk_migrate.facts.walk import find
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.handrolled.lk124_tool_functions import rule as tool_functions

_VOICE = re.compile(rb"websocket|realtime|twilio|media.?stream|audio", re.IGNORECASE)
#: What is there before and after a conversion: use of what an agent needs, unlike imports that are not used, which go.
_OF_AN_AGENT = re.compile(
    rb"@function_tool|\b(?:\w*Agent|\w*Assistant|AgentS\w+|JobContext|RunContext|WorkerOptions|ServerOptions)[(\[\].|)]"
    rb"|\blivekit(?:\.| import [^\n]*\b)(?:api|rtc)\b"
)
_IMPORT = re.compile(rb"^(?:\xef\xbb\xbf)?[ \t]*(?:from|import)[ \t][^\n#]*\blivekit\b", re.MULTILINE)


@tool_functions.on(cst.ClassDef)
def voice_client(node: cst.ClassDef, file: File) -> Iterator[Change]:
    """One marker for the class, which names its tools."""
    if file.project.fact(_has_livekit) or not _VOICE.search(file.module.data):
        return
    if agent_of(file.project, node) is not None:
        return
    described = [
        schema.name for value in find(node.body, cst.List) for schema in tool_schemas(file.project, file.module, value)
    ]
    run = {string_value(text) for test in find(node.body, cst.Comparison) for text in find(test, cst.SimpleString)}
    tools = [name for name in dict.fromkeys(described) if name in run]
    if tools:
        names = ", ".join(f"`{name}`" for name in tools)
        yield Todo(
            node,
            f"{names}: what `{node.name.value}` does for each of these calls is a method of an `Agent` with "
            "`@function_tool`; the socket, the audio and the schemas are the business of an `AgentSession` with a "
            "realtime model, or with STT, LLM and TTS.",
        )


def _has_livekit(project: Project) -> bool:
    """Whether a file imports LiveKit for an agent: then the class may be the back office of that one."""
    return any(
        b"livekit" in data and _IMPORT.search(data) and _OF_AN_AGENT.search(data) for data in project.files.values()
    )

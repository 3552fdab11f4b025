"""Arguments of 0.x, or of no version, in a call of `AgentSession` or `Agent`.

Half-migrated files give the new classes the old arguments (`fnc_ctx=`, `chat_ctx=` on a session), or names that never
existed (`fn_ctx=`, `function_context=`). All of them raise TypeError at the first call. A 0.x agent, which becomes a
session (LK202), is asked for what neither it nor a session ever took.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.public_names import closest, public_names
from lk_migrate.facts.v0_names import AGENTS, SESSIONS, V0_ARGUMENTS, Kind, kind_of_name
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import keyword
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

_TRIGGERS = (b"AgentSession", b"Agent(", b"VoicePipelineAgent", b"VoiceAssistant", b"MultimodalAgent")
rule = Rule("LK204", Edition.V0, __doc__, triggers=_TRIGGERS, since="1.0.0")

_AGENTS_OWN = {"chat_ctx": "Agent(chat_ctx=…)", "instructions": "Agent(instructions=…)"}
_TOOLS = frozenset({"fnc_ctx", "fn_ctx", "func_ctx", "function_context", "functions", "function_ctx", "fnc_context"})
#: Names that were seen in public code and exist in no version.
_NEVER = {
    "model": "`llm=` is the model of a session",
    "plugins": "plugins register themselves when they are imported",
    "room": "the room goes to `session.start(room=…)`",
    "agent": "the Agent goes to `session.start(agent=…)`",
    "ctx": "a session takes no job context",
}

_AGENT, _SESSION = "livekit.agents.Agent()", "livekit.agents.AgentSession()"


@rule.on(cst.Call)
def arguments(call: cst.Call, file: File) -> Iterator[Change]:
    """One marker per call, naming every argument."""
    func = call.func.value if isinstance(call.func, cst.Subscript) else call.func
    name = file.full_name(func)
    becomes_session = kind_of_name(name) in (Kind.PIPELINE, Kind.MULTIMODAL)
    if name not in SESSIONS | AGENTS and not becomes_session:
        return
    is_session = becomes_session or name in SESSIONS
    said = []
    names = {keyword(a) for a in call.args}
    for arg in call.args:
        given = keyword(arg)
        if given == "model" and is_session and not becomes_session and "llm" not in names:
            yield Rewrite(arg, lambda updated: updated.with_changes(keyword=cst.Name("llm")), "`model=` is `llm=`")
            continue
        if becomes_session and given in V0_ARGUMENTS:
            continue
        if given in _TOOLS:
            home = "" if not is_session else " of the Agent"
            said.append(f"`{given}=` is no argument: tools are `tools=[…]`{home}")
        elif is_session and given in _AGENTS_OWN:
            said.append(f"`{given}=` belongs to the Agent: `{_AGENTS_OWN[given]}`")
        elif is_session and given in _NEVER:
            said.append(f"`{given}=` is no argument: {_NEVER[given]}")
        elif given and given not in (known := public_names()[_SESSION if is_session else _AGENT]):
            said.append(f"`{given}=` is no argument of 1.8{closest(given, known)}")
    if said:
        yield Todo(call, "; ".join(said) + ".")

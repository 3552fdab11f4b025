"""Arguments that `start`, `say` and `generate_reply` of a session never took, or take no longer (part of LK204)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import calls_of
from lk_migrate.facts.instances import instance_of
from lk_migrate.facts.public_names import closest, public_names
from lk_migrate.rewrite.arguments import keyword
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk204_foreign_arguments import rule as foreign
from lk_migrate.rules.v1.turn_options import SESSION_KEYS

_CLASS = "livekit.agents.AgentSession"
_METHODS = ("start", "say", "generate_reply")
#: What other rules make of arguments: a participant's identity goes into the options, tools to the Agent, …
_HAVE_A_RULE = frozenset({"participant", "add_to_chat_ctx", "source"})


@foreign.on(cst.Call, among=calls_of(*_METHODS))
def of_a_method(call: cst.Call, file: File) -> Iterator[Change]:
    """`session.start(room=…, agent=…, stt=deepgram.STT())`: a TypeError."""
    func = call.func
    if not isinstance(func, cst.Attribute) or func.attr.value not in _METHODS:
        return
    given = [name for name in map(keyword, call.args) if name]
    known = public_names()[f"{_CLASS}.{func.attr.value}()"]
    foreign_ones = [name for name in given if name not in known and name not in _HAVE_A_RULE]
    if not foreign_ones or instance_of(file.project, file.module, func.value) != "AgentSession":
        return
    of_session, method = public_names()[f"{_CLASS}()"], func.attr.value
    said = []
    for name in foreign_ones:
        home = "turn_handling" if name in SESSION_KEYS else name
        hint = f": `AgentSession({home}=…)`" if name in of_session else closest(name, known)
        said.append(f"`{name}=` is no argument of `{method}`{hint}")
    yield Todo(call, "; ".join(said) + ".")

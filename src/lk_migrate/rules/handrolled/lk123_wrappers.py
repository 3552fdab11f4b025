"""An `Agent` put around an assistant by hand is the assistant itself.

`Agent(instructions=assistant.instructions, tools=[…])` made an agent out of a plain object. The object is an `Agent`
now, with its tools: wrapping it again would leave its hooks and its state behind.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import AGENT, agent_of
from lk_migrate.facts.collisions import renamed
from lk_migrate.facts.renames import holders
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Replace, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK123", Edition.HANDROLLED, __doc__, triggers=(b"Agent",), safety=Safety.REVIEW)

_PROMPTS = frozenset({"instructions", renamed("instructions"), "system_prompt", "prompt"})


@rule.on(cst.Call)
def unwrap(call: cst.Call, file: File) -> Iterator[Change]:
    prompt = next((a.value for a in call.args if a.keyword is not None and a.keyword.value == "instructions"), None)
    if not (isinstance(prompt, cst.Attribute) and prompt.attr.value in _PROMPTS):
        return
    if file.full_name(call.func) not in AGENT:
        return
    held = file.project.fact(holders).of(file.module, prompt.value)
    agents = [agent_of(file.project, c) for c in held.classes]
    if not agents or any(a is None for a in agents):
        return
    extra = {a.keyword.value for a in call.args if a.keyword is not None} - {"instructions", "tools"}
    inner = prompt.value
    if held.certain and not extra:
        yield Replace(call, lambda updated: inner, f"`{file.code(inner)}` is an `Agent` itself")
    else:
        yield Todo(
            call, f"`{file.code(inner)}` is an `Agent` itself now: use it instead of a copy of its prompt and tools"
        )

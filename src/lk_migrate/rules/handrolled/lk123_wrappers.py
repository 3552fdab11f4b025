"""An `Agent` put around an assistant by hand is the assistant itself.

`Agent(instructions=assistant.instructions, tools=[…])` made an agent out of a plain object. The object is an `Agent`
now, with its tools: wrapping it again would leave its hooks and its state behind.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import AGENT, agent_of
from lk_migrate.facts.among import with_keyword
from lk_migrate.facts.collisions import renamed
from lk_migrate.facts.renames import holders
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Replace, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK123", Edition.HANDROLLED, __doc__, triggers=(b"Agent",), safety=Safety.REVIEW)

_PROMPTS = frozenset({"instructions", renamed("instructions"), "system_prompt", "prompt"})


@rule.on(cst.Call, among=with_keyword("instructions"))
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
    tools = next((a.value for a in call.args if a.keyword is not None and a.keyword.value == "tools"), None)
    if tools is not None and not _are_its_own(tools, file.code(inner), file):
        yield Todo(
            call,
            f"`{file.code(inner)}` is an `Agent` itself now, but the tools that this one gets are not its own: give "
            "them to it (`super().__init__(tools=…)`), or keep two agents.",
        )
    elif held.certain and not extra:
        yield Replace(call, lambda updated: inner, f"`{file.code(inner)}` is an `Agent` itself")
    else:
        yield Todo(
            call, f"`{file.code(inner)}` is an `Agent` itself now: use it instead of a copy of its prompt and tools"
        )


def _are_its_own(tools: cst.BaseExpression, assistant: str, file: File) -> bool:
    """Whether an expression takes its tools from the assistant: from an attribute, or a function that asks it."""
    whole = file.enclosing(tools, cst.FunctionDef) if isinstance(tools, cst.Name) else None
    given = {id(n) for n in find(file.enclosing(tools, cst.Call) or tools, cst.Name)} if whole is not None else set()
    for node in find(whole or tools, cst.Name):
        if id(node) in given or isinstance(file.parent(node), cst.Param):
            continue
        if node.value != assistant.partition(".")[0]:
            continue
        outer: cst.CSTNode = node
        while file.code(outer) != assistant and isinstance(parent := file.parent(outer), cst.Attribute):
            outer = parent
        parent = file.parent(outer)
        if not isinstance(parent, cst.Arg):
            return True
        call = file.parent(parent)
        if isinstance(call, cst.Call) and _looks_into(call, list(call.args).index(parent), file):
            return True
    return False


def _looks_into(call: cst.Call, position: int, file: File) -> bool:
    """Whether the function that is called asks its argument for anything; one of a library may."""
    symbol = file.resolve(call.func)
    function = symbol.node if symbol is not None else None
    if not isinstance(function, cst.FunctionDef) or position >= len(function.params.params):
        return True
    name = function.params.params[position].name.value
    return any(n.value == name and n is not function.params.params[position].name for n in find(function, cst.Name))

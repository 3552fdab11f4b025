"""Functions that change the agent's own chat context when it is handed to them are pointed out (part of LK222).

`await enrich(agent, agent.chat_ctx)`: what `enrich` appends raises, because an `Agent` shows a read-only context.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.families import Function, arguments
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.walk import find
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk222_messages import is_agents_own, writes
from lk_migrate.rules.v0.lk222_messages import rule as messages


@messages.on(cst.Call)
def handed_on(call: cst.Call, file: File) -> Iterator[Change]:
    """One marker for a call, whichever of its functions it may be."""
    if not any(is_agents_own(arg.value, file) for arg in call.args):
        return
    holdings = file.project.fact(pipelines).holdings
    for function in holdings.callees(file.module, call):
        for param, arg in arguments(function, call):
            if is_agents_own(arg.value, file) and _changes(function, param):
                yield Todo(
                    call,
                    f"`{function.node.name.value}` changes the chat context that it is given, and the Agent's is "
                    "read-only: hand it a copy, and give this back with `await agent.update_chat_ctx(…)`.",
                )
                return


def _changes(function: Function, param: cst.Param) -> bool:
    """`chat_ctx.messages.append(…)`, `chat_ctx.messages[-1] = …`, `chat_ctx.append(…)`."""
    for node in find(function.node.body, cst.Attribute):
        if not isinstance(node.value, cst.Name) or node.value.value != param.name.value:
            continue
        called = isinstance(function.module.index.parents.get(node), cst.Call)
        if node.attr.value == "append" and called:
            return True
        if node.attr.value in ("messages", "items") and writes(node, function.module):
            return True
    return False

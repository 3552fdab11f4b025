"""`chat_ctx.messages` is now `chat_ctx.items`, or `chat_ctx.messages()` where messages are read.

A context holds calls of tools and handoffs, too, since 1.0. `messages` is a method since 1.4 that gives a new list of
the messages only, so what writes into the list goes to `items`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.instances import instance_of, where_objects_may_be
from lk_migrate.facts.module import Module
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.prompts import prompts
from lk_migrate.facts.v0_names import TRIGGERS, Kind
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK222", Edition.V0, __doc__, triggers=(*TRIGGERS, b".messages"), since="1.0.0", paths=where_objects_may_be)

_WRITES = frozenset({"append", "insert", "extend", "pop", "remove", "clear", "sort", "reverse"})


@rule.on(cst.Attribute)
def messages(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`ctx.messages` in all its uses."""
    if node.attr.value != "messages":
        return
    known = file.project.fact(holdings)
    if not known.has(file.module, node.value, Kind.CHAT_CONTEXT) and not _is_history(node.value, file):
        return
    parent = file.parent(node)
    if isinstance(parent, cst.Call) and parent.func is node:
        return
    if file.project.fact(prompts).is_moved(file.module, node):
        return
    if writes(node, file.module):
        if is_agents_own(node.value, file):
            yield Todo(
                node,
                "the Agent's chat context is read-only: change a copy, and give it back with "
                "`await agent.update_chat_ctx(…)`.",
            )
            return
        yield Rewrite(node, lambda updated: updated.with_changes(attr=cst.Name("items")), "the list is `items` now")
        return
    if _is_written_back(node, file):
        yield Rewrite(node, lambda updated: updated.with_changes(attr=cst.Name("items")), "the list is `items` now")
        return
    yield Rewrite(node, lambda updated: cst.Call(updated), "`messages()` is a method now")


def _is_history(node: cst.BaseExpression, file: File) -> bool:
    """`session.history`, or the attribute behind it (LK326), read as 0.x contexts were."""
    return (
        isinstance(node, cst.Attribute)
        and node.attr.value in ("history", "_chat_ctx")
        and instance_of(file.project, file.module, node.value) == "AgentSession"
    )


def _is_written_back(node: cst.Attribute, file: File) -> bool:
    """`ctx.messages = ctx.messages[-10:]`: what is cut is the whole list, calls of tools included."""
    assign = file.enclosing(node, cst.Assign)
    return assign is not None and any(
        isinstance(t.target, cst.Attribute) and t.target.attr.value == "messages" for t in assign.targets
    )


def writes(node: cst.Attribute, module: Module) -> bool:
    """Whether the list itself is changed, or replaced."""
    parents = module.index.parents
    parent = parents.get(node)
    if isinstance(parent, (cst.AssignTarget, cst.Del)):
        return True
    if isinstance(parent, cst.AugAssign) and parent.target is node:
        return True
    if isinstance(parent, cst.Attribute) and parent.attr.value in _WRITES:
        return isinstance(parents.get(parent), cst.Call)
    if isinstance(parent, cst.Subscript) and parent.value is node:
        outer = parents.get(parent)
        return isinstance(outer, (cst.AssignTarget, cst.Del)) or (
            isinstance(outer, cst.AugAssign) and outer.target is parent
        )
    return False


def is_agents_own(expression: cst.BaseExpression, file: File) -> bool:
    """`agent.chat_ctx` of a 0.x agent, which is its Agent's, and read-only."""
    known = file.project.fact(pipelines).holdings
    return (
        isinstance(expression, cst.Attribute)
        and expression.attr.value in ("chat_ctx", "chat_context")
        and known.has(file.module, expression.value, Kind.PIPELINE, Kind.MULTIMODAL)
    )

"""`chat_ctx.items` read as if all of it were messages becomes `chat_ctx.messages()`.

Since 1.4 every history begins with an `AgentConfigUpdate`, and it always held tool calls: neither has a `role` or a
`content`, so that `[m.content for m in session.history.items]` raises AttributeError. Code that asks what an item is
(`item.type`, `isinstance`, `getattr`, `hasattr`) stays.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.facts.framework import Owner, framework_base
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.instances import AGENT_CLASSES, instance_of, where_objects_may_be
from lk_migrate.facts.message_readers import OF_MESSAGES, asked_of
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.variables import is_variable
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK342", Edition.V1, __doc__, triggers=(b".items",), since="1.4.0", paths=where_objects_may_be)


@rule.on(cst.Attribute, among=called_so("items"))
def items(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`for item in chat_ctx.items`, in statements and comprehensions, and `chat_ctx.items[-1]`."""
    if node.attr.value != "items" or not _is_context(node.value, file):
        return
    parent = file.parent(node)
    looped = _loop(node, file)
    if looped is not None:
        target, scope = looped
        if _reads_messages(target, scope, file):
            yield Rewrite(node, _messages, "tool calls and config updates have no `role` or `content`")
    elif isinstance(parent, cst.Subscript) and parent.value is node and _is_read_as_message(parent, file):
        yield Todo(
            node,
            "this item may be a tool call or a config update, which have no `role` and no `content`: take it from "
            "`.messages()`, which may be empty.",
        )
    else:
        yield from _through_a_variable(node, file)


def _through_a_variable(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`items = list(chat_ctx.items)`, then `for item in items`."""
    assigned = _outermost(node, file)
    statement = file.parent(assigned)
    function = file.enclosing(node, cst.FunctionDef)
    if not isinstance(statement, cst.Assign) or len(statement.targets) != 1 or function is None:
        return
    target = statement.targets[0].target
    if not isinstance(target, cst.Name) or assigned is not statement.value:
        return
    named = [
        n
        for n in find(function, cst.Name)
        if n.value == target.value and n is not target and is_variable(file.module, n)
    ]
    if any(isinstance(file.parent(n), (cst.AssignTarget, cst.AugAssign, cst.AnnAssign)) for n in named):
        return
    loops = {n: loop for n in named if (loop := _loop(n, file)) is not None}
    readers = [n for n, (item, scope) in loops.items() if _reads_messages(item, scope, file)]
    if readers and len(readers) == len(named):
        yield Rewrite(node, _messages, "tool calls and config updates have no `role` or `content`")
        return
    for reader in readers:
        yield Todo(
            reader,
            "these items may be tool calls and config updates, which have no `role` and no `content`: take them from "
            "`.messages()`, or ask for `item.type` first.",
        )


def _outermost(node: cst.BaseExpression, file: File) -> cst.BaseExpression:
    """`list(chat_ctx.items)` around `chat_ctx.items`."""
    outer = file.parent(node)
    call = file.parent(outer) if isinstance(outer, cst.Arg) else None
    if isinstance(call, cst.Call) and isinstance(call.func, cst.Name) and call.func.value in ("reversed", "list"):
        return call
    return node


def _is_context(value: cst.BaseExpression, file: File) -> bool:
    """Whether an expression is a `ChatContext`: known to be one, the history of a session, or what an Agent has."""
    if isinstance(value, cst.Attribute) and value.attr.value == "history":
        return instance_of(file.project, file.module, value.value) == "AgentSession"
    if isinstance(value, cst.Attribute) and value.attr.value == "chat_ctx" and _is_agent(value.value, file):
        return True
    return file.project.fact(holdings).has(file.module, value, Kind.CHAT_CONTEXT)


def _is_agent(node: cst.BaseExpression, file: File) -> bool:
    """An Agent, or `self` in the class of one."""
    owner = file.enclosing(node, cst.ClassDef)
    if isinstance(node, cst.Name) and node.value == "self" and isinstance(owner, cst.ClassDef):
        return framework_base(file.project, Owner(file.module, owner)) in AGENT_CLASSES
    return instance_of(file.project, file.module, node) in AGENT_CLASSES


def _loop(node: cst.BaseExpression, file: File) -> tuple[cst.Name, cst.CSTNode] | None:
    """The variable that runs over the items, and where it is used; `reversed(…)` and `list(…)` are seen through."""
    inner = _outermost(node, file)
    outer = file.parent(inner)
    if isinstance(outer, cst.For) and outer.iter is inner and isinstance(outer.target, cst.Name):
        return outer.target, outer.body
    if isinstance(outer, cst.CompFor) and outer.iter is inner and isinstance(outer.target, cst.Name):
        made = file.parent(outer)
        return (outer.target, made) if made is not None else None
    return None


def _reads_messages(target: cst.Name, scope: cst.CSTNode, file: File) -> bool:
    """Whether what is in the variable is read as a message without being asked for its kind, or for that attribute."""
    read: set[str] = set()
    asked: set[str] = set()
    for use in (n for n in find(scope, cst.Name) if n.value == target.value and n is not target):
        parent = file.parent(use)
        if isinstance(parent, cst.Attribute) and parent.value is use:
            read.add(parent.attr.value)
        elif isinstance(parent, cst.Arg):
            asked |= asked_of(file.parent(parent))
    return "type" not in read | asked and bool((read - asked) & OF_MESSAGES)


def _is_read_as_message(item: cst.Subscript, file: File) -> bool:
    """`items[-1].role`, or a variable that holds the item and is read so, unasked."""
    parent = file.parent(item)
    if isinstance(parent, cst.Attribute):
        return parent.attr.value in OF_MESSAGES
    target = parent.targets[0].target if isinstance(parent, cst.Assign) and len(parent.targets) == 1 else None
    function = file.enclosing(item, cst.FunctionDef)
    return isinstance(target, cst.Name) and function is not None and _reads_messages(target, function, file)


def _messages(updated: cst.Attribute) -> cst.Call:
    return cst.Call(updated.with_changes(attr=cst.Name("messages")))

"""The messages that 0.x put into a chat context.

`.append(role=, text=)`, `ChatMessage(…)`, `ChatContext(messages=[…])`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.held import Holdings
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.roles import role_of
from lk_migrate.facts.v0_names import Kind


@dataclass(frozen=True)
class Message:
    """A message that is put into a chat context. `call` puts it there, `text` is its content if it is only that."""

    call: cst.Call
    role: str
    text: cst.Arg | None


def context_messages(known: Holdings, module: Module, expression: cst.BaseExpression) -> list[Message] | None:
    """The messages of a context that is written out (`ChatContext().append(…)`, `ChatContext(messages=[…])`)."""
    if not isinstance(expression, cst.Call):
        return None
    func = expression.func
    if isinstance(func, cst.Attribute) and func.attr.value == "append":
        before = context_messages(known, module, func.value)
        return None if before is None else [*before, message_of(expression)]
    if not is_context_class(known.project, module, func):
        return None
    if not expression.args:
        return []
    argument = expression.args[0]
    if len(expression.args) != 1 or not isinstance(argument.value, cst.List):
        return None
    if argument.keyword is not None and argument.keyword.value not in ("messages", "items"):
        return None
    found = []
    for element in argument.value.elements:
        if not isinstance(element.value, cst.Call) or not known.has(module, element.value, Kind.CHAT_MESSAGE):
            return None
        found.append(message_of(element.value))
    return found


def is_context_class(project: Project, module: Module, func: cst.CSTNode) -> bool:
    """`llm.ChatContext` by any name; `openai.ChatContext`, which never existed, is meant to be the same."""
    name = project.full_name(module, func) or ""
    return name.startswith("livekit.") and name.rpartition(".")[2] == "ChatContext"


def message_of(call: cst.Call) -> Message:
    """The message in `….append(role=, text=)`, `ChatMessage(role=, content=)` or `ChatMessage.create(…)`."""
    given = {a.keyword.value: a for a in call.args if a.keyword is not None}
    func = call.func
    appends = isinstance(func, cst.Attribute) and func.attr.value in ("append", "create")
    role = given.get("role")
    plain = not any(a.star or a.keyword is None for a in call.args) and not given.keys() - {
        "role",
        "text",
        "content",
    }
    text = given.get("text") or given.get("content")
    if text is not None and isinstance(text.value, cst.List):
        text = None
    name = role_of(role.value) if role is not None else ("system" if appends else "")
    return Message(call, name, text if plain else None)


def prompt_of(messages: Sequence[Message]) -> Message | None:
    """The first message, if it is a text of the system."""
    first = messages[0] if messages else None
    return first if first is not None and first.role == "system" and first.text is not None else None

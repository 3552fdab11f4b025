"""An answer that was assembled by hand (copy the context, add a message, ask the LLM, say it) is `generate_reply`.

0.x had no way to answer a text, so that its examples, and everybody after them, wrote these four statements, or the
last three on the context that the agent was made with. A session has `generate_reply(user_input=…)`, which also keeps
the text in the history and may call the agent's tools. Besides, a session's `llm` may be a realtime model, which has no
`chat`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.holdings import where_0x_may_be
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.text_answers import Answer, text_answers
from lk_migrate.facts.v0_names import TRIGGERS
from lk_migrate.facts.walk import find
from lk_migrate.model import Action, Edition, Safety
from lk_migrate.rewrite.arguments import keyword
from lk_migrate.rewrite.blocks import gap
from lk_migrate.rewrite.changes import Change, Remove, Replace, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import Entry, expression
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK226",
    Edition.V0,
    __doc__,
    triggers=(*TRIGGERS, b".chat("),
    since="1.0.0",
    safety=Safety.REVIEW,
    paths=where_0x_may_be,
)


@rule.on(cst.IndentedBlock)
def answers(block: cst.IndentedBlock, file: File) -> Iterator[Change]:
    """The neighbours in a block that make one answer."""
    for found in file.project.fact(text_answers).get(block, ()):
        yield from _replied(found, file)


def _replied(found: Answer, file: File) -> Iterator[Change]:
    session = file.project.fact(pipelines).spelled(file.module, found.agent)
    why = "a session answers a text with `generate_reply(user_input=…)`"
    indentation = file.module.span(found.said).column
    inputs: list[cst.BaseExpression] = []

    def taken(updated: cst.SimpleStatementLine) -> cst.BaseStatement:
        inputs.append(_input(updated))
        return gap(updated.leading_lines)

    def replied(updated: cst.SimpleStatementLine) -> cst.SimpleStatementLine:
        entries = [Entry("user_input", inputs[-1]), *(Entry(keyword(a), a.value) for a in found.options)]
        if found.without_tools:
            entries.append(Entry("tool_choice", cst.SimpleString('"none"')))
        reply = Entry("", entries=tuple(entries), call=f"{session}.generate_reply")
        return updated.with_changes(body=[cst.Expr(expression(reply, "", indentation, 0))])

    if found.copied is not None:
        yield Remove(found.copied, why)
    yield Replace(found.added, taken, why, Action.REMOVED)
    yield Remove(found.asked, why)
    yield Rewrite(found.said, replied, why)


def _input(updated: cst.SimpleStatementLine) -> cst.BaseExpression:
    """The text in `context.add_message(role="user", content=text)`, or in what it was before other rules saw it.

    Contents that are in a variable may be texts and images: then it is the whole message.
    """
    calls = list(find(updated, cst.Call))
    args = [(call, a) for call in calls for a in call.args if keyword(a) in ("content", "text")]
    call, arg = args[-1]
    if isinstance(arg.value, cst.List) and len(arg.value.elements) == 1:
        return arg.value.elements[0].value
    is_message = (dotted(call.func) or "").rpartition(".")[2] == "ChatMessage"
    return call if is_message and keyword(arg) == "content" and not _is_text(arg.value) else arg.value


def _is_text(value: cst.BaseExpression) -> bool:
    return isinstance(value, (cst.BaseString, cst.Attribute))

"""The prompt leaves the chat context, or the realtime model, for the Agent's `instructions=` (part of LK202)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.comments import own_lines
from lk_migrate.facts.prompts import prompts
from lk_migrate.model import Action
from lk_migrate.rewrite.arguments import shifted, without_keywords
from lk_migrate.rewrite.blocks import gap
from lk_migrate.rewrite.changes import Change, Replace, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk202_agent_and_session import rule as split


@split.on(cst.SimpleStatementLine)
def statement(line: cst.SimpleStatementLine, file: File) -> Iterator[Change]:
    """A context that held only the prompt; a prompt whose context is needed elsewhere, too."""
    found = file.project.fact(prompts)
    for small in line.body:
        why = found.moved.get(small)
        if why is not None and len(line.body) == 1:
            others = line.leading_lines[: len(line.leading_lines) - len(own_lines(line))]
            yield Replace(line, lambda _, others=others: gap(others), why, Action.MOVED)  # type: ignore[misc]
        elif why is not None:
            yield Replace(small, lambda _: cst.RemoveFromParent(), why, Action.MOVED)
    named = found.named.get(line)
    if named is not None:
        name, text, column = named
        yield Rewrite(
            line,
            lambda updated: _with_name(updated, name, shifted(text.value, -column)),
            f"the prompt is called `{name}`: the Agent and the context both use it",
        )
        yield Rewrite(text, lambda updated: updated.with_changes(value=cst.Name(name)), f"the prompt is `{name}`")


def _with_name(
    updated: cst.SimpleStatementLine, name: str, text: cst.BaseExpression
) -> cst.FlattenSentinel[cst.BaseStatement]:
    assignment = cst.SimpleStatementLine(
        body=[cst.Assign([cst.AssignTarget(cst.Name(name))], text)], leading_lines=updated.leading_lines
    )
    return cst.FlattenSentinel([assignment, updated.with_changes(leading_lines=[])])


@split.on(cst.Call)
def context(call: cst.Call, file: File) -> Iterator[Change]:
    """`ChatContext().append(role="system", text=…)` in a variable that is only the prompt: the text itself."""
    found = file.project.fact(prompts)
    text = found.text.get(call)
    if text is not None:
        yield Replace(call, lambda _: text, "the context held only the prompt: its text is enough")
    if any(a in found.model_arguments for a in call.args):
        yield Rewrite(
            call,
            lambda updated: without_keywords(
                updated, lambda a: a.keyword is not None and a.keyword.value == "instructions"
            ),
            "the realtime model's instructions are the Agent's now",
            Action.MOVED,
        )

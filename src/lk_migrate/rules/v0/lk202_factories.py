"""`return VoicePipelineAgent(…)` gives the Agent and the session, and the caller keeps both (part of LK202)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.factories import WHOLE, Beside
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk202_agent_and_session import rule as split


@split.on(cst.Return)
def returned(node: cst.Return, file: File) -> Iterator[Change]:
    """`return session` → `return agent, session`."""
    beside = file.project.fact(pipelines).factories.returns.get(node)
    if beside is not None:
        yield Rewrite(
            node,
            lambda updated: updated.with_changes(value=_with_agent(updated.value, beside)),
            "the Agent is returned with the session",
        )


@split.on(cst.FunctionDef)
def annotation(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """`-> VoicePipelineAgent` → `-> tuple[Agent, AgentSession]`."""
    at = file.project.fact(pipelines).factories.functions.get(node)
    if node.returns is None or at is None:
        return
    agent = cst.SubscriptElement(cst.Index(cst.parse_expression(file.use("livekit.agents.Agent"))), comma=_COMMA)

    def apply(updated: cst.FunctionDef) -> cst.FunctionDef:
        assert updated.returns is not None
        given = updated.returns.annotation
        if at == WHOLE:
            new = cst.Subscript(cst.Name("tuple"), [agent, cst.SubscriptElement(cst.Index(given))])
        else:
            assert isinstance(given, cst.Subscript)
            new = given.with_changes(slice=[*given.slice[:at], agent, *given.slice[at:]])
        return updated.with_changes(returns=updated.returns.with_changes(annotation=new))

    yield Rewrite(node, apply, f"`{node.name.value}` returns the Agent, too")


@split.on(cst.Assign)
def kept(node: cst.Assign, file: File) -> Iterator[Change]:
    """`session = build_agent(ctx)` → `agent, session = build_agent(ctx)`."""
    beside = file.project.fact(pipelines).factories.assigns.get(node)
    if beside is not None:
        yield Rewrite(node, lambda updated: _unpacked(updated, beside), "the Agent comes with the session")


def _unpacked(updated: cst.Assign, beside: Beside) -> cst.Assign:
    (target,) = updated.targets
    return updated.with_changes(targets=[target.with_changes(target=_with_agent(target.target, beside))])


def _with_agent(value: cst.BaseExpression | None, beside: Beside) -> cst.Tuple:
    """`session` → `agent, session`; `session, usage` → `agent, session, usage`."""
    assert value is not None
    agent = cst.Element(cst.Name(beside.agent), comma=_COMMA)
    if beside.at == WHOLE:
        return cst.Tuple([agent, cst.Element(value)], lpar=[], rpar=[])
    assert isinstance(value, cst.Tuple)
    return value.with_changes(elements=[*value.elements[: beside.at], agent, *value.elements[beside.at :]])


_COMMA = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))

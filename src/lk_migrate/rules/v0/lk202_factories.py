"""`return VoicePipelineAgent(…)` gives the Agent and the session, and the caller keeps both (part of LK202)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.pipelines import pipelines
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk202_agent_and_session import rule as split


@split.on(cst.Return)
def returned(node: cst.Return, file: File) -> Iterator[Change]:
    """`return session` → `return agent, session`."""
    agent = file.project.fact(pipelines).factories.returns.get(node)
    if agent is not None:
        yield Rewrite(node, lambda updated: _pair(updated, agent), "the Agent is returned with the session")


def _pair(updated: cst.Return, agent: str) -> cst.Return:
    assert updated.value is not None
    return updated.with_changes(value=_tuple(cst.Name(agent), updated.value))


def _tuple(agent: cst.Name, session: cst.BaseExpression) -> cst.Tuple:
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    return cst.Tuple([cst.Element(agent, comma=comma), cst.Element(session)], lpar=[], rpar=[])


@split.on(cst.FunctionDef)
def annotation(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """`-> VoicePipelineAgent` → `-> tuple[Agent, AgentSession]`."""
    if node.returns is None or node not in file.project.fact(pipelines).factories.functions:
        return
    agent = cst.parse_expression(file.use("livekit.agents.Agent"))

    def apply(updated: cst.FunctionDef) -> cst.FunctionDef:
        assert updated.returns is not None
        comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        pair = [
            cst.SubscriptElement(cst.Index(agent), comma=comma),
            cst.SubscriptElement(cst.Index(updated.returns.annotation)),
        ]
        both = cst.Subscript(cst.Name("tuple"), pair)
        return updated.with_changes(returns=updated.returns.with_changes(annotation=both))

    yield Rewrite(node, apply, f"`{node.name.value}` returns the Agent, too")


@split.on(cst.Assign)
def kept(node: cst.Assign, file: File) -> Iterator[Change]:
    """`session = build_agent(ctx)` → `agent, session = build_agent(ctx)`."""
    agent = file.project.fact(pipelines).factories.assigns.get(node)
    if agent is not None:
        yield Rewrite(node, lambda updated: _unpacked(updated, agent), "the Agent comes with the session")


def _unpacked(updated: cst.Assign, agent: str) -> cst.Assign:
    (target,) = updated.targets
    assert isinstance(target.target, cst.Name)
    return updated.with_changes(targets=[target.with_changes(target=_tuple(cst.Name(agent), target.target))])

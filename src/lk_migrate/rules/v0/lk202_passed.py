"""A function that starts the session it is given is given the Agent, too (part of LK202)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.pipelines import pipelines
from lk_migrate.rewrite.arguments import with_keyword
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk202_agent_and_session import rule as split


@split.on(cst.FunctionDef)
def function(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """`def begin(agent, ctx)` → `def begin(session, ctx, agent)`."""
    functions = file.project.fact(pipelines).passed.functions
    name = functions.get(node) if functions else None
    if name is None:
        return
    typed = any(p.annotation is not None for p in node.params.params)
    agent = cst.Annotation(cst.parse_expression(file.use("livekit.agents.Agent"))) if typed else None
    yield Rewrite(node, lambda updated: _with_last(updated, cst.Param(cst.Name(name), agent)), f"`{name}` comes along")


def _with_last(updated: cst.FunctionDef, param: cst.Param) -> cst.FunctionDef:
    *before, last = updated.params.params
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    if isinstance(last.comma, cst.Comma):  # one parameter a line, closed by a comma: the new one closes it now
        param = param.with_changes(comma=last.comma)
        if before and isinstance(before[-1].comma, cst.Comma):
            comma = before[-1].comma
    params = [*before, last.with_changes(comma=comma), param]
    return updated.with_changes(params=updated.params.with_changes(params=params))


@split.on(cst.Call)
def call(node: cst.Call, file: File) -> Iterator[Change]:
    """`begin(agent, ctx)` → `begin(session, ctx, agent=agent)`."""
    calls = file.project.fact(pipelines).passed.calls
    passed = calls.get(node) if calls else None
    if passed is not None:
        name, agent = passed
        value = cst.parse_expression(agent)
        yield Rewrite(node, lambda updated: _with_agent(updated, name, value), "the Agent comes along")


def _with_agent(updated: cst.Call | cst.Await, name: str, value: cst.BaseExpression) -> cst.Call | cst.Await:
    """The call, which may be awaited by now (lk202_coroutines.py)."""
    if isinstance(updated, cst.Await):
        assert isinstance(updated.expression, cst.Call)
        return updated.with_changes(expression=with_keyword(updated.expression, name, value))
    return with_keyword(updated, name, value)

"""`AgentCallContext.get_current()` is now the tool's parameter `ctx: RunContext`.

The framework fills it in since 1.0; it never reaches the model's schema. Its `session` is what 0.x called the agent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

from lk_migrate.facts.function_contexts import function_contexts
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.v0_names import CALL_CONTEXTS, TRIGGERS, Kind
from lk_migrate.facts.walk import find
from lk_migrate.model import Action, Edition
from lk_migrate.rewrite.blocks import gap
from lk_migrate.rewrite.changes import Change, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK216", Edition.V0, __doc__, triggers=(*TRIGGERS, b"CallContext"), since="1.0.0")


def _assignment(line: cst.CSTNode, file: File) -> cst.Name | None:
    """`ctx` in `ctx = AgentCallContext.get_current()`."""
    small = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
    if not isinstance(small, cst.Assign) or len(small.targets) != 1 or not isinstance(small.value, cst.Call):
        return None
    func, target = small.value.func, small.targets[0].target
    if not (isinstance(func, cst.Attribute) and func.attr.value == "get_current" and isinstance(target, cst.Name)):
        return None
    return target if file.full_name(func.value) in CALL_CONTEXTS else None


@rule.on(cst.FunctionDef)
def parameter(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """A tool that asks for its context."""
    calls = [
        call
        for call in file.module.index.find(node.body, cst.Call)
        if _is_current(call, file) and file.enclosing(call, cst.FunctionDef) is node
    ]
    if not calls:
        return
    if node not in file.project.fact(function_contexts).tools:
        yield Todo(calls[0], "only a tool has a `RunContext`: pass the tool's one (or its `session`) in here.")
        return
    assigned = {file.statement(c): _assignment(file.statement(c), file) for c in calls}
    named = {line: target.value for line, target in assigned.items() if target is not None}
    taken = {n.value for n in find(node, cst.Name)}
    name = next(iter(named.values()), None) or next(n for n in ("ctx", "context", "run_ctx") if n not in taken)
    context = file.use("livekit.agents.RunContext")
    yield Rewrite(node, lambda updated: _with_context(updated, name, context), "the context is `ctx: RunContext`")
    for line, target in named.items():
        if target == name:
            yield Replace(line, _removed(line), "the context is a parameter", Action.REMOVED)
    for call in calls:
        if file.statement(call) not in named:
            yield Replace(call, lambda _: cst.Name(name), "the context is a parameter")


def _removed(line: cst.CSTNode) -> Callable[[cst.CSTNode], cst.SimpleStatementLine]:
    return lambda _: gap(getattr(line, "leading_lines", ()))


def _is_current(call: cst.Call, file: File) -> bool:
    """`AgentCallContext.get_current()`."""
    func = call.func
    return (
        isinstance(func, cst.Attribute)
        and func.attr.value == "get_current"
        and file.full_name(func.value) in CALL_CONTEXTS
    )


def _with_context(updated: cst.FunctionDef, name: str, context: str) -> cst.FunctionDef:
    params = list(updated.params.params)
    at = 1 if params and params[0].name.value in ("self", "cls") else 0
    param = cst.Param(cst.Name(name), annotation=cst.Annotation(cst.parse_expression(context)))
    comma = params[at - 1].comma if at else cst.MaybeSentinel.DEFAULT
    if len(params) > at:
        after = comma if isinstance(comma, cst.Comma) else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        param = param.with_changes(comma=after)
    elif at:
        params[at - 1] = params[at - 1].with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
        if isinstance(comma, cst.Comma):
            param = param.with_changes(comma=comma)
    return updated.with_changes(params=updated.params.with_changes(params=[*params[:at], param, *params[at:]]))


@rule.on(cst.Attribute)
def members(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`ctx.agent` is `ctx.session`; what was stored on the context goes to the session's userdata."""
    if not file.project.fact(holdings).has(file.module, node.value, Kind.CALL_CONTEXT):
        return
    name = node.attr.value
    if name == "agent":
        yield Rewrite(node, lambda updated: updated.with_changes(attr=cst.Name("session")), "it is `session` now")
    elif name == "chat_ctx":
        yield Rewrite(
            node,
            lambda updated: cst.Attribute(
                cst.Attribute(cst.Attribute(updated.value, cst.Name("session")), cst.Name("current_agent")),
                cst.Name("chat_ctx"),
            ),
            "the chat context is the Agent's",
        )
    elif name in ("store_metadata", "get_metadata"):
        yield Todo(node, f"`{name}` is gone: keep it in `ctx.userdata` (give the session a `userdata=` object).")
    elif name in ("llm_stream", "add_extra_chat_message"):
        yield Todo(node, f"`{name}` has no successor: return the text, or change the Agent's chat context.")

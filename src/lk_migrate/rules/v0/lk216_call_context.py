"""`AgentCallContext.get_current()` is now the tool's parameter `ctx: RunContext`.

The framework fills it in since 1.0; it never reaches the model's schema. Its `session` is what 0.x called the agent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, count

import libcst as cst

from lk_migrate.facts.classes import self_name
from lk_migrate.facts.function_contexts import function_contexts
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.instances import where_objects_may_be
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.project import Project
from lk_migrate.facts.public_names import public_names
from lk_migrate.facts.v0_names import CALL_CONTEXTS, SESSIONS, TRIGGERS, Kind
from lk_migrate.facts.walk import find
from lk_migrate.model import Action, Edition
from lk_migrate.rewrite.arguments import with_keyword
from lk_migrate.rewrite.blocks import gap
from lk_migrate.rewrite.changes import Change, Note, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK216", Edition.V0, __doc__, triggers=(*TRIGGERS, b"CallContext"), since="1.0.0", paths=where_objects_may_be
)


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
    parameters = {param.name.value for param in find(node.params, cst.Param)}
    taken = {n.value for n in find(node, cst.Name)}
    fresh = (n for n in chain(("ctx", "context"), (f"run_ctx{'_' * i}" for i in count())) if n not in taken)
    name = next((n for n in named.values() if n not in parameters), None) or next(fresh)
    context = file.use("livekit.agents.RunContext")
    at = 1 if _has_instance(node, file) else 0
    yield Rewrite(node, lambda updated: _with_context(updated, at, name, context), "the context is `ctx: RunContext`")
    for line, target in named.items():
        if target == name:
            yield Replace(line, _removed(line), "the context is a parameter", Action.REMOVED)
    for call in calls:
        if named.get(file.statement(call)) != name:
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


def _has_instance(node: cst.FunctionDef, file: File) -> bool:
    """Whether its first parameter is the instance, whatever it is called in a class; outside, whatever is called so."""
    first = self_name(node)
    in_class = isinstance(file.parent(file.parent(node) or node), cst.ClassDef)
    return first is not None and bool(node.params.params) and (in_class or first in ("self", "cls"))


def _with_context(updated: cst.FunctionDef, at: int, name: str, context: str) -> cst.FunctionDef:
    params = list(updated.params.params)
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
        if file.project.fact(_has_userdata) and _call_of(node, file) is not None:
            return
        yield Todo(node, f"`{name}` is gone: keep it in `ctx.userdata` (give the session a `userdata=` object).")
    elif name in ("llm_stream", "add_extra_chat_message"):
        yield Todo(node, f"`{name}` has no successor: return the text, or change the Agent's chat context.")
    elif name == "get_current":
        if file.full_name(node.value) not in CALL_CONTEXTS:  # asked of an instance: 0.x allowed it
            yield Todo(node, "`RunContext` has no `get_current`: it is the tool's parameter already.")
    elif not name.startswith("_") and name not in public_names()["livekit.agents.RunContext()."]:
        yield Todo(node, f"neither a call's context nor `RunContext` has `{name}`: write what is meant.")


def _has_userdata(project: Project) -> bool:
    """Whether every session of the project is one that the rules make of a 0.x agent, and so can be given userdata."""
    known = project.fact(pipelines)
    made = known.holdings.modules if known.constructions else ()
    return bool(known.constructions) and not any(
        project.full_name(module, call.func) in SESSIONS for module in made for call in module.index.of(cst.Call)
    )


def _stores(project: Project) -> bool:
    """Whether anything is stored in a call's context."""
    known = project.fact(holdings)
    return any(
        node.attr.value in ("store_metadata", "get_metadata") and known.has(module, node.value, Kind.CALL_CONTEXT)
        for module in known.modules
        if b"_metadata" in module.data
        for node in module.index.of(cst.Attribute)
    )


def _call_of(node: cst.Attribute, file: File) -> cst.Call | None:
    """`ctx.get_metadata(key)`, or `ctx.store_metadata(key, value)` as a statement; None for what is put otherwise."""
    call = file.parent(node)
    if not isinstance(call, cst.Call) or call.func is not node or any(a.keyword or a.star for a in call.args):
        return None
    if node.attr.value == "store_metadata":
        return call if len(call.args) == 2 and isinstance(file.parent(call), cst.Expr) else None
    return call if len(call.args) in (1, 2) else None


def _is_metadata(call: cst.Call, name: str, file: File) -> bool:
    func = call.func
    return (
        isinstance(func, cst.Attribute)
        and func.attr.value == name
        and file.project.fact(holdings).has(file.module, func.value, Kind.CALL_CONTEXT)
        and file.project.fact(_has_userdata)
        and _call_of(func, file) is not None
    )


@rule.on(cst.Expr)
def stored(node: cst.Expr, file: File) -> Iterator[Change]:
    """`ctx.store_metadata("zone", 3)` → `ctx.userdata["zone"] = 3`."""
    if isinstance(node.value, cst.Call) and _is_metadata(node.value, "store_metadata", file):
        yield Rewrite(node, _assignment_of, "what is kept is the session's `userdata`")
        yield Note(node, "`userdata` is kept as long as the session: take out what counts for one answer only.")


def _assignment_of(updated: cst.Expr) -> cst.Assign:
    call = updated.value
    assert isinstance(call, cst.Call)
    key, value = (a.value for a in call.args)
    place = cst.Subscript(_userdata(call), [cst.SubscriptElement(cst.Index(key))])
    return cst.Assign([cst.AssignTarget(place)], value, semicolon=updated.semicolon)


def _userdata(call: cst.Call) -> cst.Attribute:
    assert isinstance(call.func, cst.Attribute)
    return cst.Attribute(call.func.value, cst.Name("userdata"))


@rule.on(cst.Call)
def read(call: cst.Call, file: File) -> Iterator[Change]:
    """`ctx.get_metadata("zone")` → `ctx.userdata.get("zone")`."""
    if not _is_metadata(call, "get_metadata", file):
        return
    function = file.enclosing(call, cst.FunctionDef)
    reads = [c for c in find(function, cst.Call) if _is_metadata(c, "get_metadata", file)] if function else []
    if function not in file.project.fact(function_contexts).tools and len(reads) == 1:
        # A handler was told of one answer's context: what it has read is not there for the next one.
        args = [] if len(call.args) == 2 else [cst.Arg(cst.Name("None"))]
        yield Rewrite(call, lambda updated: _read(updated, "pop", args), "what was kept for this answer")
    else:
        yield Rewrite(call, lambda updated: _read(updated, "get", []), "what is kept is the session's `userdata`")


def _read(updated: cst.Call, method: str, args: list[cst.Arg]) -> cst.Call:
    return updated.with_changes(func=cst.Attribute(_userdata(updated), cst.Name(method)), args=[*updated.args, *args])


@rule.on(cst.Call)
def session(call: cst.Call, file: File) -> Iterator[Change]:
    """The session that is made of a 0.x agent has a place for it."""
    if not file.project.fact(_stores) or not file.project.fact(_has_userdata):
        return
    if call in file.project.fact(pipelines).constructions:
        yield Rewrite(call, lambda updated: with_keyword(updated, "userdata", cst.Dict([])), "a place for what is kept")

"""A tool is a coroutine; what blocks in it runs in a thread.

LiveKit awaits what a tool returns: a sync tool is accepted by the decorator and then answers every call with "An
internal error occurred" (`object str can't be used in 'await' expression`). A body that sleeps, opens files, or talks
to a database or a server would stop the voice while it works, so it goes through `asyncio.to_thread`. Who called the
method awaits it now.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import AgentClass, any_tool, find_agents
from lk_migrate.facts.blocking import blocking_call
from lk_migrate.facts.imports import target_names
from lk_migrate.facts.project import Project
from lk_migrate.facts.renames import holders
from lk_migrate.facts.tools import Tool
from lk_migrate.facts.walk import descendants, find, own_scope
from lk_migrate.model import Edition
from lk_migrate.rewrite.bodies import block_of, docstring_end
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK115", Edition.HANDROLLED, __doc__, triggers=(b"def ",))

_SCHEDULERS = frozenset({"ensure_future", "create_task", "run_in_executor", "to_thread"})


@rule.on(cst.FunctionDef)
def make_async(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    tool = any_tool(file.project, file.module, node)
    if tool is None or node.asynchronous is not None:
        return
    if any(isinstance(n, (cst.Yield, cst.From)) for n in own_scope(node)):
        yield Todo(node, f"`{tool.name}` is a generator, and a tool answers once: return what it yields")
        return
    if _hands_on_a_coroutine(node):
        yield Todo(node, f"`{tool.name}` returns something to await: make it `async` and await that")
        return
    yield Rewrite(node, _to_async, f"`{tool.name}` is async")
    blocking = blocking_call(file.project, file.module, node)
    if blocking is None:
        return
    if _needs_the_loop(tool):
        yield Todo(node, f"`{blocking}` in `{tool.name}` blocks the voice: move it into `asyncio.to_thread`")
        return
    spelt = f"{file.use('asyncio')}.to_thread"
    passed = _rebound_parameters(node)
    yield Rewrite(
        node,
        lambda updated: _through_thread(updated, spelt, passed),
        f"`{tool.name}` blocks (`{blocking}`), so its work is done in a thread",
    )


def _to_async(updated: cst.FunctionDef) -> cst.FunctionDef:
    return updated.with_changes(asynchronous=cst.Asynchronous())


def _hands_on_a_coroutine(node: cst.FunctionDef) -> bool:
    """`return asyncio.ensure_future(…)` and the like: awaiting its result has worked so far."""
    for returned in (n for n in own_scope(node) if isinstance(n, cst.Return)):
        func = returned.value.func if isinstance(returned.value, cst.Call) else None
        if isinstance(func, cst.Attribute) and func.attr.value in _SCHEDULERS:
            return True
    return False


def _needs_the_loop(tool: Tool) -> bool:
    """Whether the body touches what must not be touched from another thread."""
    context = tool.context.name.value if tool.context is not None else None
    for node in descendants(tool.node.body):
        if isinstance(node, cst.Name) and node.value == "asyncio":
            return True
        if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name):
            on_session = node.value.value == "self" and node.attr.value == "session"
            if on_session or node.value.value == context:
                return True
    return False


def _rebound_parameters(node: cst.FunctionDef) -> tuple[str, ...]:
    """Parameters that the body assigns: in a nested function they must be its own."""
    names = [p.name.value for p in [*node.params.posonly_params, *node.params.params, *node.params.kwonly_params]]
    if isinstance(node.params.star_kwarg, cst.Param):
        names.append(node.params.star_kwarg.name.value)
    bound: set[str] = set()
    for inner in own_scope(node):
        if isinstance(inner, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.NamedExpr)):
            bound |= target_names(inner.target)
        elif isinstance(inner, cst.AsName):
            bound |= target_names(inner.name)
    return tuple(n for n in names if n in bound)


def _through_thread(updated: cst.FunctionDef, to_thread: str, passed: tuple[str, ...]) -> cst.FunctionDef:
    """The body as a nested function that a thread runs; the docstring stays where it is."""
    block = block_of(updated)
    start = docstring_end(block)
    inner = cst.ensure_type(cst.parse_statement(f"def work({', '.join(passed)}):\n    pass\n"), cst.FunctionDef)
    work = inner.with_changes(
        body=block.with_changes(body=block.body[start:], header=cst.TrailingWhitespace()),
        returns=updated.returns,
        leading_lines=[cst.EmptyLine(indent=False)] if start else [],
    )
    call = cst.parse_statement(f"return await {to_thread}({', '.join(['work', *passed])})")
    call = cst.ensure_type(call, cst.SimpleStatementLine).with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    outer = block.with_changes(body=[*block.body[:start], work, call], footer=[])
    return updated.with_changes(body=outer)


@rule.on(cst.Call)
def await_former_sync_tools(call: cst.Call, file: File) -> Iterator[Change]:
    """`self.opening_hours(…)` in another method, `assistant.opening_hours(…)` elsewhere."""
    table = file.project.fact(_sync_tools)
    function = file.enclosing(call, cst.FunctionDef)
    if function is None or not isinstance(call.func, cst.Attribute):
        return
    name = call.func.attr.value
    if not any(name in names for names in table.values()):
        return
    held = file.project.fact(holders).of(file.module, call.func.value)
    affected = [c for c in held.classes if name in table.get(c, ())]
    if not affected:
        return
    if not held.certain or len(affected) < len(held.classes):
        yield Todo(call, f"`{name}` of an assistant is a coroutine now: await it if this is one")
        return
    parent = file.parent(call)
    if isinstance(parent, cst.Await) or _is_awaited_later(file, call):
        return
    scope = file.module.index.enclosing(call, cst.FunctionDef, cst.Lambda, cst.GeneratorExp)
    if scope is function and function.asynchronous is not None:
        bracketed = isinstance(parent, (cst.Attribute, cst.Subscript, cst.Call))
        yield Rewrite(call, lambda updated: _awaited(updated, bracketed), f"`{name}` is awaited")
    elif scope is not function or any_tool(file.project, file.module, function) is None:
        yield Todo(call, f"`{name}` is a coroutine now, and this is not an async function: make it async and await it")
    else:
        yield Rewrite(call, lambda updated: _awaited(updated, True), f"`{name}` is awaited")


def _awaited(updated: cst.Call, bracketed: bool) -> cst.Await:
    lpar = [cst.LeftParen()] if bracketed else []
    rpar = [cst.RightParen()] if bracketed else []
    return cst.Await(expression=updated, lpar=lpar, rpar=rpar)


def _is_awaited_later(file: File, call: cst.Call) -> bool:
    """`result = self.x(); if inspect.isawaitable(result): …` and what is given to a task or `gather`."""
    parent = file.parent(call)
    if isinstance(parent, cst.Arg):
        outer = file.parent(parent)
        if isinstance(outer, cst.Call) and isinstance(outer.func, cst.Attribute):
            return outer.func.attr.value in ("create_task", "ensure_future", "gather", "wait_for", "to_thread")
    if isinstance(parent, cst.Assign) and isinstance(parent.targets[0].target, cst.Name):
        name = parent.targets[0].target.value
        function = file.enclosing(call, cst.FunctionDef)
        return function is not None and any(
            "isawaitable" in file.code(c.func) or "iscoroutine" in file.code(c.func)
            for c in find(function, cst.Call)
            if any(isinstance(a.value, cst.Name) and a.value.value == name for a in c.args)
        )
    return False


def _sync_tools(project: Project) -> dict[cst.ClassDef, frozenset[str]]:
    """For each assistant class, base and mixin: the names of methods that are sync tools, here, above or below."""
    agents = find_agents(project)
    found: dict[cst.ClassDef, frozenset[str]] = {}
    for agent in agents:
        related: list[AgentClass] = [
            a
            for a in agents
            if a is agent or agent.ref in (*a.chain, *a.mixins) or a.ref in (*agent.chain, *agent.mixins)
        ]
        tools = [t for a in related for t in (*a.tools, *a.all_tools)]
        found[agent.node] = frozenset(t.node.name.value for t in tools if t.node.asynchronous is None)
    return found

"""A tool is a coroutine; what blocks in it runs in a thread.

LiveKit awaits what a tool returns: a sync tool is accepted by the decorator and then answers every call with "An
internal error occurred" (`object str can't be used in 'await' expression`). A body that sleeps, opens files, or talks
to a database or a server would stop the voice while it works, so it goes through `asyncio.to_thread`. Who called the
method awaits it now; for sync callers the work stays in a sync method beside the tool.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import libcst as cst

from lk_migrate.facts.agents import agent_of, any_tool, any_tool_files
from lk_migrate.facts.among import foreign
from lk_migrate.facts.blocking import blocking_call
from lk_migrate.facts.classes import is_self_attribute, methods, self_name
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.project import Project
from lk_migrate.facts.renames import holders
from lk_migrate.facts.sync_callers import sync_tools, twin_name
from lk_migrate.facts.thread_work import one_shots
from lk_migrate.facts.tools import FUNCTION_TOOL, Tool
from lk_migrate.facts.walk import descendants, own_scope
from lk_migrate.model import Edition
from lk_migrate.rewrite.bodies import block_of, docstring_end, statement
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.markers import has_marker
from lk_migrate.rewrite.threads import alone, awaited, awaited_at, through_thread
from lk_migrate.rules.registry import Rule


def paths(project: Project) -> frozenset[str]:
    """Where tools are, and where one that was sync may be called."""
    return project.fact(any_tool_files) | project.paths_with(n.encode() for n in project.fact(sync_tools).all_names)


rule = Rule("LK115", Edition.HANDROLLED, __doc__, triggers=(b"def ",), paths=paths)

_SCHEDULERS = frozenset({"ensure_future", "create_task", "run_in_executor", "to_thread"})


@rule.on(cst.FunctionDef)
def make_async(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    tool = any_tool(file.project, file.module, node)
    if tool is None:
        return
    if any(isinstance(n, cst.Yield) for n in own_scope(node)):
        if not has_marker(node, "LK211", file.module.tree):  # (which says the same of a tool of 0.x)
            yield Todo(node, f"`{tool.name}` is a generator, and a tool answers once: return what it yields")
        return
    if node.asynchronous is not None:
        return
    if _hands_on_a_coroutine(node):
        yield Todo(node, f"`{tool.name}` returns something to await: make it `async` and await that")
        return
    yield Rewrite(node, _to_async, f"`{tool.name}` is async")
    blocking = blocking_call(file.project, file.module, node)
    if blocking is None or node in file.project.fact(sync_tools).twins:
        return
    shots = one_shots(file.project, file.module, node)
    if shots:
        for shot in shots:
            yield alone(shot, file)
        return
    if _needs_the_loop(tool):
        yield Todo(node, f"`{blocking}` in `{tool.name}` blocks the voice: move it into `asyncio.to_thread`")
        return
    spelt = f"{file.use('asyncio')}.to_thread"
    yield Rewrite(
        node,
        lambda updated: through_thread(updated, spelt),
        f"`{tool.name}` blocks (`{blocking}`), so its work is done in a thread",
    )


@rule.on(cst.Call, among=foreign)
def wrapped_elsewhere(call: cst.Call, file: File) -> Iterator[Change]:
    """`function_tool(price)` of a sync function that other code calls, too."""
    if not call.args or file.full_name(call.func) not in FUNCTION_TOOL:
        return
    symbol = file.resolve(call.args[0].value)
    function = symbol.node if symbol is not None else None
    if symbol is None or symbol.module is None or not isinstance(function, cst.FunctionDef):
        return
    if function.asynchronous is None and any_tool(file.project, symbol.module, function) is None:
        name = function.name.value
        yield Todo(
            call, f"a tool is awaited, and `{name}` is sync: give the model an async function that calls `{name}`"
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


@rule.on(cst.ClassDef)
def split_for_sync_callers(node: cst.ClassDef, file: File) -> Iterator[Change]:
    """A tool that sync code calls, too, keeps its work in a sync method; the tool calls that."""
    for function in methods(node):
        tool = any_tool(file.project, file.module, function)
        if tool is None or function not in file.project.fact(sync_tools).twins:
            continue
        to_thread = ""
        if blocking_call(file.project, file.module, function) is not None and not _needs_the_loop(tool):
            to_thread = f"{file.use('asyncio')}.to_thread"
        yield Rewrite(
            node,
            partial(_split, function, to_thread),
            f"`{twin_name(function.name.value)}` does the work of `{tool.name}`: sync code calls it, too",
        )


def _split(original: cst.FunctionDef, to_thread: str, updated: cst.ClassDef) -> cst.ClassDef:
    """The tool's statements in a sync method before it."""
    name = original.name.value
    body = list(updated.body.body)
    at = next(i for i, s in enumerate(body) if isinstance(s, cst.FunctionDef) and s.name.value == name)
    tool = body[at]
    assert isinstance(tool, cst.FunctionDef)
    block = block_of(tool)
    start = docstring_end(block)
    work = tool.with_changes(
        name=cst.Name(twin_name(name)),
        asynchronous=None,
        decorators=[],
        lines_after_decorators=[],
        body=block.with_changes(body=block.body[start:]),
    )
    instance = self_name(original) or "self"
    given = [p.name.value for p in [*tool.params.posonly_params, *tool.params.params] if p.name.value != instance]
    given += [f"{p.name.value}={p.name.value}" for p in tool.params.kwonly_params]
    target = f"{instance}.{work.name.value}"
    call = f"await {to_thread}({', '.join([target, *given])})" if to_thread else f"{target}({', '.join(given)})"
    rest = [*block.body[:start], statement(f"return {call}")]
    answering = tool.with_changes(
        body=block.with_changes(body=rest, footer=[]), leading_lines=[cst.EmptyLine(indent=False)]
    )
    return updated.with_changes(body=updated.body.with_changes(body=[*body[:at], work, answering, *body[at + 1 :]]))


@rule.on(cst.Call)
def await_former_sync_tools(call: cst.Call, file: File) -> Iterator[Change]:
    """`self.opening_hours(…)` in another method, `assistant.opening_hours(…)` elsewhere."""
    known = file.project.fact(sync_tools)
    table = known.names
    if not isinstance(call.func, cst.Attribute):
        return
    name = call.func.attr.value
    if name not in known.all_names:
        return
    function = file.enclosing(call, cst.FunctionDef)
    if function is None:
        return
    held = file.project.fact(holders).of(file.module, call.func.value)
    affected = [c for c in held.classes if name in table.get(c, ())]
    if not affected:
        return
    if not held.certain or len(affected) < len(held.classes):
        yield Todo(call, f"`{name}` of an assistant is a coroutine now: await it if this is one")
        return
    if function in known.sync_code and name in known.twin_names:
        yield Rewrite(
            call, lambda updated: _now(updated, twin_name(name)), f"`{name}` is async; this calls its sync part"
        )
        return
    if isinstance(file.parent(call), cst.Await) or _is_awaited_later(file, call):
        return
    scope = file.module.index.enclosing(call, cst.FunctionDef, cst.Lambda, cst.GeneratorExp)
    if scope is function and function.asynchronous is not None:
        yield Rewrite(call, awaited_at(call, file), f"`{name}` is awaited")
    elif scope is not function or any_tool(file.project, file.module, function) is None:
        yield Todo(call, f"`{name}` is a coroutine now, and this is not an async function: make it async and await it")
    else:
        yield Rewrite(call, awaited(bracketed=True), f"`{name}` is awaited")


@rule.on(cst.Call)
def await_looked_up_tools(call: cst.Call, file: File) -> Iterator[Change]:
    """`getattr(self, name)(**args)` and `self.tools[name](**args)` in a dispatcher call coroutines now."""
    if type(call.func) not in (cst.Call, cst.Subscript):
        return
    function, owner = file.enclosing(call, cst.FunctionDef), file.enclosing(call, cst.ClassDef)
    if function is None or owner is None or isinstance(file.parent(call), cst.Await):
        return
    agent = agent_of(file.project, owner)
    if agent is None or not file.project.fact(sync_tools).names.get(agent.node) or _is_awaited_later(file, call):
        return
    instance = self_name(function)
    registered = {r.attribute for r in agent.registries if r.attribute}
    func = call.func
    by_name = isinstance(func, cst.Call) and dotted(func.func) == "getattr" and dotted(func.args[0].value) == instance
    by_table = isinstance(func, cst.Subscript) and any(is_self_attribute(func.value, instance, r) for r in registered)
    if not (by_name and any(d.node is function for d in agent.dispatchers)) and not by_table:
        return
    if function.asynchronous is not None:
        yield Rewrite(call, awaited_at(call, file), "the tool that is looked up here is awaited")
    else:
        yield Todo(call, "the tool that is looked up here is a coroutine now: make this function async and await it")


def _now(updated: cst.Call, name: str) -> cst.Call:
    assert isinstance(updated.func, cst.Attribute)
    return updated.with_changes(func=updated.func.with_changes(attr=cst.Name(name)))


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
            for c in file.module.index.find(function, cst.Call)
            if any(isinstance(a.value, cst.Name) and a.value.value == name for a in c.args)
        )
    return False

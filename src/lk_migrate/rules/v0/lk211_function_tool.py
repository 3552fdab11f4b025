"""`@llm.ai_callable(…)` is now `@function_tool(…)`, and a tool is a coroutine.

The decorator went with 1.0; `auto_retry=` has no successor. 0.x ran sync tools in a thread; 1.x awaits every tool, and
a sync one answers each call with "An internal error occurred". What blocks goes through `asyncio.to_thread`, so that
the voice does not stop while it works. A parameter that is an Enum is a member now, no longer its value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

import libcst as cst

from lk_migrate.facts.families import Function
from lk_migrate.facts.function_contexts import function_contexts
from lk_migrate.facts.project import Project
from lk_migrate.facts.thread_work import blocks, one_shots_reached
from lk_migrate.facts.walk import own_scope
from lk_migrate.model import Action, Edition
from lk_migrate.rewrite.arguments import keyword, keyword_arg, of_call, to_call
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.markers import enumerated
from lk_migrate.rewrite.threads import alone, awaited_at, through_thread
from lk_migrate.rules.registry import Rule


def paths(project: Project) -> frozenset[str]:
    """The files with tools, and those that may call one which was sync."""
    if not project.paths_with([b"ai_callable"]):
        return frozenset()
    tools = project.fact(function_contexts).tools
    called = (re.escape(n.name.value.encode()) for n in tools if n.asynchronous is None)
    words = re.compile(b"|".join((b"ai_callable", *(rb"\b" + name + rb"\s*\(" for name in called))))
    return frozenset(path for path, data in project.files.items() if words.search(data))


rule = Rule("LK211", Edition.V0, __doc__, since="1.0.0", paths=paths)

_KEYWORDS = {"description": "description", "desc": "description", "name": "name"}


@rule.on(cst.FunctionDef)
def tool(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """The decorator, and `async`."""
    found = file.project.fact(function_contexts)
    known = found.tools.get(node)
    if known is None:
        yield from _on_something_else(node)
        return
    spelling = file.use("livekit.agents.function_tool")
    yield Rewrite(
        known.decorator,
        lambda updated: updated.with_changes(decorator=_decorator(updated.decorator, spelling)),
        "`ai_callable` is now `function_tool`",
    )
    yield from _on_something_else(node, (known.decorator, *known.again))
    for decorator in reversed(known.again):
        yield Rewrite(
            node,
            _without(list(node.decorators).index(decorator)),
            f"`{node.name.value}` is declared once: it is in each list of tools that it is for",
            Action.REMOVED,
            (decorator,),
        )
    if any(isinstance(n, cst.Yield) for n in own_scope(node)):
        yield Todo(node, f"`{node.name.value}` is a generator, and a tool answers once: return what it yields.")
        return
    if node.asynchronous is not None:
        return
    function = Function(file.module, node, known.holder)
    reason = blocks(found.holdings, function)
    shots = one_shots_reached(found.holdings, function) if reason is not None else ()
    if reason is None or shots:
        yield Rewrite(
            node,
            lambda updated: updated.with_changes(asynchronous=cst.Asynchronous()),
            f"the tool `{node.name.value}` is a coroutine",
        )
        for shot in shots:
            yield alone(shot, file)
        return
    to_thread = f"{file.use('asyncio')}.to_thread"
    yield Rewrite(
        node,
        lambda updated: through_thread(updated, to_thread),
        f"the tool `{node.name.value}` blocks (`{reason}`), so its work is done in a thread, as 0.x did",
    )


def _on_something_else(node: cst.FunctionDef, known: Collection[cst.Decorator] = ()) -> Iterator[Change]:
    """`@assistant.fnc_ctx.ai_callable()`, of an object that is no box of tools as far as the code shows it."""
    for decorator in (d for d in node.decorators if d not in known):
        expression = decorator.decorator
        func = expression.func if isinstance(expression, cst.Call) else expression
        if isinstance(func, cst.Attribute) and func.attr.value == "ai_callable":
            yield Todo(
                node,
                "`ai_callable` is gone: make this an `async def` with `@function_tool`, and name it in the Agent's "
                "`tools=[…]`.",
            )


def _without(position: int) -> Callable[[cst.FunctionDef], cst.FunctionDef]:
    """The function without one of its decorators; comments above that go to what is below it."""

    def apply(updated: cst.FunctionDef) -> cst.FunctionDef:
        decorators = list(updated.decorators)
        above = decorators.pop(position).leading_lines
        if position == len(decorators):
            below = [*above, *updated.lines_after_decorators]
            return updated.with_changes(decorators=decorators, lines_after_decorators=below)
        after = decorators[position]
        decorators[position] = after.with_changes(leading_lines=[*above, *after.leading_lines])
        return updated.with_changes(decorators=decorators)

    return apply


def _decorator(updated: cst.BaseExpression, spelling: str) -> cst.BaseExpression:
    func = cst.parse_expression(spelling)
    if not isinstance(updated, cst.Call):
        return func
    brackets = of_call(updated)
    for i in reversed(range(len(brackets.items))):
        arg = brackets.items[i]
        name = keyword(arg)
        if name in _KEYWORDS:
            if name != _KEYWORDS[name]:
                brackets = brackets.with_item(i, keyword_arg(_KEYWORDS[name], arg.value))
        elif not arg.star:
            brackets = brackets.without(i)
    if not brackets.items:
        return func
    return to_call(updated, brackets).with_changes(func=func)


@rule.on(cst.Call)
def former_sync_calls(call: cst.Call, file: File) -> Iterator[Change]:
    """A direct call of a tool that was sync is awaited now; one marker for all that a function cannot await."""
    if not file.project.fact(function_contexts).tools:
        return
    name = _former_sync(call, file)
    if name is None:
        return
    function = file.module.index.enclosing(call, cst.FunctionDef, cst.Lambda)
    if function in file.project.fact(function_contexts).tools or (
        isinstance(function, cst.FunctionDef) and function.asynchronous is not None
    ):
        yield Rewrite(call, awaited_at(call, file), f"`{name}` is awaited")
        return
    scope = function or file.module.tree
    calls = [c for c in file.module.index.find(scope, cst.Call) if _former_sync(c, file) is not None]
    here = [c for c in calls if file.module.index.enclosing(c, cst.FunctionDef, cst.Lambda) is function]
    if here[0] is not call:
        return
    names = list(dict.fromkeys(n for c in here if (n := _former_sync(c, file)) is not None))
    said = enumerated(names)
    now = f"{said} is a coroutine" if len(names) == 1 else f"{said} are coroutines"
    what = "it" if len(here) == 1 else f"each of the {len(here)} calls"
    todo = f"and this function is not: make it async and await {what}" if function else f"run {what} in one"
    yield Todo(call, f"{now} now, {todo}.")


def _former_sync(call: cst.Call, file: File) -> str | None:
    """The name of the tool that is called, when it becomes a coroutine and nothing awaits it yet."""
    found = file.project.fact(function_contexts)
    if isinstance(file.parent(call), cst.Await):
        return None
    for callee in found.holdings.callees(file.module, call):
        if callee.node in found.tools and callee.node.asynchronous is None:
            return callee.node.name.value
    return None

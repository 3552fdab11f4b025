"""`ChatContext().append(role=, text=)` is now `add_message(role=, content=)`.

`append` went with 1.0; it returned the context, `add_message` returns the message, so chains are written as a list.
A system message that became the Agent's instructions is left out (LK203). The Agent's own context is read-only: it is
copied, changed and given back.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.context_messages import context_messages, is_context_class
from lk_migrate.facts.holdings import holdings, where_0x_may_be
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.prompts import prompts
from lk_migrate.facts.v0_names import TRIGGERS, Kind
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import keyword, of_display, to_display
from lk_migrate.rewrite.changes import Change, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v0.chat_messages import convertible, message_arguments

rule = Rule("LK220", Edition.V0, __doc__, triggers=(*TRIGGERS, b".append("), since="1.0.0", paths=where_0x_may_be)


def _is_append(call: cst.Call, file: File) -> bool:
    func = call.func
    return (
        isinstance(func, cst.Attribute)
        and func.attr.value == "append"
        and file.project.fact(holdings).has(file.module, func.value, Kind.CHAT_CONTEXT)
    )


def _is_in_chain(call: cst.Call, file: File) -> bool:
    """Whether `.append(…)` is called on the result of this call."""
    attribute = file.parent(call)
    outer = file.parent(attribute) if isinstance(attribute, cst.Attribute) and attribute.value is call else None
    return isinstance(outer, cst.Call) and outer.func is attribute and _is_append(outer, file)


@rule.on(cst.Call)
def append(call: cst.Call, file: File) -> Iterator[Change]:
    """One call, or a chain of them."""
    if not _is_append(call, file) or not isinstance(call.func, cst.Attribute) or _is_in_chain(call, file):
        return
    known = file.project.fact(holdings)
    found = file.project.fact(prompts)
    if call in found.text or found.is_moved(file.module, call):
        return
    messages = context_messages(known, file.module, call)
    if messages is not None:
        if not all(convertible(m.call) for m in messages):
            yield Todo(call, "`append` is `add_message(role=…, content=[…])` now: write this one out.")
            return
        left = [m.call for m in messages if m.call not in found.taken]
        llm = _llm(file)
        yield Replace(call, lambda updated: _listed(updated, len(messages), messages, left, llm), "a list of messages")
        return
    if not convertible(call):
        yield Todo(call, "`append` is `add_message(role=…, content=[…])` now: write this one out.")
    elif _is_agents_own(call.func.value, file):
        yield from _on_copy(call, file)
    elif isinstance(file.parent(call), cst.Expr):
        yield Rewrite(call, _add_message, "`append` is `add_message` now")
    else:
        yield from _assigned(call, file)


def _llm(file: File) -> str:
    return file.use("livekit.agents.llm")


def _add_message(updated: cst.Call) -> cst.Call:
    func = updated.func
    assert isinstance(func, cst.Attribute)
    result = message_arguments(updated, False, "system")
    return result.with_changes(func=func.with_changes(attr=cst.Name("add_message")))


def _chain(updated: cst.BaseExpression, length: int) -> list[cst.Call]:
    """The calls of a chain, first appended first, as the other rules left them."""
    calls: list[cst.Call] = []
    node = updated
    while len(calls) < length and isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        calls.append(node)
        node = node.func.value
    return list(reversed(calls))


def _listed(updated: cst.Call, count: int, messages: list, left: list[cst.Call], llm: str) -> cst.BaseExpression:  # type: ignore[type-arg]
    calls = _chain(updated, count)
    root: cst.BaseExpression = calls[0].func.value  # type: ignore[attr-defined]
    kept = [u for u, m in zip(calls, messages, strict=False) if m.call in left]
    elements = []
    for call in kept:
        message = message_arguments(call, True, "system").with_changes(
            func=cst.parse_expression(f"{llm}.ChatMessage"), lpar=[], rpar=[]
        )
        elements.append(cst.Element(message))
    if not elements or not isinstance(root, cst.Call):
        return root
    return root.with_changes(args=[cst.Arg(cst.List(elements))])


def _is_agents_own(expression: cst.BaseExpression, file: File) -> bool:
    """`agent.chat_ctx`, which is read-only today."""
    if not isinstance(expression, cst.Attribute) or expression.attr.value not in ("chat_ctx", "chat_context"):
        return False
    known = file.project.fact(holdings)
    return known.has(file.module, expression.value, Kind.PIPELINE, Kind.MULTIMODAL, Kind.AGENT)


def _on_copy(call: cst.Call, file: File) -> Iterator[Change]:
    statement = file.statement(call)
    function = file.enclosing(call, cst.FunctionDef)
    alone = (
        isinstance(file.parent(call), cst.Expr)
        and isinstance(statement, cst.SimpleStatementLine)
        and len(statement.body) == 1
    )
    waits = "await {}" if function is not None and function.asynchronous is not None else None
    if function is not None and waits is None and _runs_in_the_loop(call, function, file):
        waits = f"{file.use('asyncio')}.create_task({{}})"
    if not alone or function is None or waits is None:
        yield Todo(
            call,
            "the Agent's chat context is read-only: `chat_ctx = agent.chat_ctx.copy()`, `chat_ctx.add_message(…)`, "
            "`await agent.update_chat_ctx(chat_ctx)`.",
        )
        return
    assert isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Attribute)
    owner = call.func.value.value
    agent = file.project.fact(pipelines).agent_for(file.module, owner)
    used = {n.value for n in file.module.index.of(cst.Name) if file.enclosing(n, cst.FunctionDef) is function}
    name = next(n for n in ("chat_ctx", "new_ctx", "agent_ctx", "changed_ctx") if n not in used)
    yield Replace(
        statement,
        lambda updated: _three_statements(updated, name, agent, waits),
        "the Agent's context is copied, changed, and given back",
    )


def _runs_in_the_loop(call: cst.Call, function: cst.FunctionDef, file: File) -> bool:
    """Whether a plain function stands in a coroutine, so that it can start a task, and asks for the context but once.

    The task gives the context back after the function has returned: a second copy would not have the message.
    """
    assert isinstance(call.func, cst.Attribute)
    outer = file.enclosing(function, cst.FunctionDef)
    context = file.code(call.func.value)
    reads = [a for a in find(function, cst.Attribute) if a.attr.value.startswith("chat_c") and file.code(a) == context]
    loop = file.module.index.enclosing(call, cst.For, cst.While, cst.FunctionDef)
    return outer is not None and outer.asynchronous is not None and len(reads) == 1 and loop is function


def _three_statements(
    updated: cst.SimpleStatementLine, name: str, agent: str | None, waits: str
) -> cst.FlattenSentinel[cst.BaseStatement]:
    small = updated.body[0]
    assert isinstance(small, cst.Expr) and isinstance(small.value, cst.Call)
    call = small.value
    assert isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Attribute)
    code = cst.Module([]).code_for_node
    owner = agent or code(call.func.value.value)
    copy = cst.ensure_type(cst.parse_statement(f"{name} = {owner}.chat_ctx.copy()"), cst.SimpleStatementLine)
    added = _add_message(call).with_changes(func=cst.parse_expression(f"{name}.add_message"))
    back = cst.parse_statement(waits.format(f"{owner}.update_chat_ctx({name})"))
    return cst.FlattenSentinel(
        [
            copy.with_changes(leading_lines=updated.leading_lines),
            updated.with_changes(body=[cst.Expr(added)], leading_lines=[]),
            back,
        ]
    )


def _assigned(call: cst.Call, file: File) -> Iterator[Change]:
    """`ctx = old.copy().append(…)`: the copy, then the message."""
    parent = file.parent(call)
    statement = file.statement(call)
    target = parent.targets[0].target if isinstance(parent, cst.Assign) and len(parent.targets) == 1 else None
    if (
        not isinstance(target, cst.Name)
        or not isinstance(statement, cst.SimpleStatementLine)
        or len(statement.body) > 1
    ):
        yield Todo(call, "`append` gave the context back, `add_message` gives the message: write two statements.")
        return
    name = target.value
    yield Replace(statement, lambda updated: _unchained(updated, name), "`append` is `add_message` now")


def _unchained(updated: cst.SimpleStatementLine, name: str) -> cst.FlattenSentinel[cst.BaseStatement]:
    small = updated.body[0]
    assert isinstance(small, cst.Assign)
    calls = []
    node: cst.BaseExpression = small.value
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "append":
        calls.append(node)
        node = node.func.value
    first = updated.with_changes(body=[small.with_changes(value=node)])
    target = cst.Module([]).code_for_node(small.targets[0].target)
    added: list[cst.SimpleStatementLine] = []
    for call in reversed(calls):
        message = _add_message(call).with_changes(func=cst.parse_expression(f"{target}.add_message"))
        added.append(cst.SimpleStatementLine(body=[cst.Expr(message)]))
    if isinstance(node, cst.Name) and node.value == target:  # `ctx = ctx.append(…)`
        added[0] = added[0].with_changes(leading_lines=updated.leading_lines)
        added[-1] = added[-1].with_changes(trailing_whitespace=updated.trailing_whitespace)
        return cst.FlattenSentinel(added)
    return cst.FlattenSentinel([first, *added])


@rule.on(cst.Call)
def construction(call: cst.Call, file: File) -> Iterator[Change]:
    """`ChatContext(messages=[…])`: the argument is `items`; without the message that became the instructions."""
    if not is_context_class(file.project, file.module, call.func) or not call.args:
        return
    found = file.project.fact(prompts)
    if call in found.text or found.is_moved(file.module, call):
        return
    argument = call.args[0]
    if keyword(argument) == "messages":
        yield Rewrite(
            call,
            lambda updated: updated.with_changes(args=[_positional(updated.args[0]), *updated.args[1:]]),
            "`messages=` is the first argument now",
        )
    if isinstance(argument.value, cst.List):
        gone = [i for i, e in enumerate(argument.value.elements) if e.value in found.taken]
        if gone and len(gone) == len(argument.value.elements):
            yield Rewrite(call, lambda updated: updated.with_changes(args=[]), "the prompt is the Agent's")
        elif gone:
            yield Rewrite(argument.value, lambda updated: _without(updated, gone), "the prompt is the Agent's")


def _positional(arg: cst.Arg) -> cst.Arg:
    return arg.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT)


def _without(updated: cst.List, gone: list[int]) -> cst.List:
    brackets = of_display(updated)
    for i in reversed(gone):
        brackets = brackets.without(i)
    result = to_display(updated, brackets)
    assert isinstance(result, cst.List)
    return result

"""`stream.execute_functions()` is now `llm.execute_function_call(call, tools)` for each call of the response.

A stream ran its model's tool calls itself until 0.12. Since 1.0 it only carries them: `await stream.collect()` reads
it to its end, `response.tool_calls` are the calls. A result keeps its call (`fnc_call`), and a tool's exception instead
of raising it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import libcst as cst

from lk_migrate.facts.executions import Execution, executions
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.v0_names import Kind, llm_name
from lk_migrate.facts.variables import binding_of
from lk_migrate.model import Action, Edition, Safety
from lk_migrate.rewrite.blocks import gap
from lk_migrate.rewrite.bodies import statement
from lk_migrate.rewrite.changes import Change, Note, Remove, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

_TRIGGERS = (b"execute_functions", b".function_calls")
rule = Rule("LK225", Edition.V0, __doc__, triggers=_TRIGGERS, since="1.0.0", safety=Safety.REVIEW)

_BY_HAND = (
    "a stream does not run tools: `response = await stream.collect()`, then "
    "`llm.execute_function_call(call, tool_ctx)` for each of `response.tool_calls`."
)


@rule.on(cst.For)
def read(loop: cst.For, file: File) -> Iterator[Change]:
    """`async for _ in stream: pass`."""
    found = file.project.fact(executions).reads.get(loop)
    if found is None:
        return
    if found.given is None:
        code = f"response = await {found.stream}.collect()"
        yield Replace(loop, lambda updated: _line(code, updated.leading_lines), "`collect` reads a stream to its end")
        return
    yield Replace(loop, lambda updated: gap(updated.leading_lines), "`collect` reads the stream", Action.REMOVED)
    value = found.given.value
    assert value is not None
    yield Rewrite(value, lambda _: cst.parse_expression(f"await {found.stream}.collect()"), "the whole response")
    returns = found.function.returns if found.function is not None else None
    if returns is not None and llm_name(file.full_name(returns.annotation)) == "LLMStream":
        response = cst.parse_expression(f"{file.use('livekit.agents.llm')}.CollectedResponse")
        yield Replace(returns.annotation, lambda _: response, "the whole response, and no stream")


def _line(code: str, leading: Sequence[cst.EmptyLine]) -> cst.SimpleStatementLine:
    return statement(code).with_changes(leading_lines=leading)


@rule.on(cst.Attribute)
def execution(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`calls = stream.execute_functions()`, with the line that waits for them."""
    if node.attr.value not in ("function_calls", "execute_functions"):
        return
    call = file.parent(node)
    found = file.project.fact(executions).found.get(call) if isinstance(call, cst.Call) else None
    if found is None or call is None:
        if file.project.fact(holdings).has(file.module, node.value, Kind.STREAM):
            yield Todo(node, _BY_HAND)
        return
    line = file.statement(call)
    yield Replace(line, _run(found, file), "`execute_function_call` runs each call")
    if found.gathered is None:
        return
    yield Remove(found.gathered, "the calls are waited for where they are made")
    if not any(a.keyword is not None for a in _waits(found.gathered).args):
        yield Note(call, "a tool's exception is `raw_exception` of its result now, and is not raised here.")


def _waits(gathered: cst.SimpleStatementLine) -> cst.Call:
    """`asyncio.gather(…)` of the line."""
    small = gathered.body[0]
    assert isinstance(small, cst.Expr) and isinstance(small.value, cst.Await)
    assert isinstance(small.value.expression, cst.Call)
    return small.value.expression


def _run(found: Execution, file: File) -> Callable[[cst.SimpleStatementLine], cst.FlattenSentinel[cst.BaseStatement]]:
    """`tool_ctx = …`, and the line that runs the calls: all at once, as tasks if nothing waits for them."""
    llm = file.use("livekit.agents.llm")
    scope = file.enclosing(found.call, cst.FunctionDef)
    taken = file.module.bound_or_imported(scope) if scope is not None else frozenset()
    tools = next(n for n in ("tool_ctx", "tool_context", "called_tools", "run_tools") if n not in taken)
    one = f"{llm}.execute_function_call(call, {tools})"
    each = f"for call in {found.source}.tool_calls"
    if found.gathered is None:
        value = f"[\n    {file.use('asyncio')}.create_task({one})\n    {each}\n]"
    else:
        value = f"await {file.code(_waits(found.gathered).func)}(\n    *[{one} {each}]\n)"
    context = f"{tools} = {llm}.ToolContext([{', '.join(found.tools)}])"
    run = f"{found.results.value} = {value}"
    return lambda updated: cst.FlattenSentinel(
        [
            _line(context, updated.leading_lines),
            statement(run).with_changes(trailing_whitespace=updated.trailing_whitespace),
        ]
    )


@rule.on(cst.SimpleStatementLine)
def closing(line: cst.SimpleStatementLine, file: File) -> Iterator[Change]:
    """`await stream.aclose()`, which cancelled what was still running."""
    closes = file.project.fact(executions).closes
    if line not in closes:
        return
    found = closes[line]
    if found is None or found.gathered is not None:
        yield Remove(line, "`collect` has closed the stream")
        return
    code = f"await {file.use('livekit.agents.utils')}.aio.cancel_and_wait(*{found.results.value})"
    yield Replace(line, lambda updated: _line(code, updated.leading_lines), "what still runs is cancelled")


_OF_RESULT = {"exception": "raw_exception", "result": "raw_output"}
_OF_CALL = {"tool_call_id": "call_id", "raw_arguments": "arguments"}


@rule.on(cst.Attribute)
def result(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`calls[0].exception`, `call.call_info.arguments`."""
    found = _of(node.value, file)
    if found is None or file.statement(node) is found.gathered:
        return
    name = node.attr.value
    if found.gathered is None:
        yield Todo(node, f"`{name}`: each of them is a task now: `.done()`, `.cancelled()`, `.result()` tell of it.")
    elif name in _OF_RESULT:
        yield Rewrite(node, lambda updated: _named(updated, _OF_RESULT[name]), f"`{name}` is `{_OF_RESULT[name]}` now")
    elif name == "call_info":
        yield from _call_info(node, file)
    elif name == "task":
        yield Todo(node, "the call has been waited for, and has no task: take this out.")


def _named(updated: cst.Attribute, name: str) -> cst.Attribute:
    return updated.with_changes(attr=cst.Name(name))


def _call_info(node: cst.Attribute, file: File) -> Iterator[Change]:
    """What is asked of a call: its arguments are JSON, its function is known by name only."""
    asked = file.parent(node)
    name = asked.attr.value if isinstance(asked, cst.Attribute) and asked.value is node else ""
    outer = file.parent(asked) if asked is not None else None
    yield Rewrite(node, lambda updated: _named(updated, "fnc_call"), "`call_info` is `fnc_call` now")
    if name == "arguments":
        loads = cst.parse_expression(f"{file.use('json')}.loads")
        yield Rewrite(asked, lambda updated: cst.Call(loads, [cst.Arg(updated)]), "the arguments are JSON now")  # type: ignore[arg-type]
    elif name in _OF_CALL:
        yield Rewrite(asked, lambda updated: _named(updated, _OF_CALL[name]), f"it is `{_OF_CALL[name]}` now")  # type: ignore[arg-type]
    elif name == "function_info" and isinstance(outer, cst.Attribute) and outer.attr.value == "name":
        yield Rewrite(outer, lambda updated: _named(updated.value, "name"), "a call knows its function's name")
    else:
        yield Todo(node, "`fnc_call` has `name`, `arguments` (JSON) and `call_id`, and nothing more of the function.")


def _of(item: cst.BaseExpression, file: File) -> Execution | None:
    """The execution of whose results `item` is one: `calls[0]`, or the variable of a loop over them."""
    known = file.project.fact(executions)
    if not known.found:
        return None
    if isinstance(item, cst.Subscript) and isinstance(item.value, cst.Name):
        return known.of_results(file.module, item.value)
    if not isinstance(item, cst.Name):
        return None
    binding = binding_of(file.module, item)
    for loop in (*file.module.index.of(cst.For), *file.module.index.of(cst.CompFor)):
        target, over = loop.target, loop.iter
        if isinstance(target, cst.Name) and isinstance(over, cst.Name) and target.value == item.value:
            inside = any(ancestor is file.parent(loop) for ancestor in file.module.index.ancestors(item))
            same = inside if isinstance(loop, cst.CompFor) else binding_of(file.module, target) == binding
            if same:
                return known.of_results(file.module, over)
    for assign in file.module.index.of(cst.Assign):
        target, value = assign.targets[0].target, assign.value
        if isinstance(target, cst.Name) and target.value == item.value and binding_of(file.module, target) == binding:
            return _of(value, file) if isinstance(value, cst.Subscript) else None
    return None

"""Where a 0.x stream is asked to run the tools that its model called, and how the same is written today.

`stream.execute_functions()` started every call and gave a list of `CalledFunction`. A stream runs nothing any more:
it is read to its end (`await stream.collect()`), which gives the calls, and `llm.execute_function_call` runs one. So
three places change together: the loop that reads the stream, the call, and what is asked of its results.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.comments import comments_of
from lk_migrate.facts.families import Function, arguments
from lk_migrate.facts.function_contexts import function_contexts
from lk_migrate.facts.held import Holdings
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.variables import Binding, binding_of, uses
from lk_migrate.facts.walk import own_scope


@dataclass(frozen=True)
class Read:
    """The stream is read to its end here, by a loop that does nothing else, in the function that asked the model.

    `loop` becomes `response = await stream.collect()`; or, when the next statement is `return stream`, goes, and the
    function (whose `returns`, if it has any, says what it gave) returns the response instead: then `given` is set.
    """

    module: Module
    loop: cst.For
    stream: str
    chat: cst.Call
    given: cst.Return | None = None
    function: cst.FunctionDef | None = None


@dataclass(frozen=True)
class Execution:
    """`calls = stream.execute_functions()`. `gathered`: the next line, which waits for all of them.

    `source`: what has the `tool_calls`; `tools`: what the stream's model was given, one expression for each.
    """

    module: Module
    call: cst.Call
    read: Read
    results: cst.Name
    source: str
    tools: tuple[str, ...]
    gathered: cst.SimpleStatementLine | None


#: What a caller that is given the stream does: it may execute the calls, and close the stream here and there.
Caller = tuple[Execution | None, list[cst.SimpleStatementLine]]


@dataclass
class Executions:
    """`found`: by the call; `reads`: the loops; `closes`: `await stream.aclose()` of what is no stream any more."""

    found: dict[cst.Call, Execution] = field(default_factory=dict)
    reads: dict[cst.For, Read] = field(default_factory=dict)
    closes: dict[cst.SimpleStatementLine, Execution | None] = field(default_factory=dict)

    def of_results(self, module: Module, name: cst.Name) -> Execution | None:
        """The execution whose list of results `name` reads."""
        binding = binding_of(module, name)
        for execution in self.found.values():
            if execution.module is module and binding_of(module, execution.results) == binding:
                return execution
        return None


def executions(project: Project) -> Executions:
    """Use as `project.fact(executions)`."""
    result = Executions()
    if not any(b"execute_functions" in data for data in project.files.values()):
        return result
    known = project.fact(holdings)
    for module in known.modules:
        calls = [c for c in module.index.of(cst.Call) if _is_execution(known, module, c)]
        for call in calls:
            for execution in _here(known, module, call):
                _add(result, execution)
    for function, read in _readers(known):
        callers = _by_callers(known, function, read) or []
        if any(execution is not None for execution, _ in callers):
            for caller, closes in callers:
                if caller is not None:
                    _add(result, caller)
                result.closes.update(dict.fromkeys(closes, caller))
    return result


def _add(result: Executions, execution: Execution) -> None:
    result.found[execution.call] = execution
    result.reads[execution.read.loop] = execution.read


def _is_execution(known: Holdings, module: Module, call: cst.Call) -> bool:
    func = call.func
    return (
        isinstance(func, cst.Attribute)
        and func.attr.value == "execute_functions"
        and not call.args
        and isinstance(func.value, cst.Name)
        and known.has(module, func.value, Kind.STREAM)
    )


def _here(known: Holdings, module: Module, call: cst.Call) -> Iterator[Execution]:
    """Asked, read and executed in one function."""
    assert isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Name)
    stream = call.func.value
    binding = binding_of(module, stream)
    function = module.index.enclosing(call, cst.FunctionDef)
    read = _read(known, module, binding)
    results = _assigned(module, call)
    if read is None or results is None or not isinstance(function, cst.FunctionDef) or function is not binding.owner:
        return
    if "response" in module.bound_or_imported(function):
        return
    tools = _tools(known, module, _given_tools(read.chat))
    gathered = _gathered(known, module, call, results)
    if tools is not None and gathered is not None:
        yield Execution(module, call, read, results, "response", tools, gathered)


def _read(known: Holdings, module: Module, binding: Binding) -> Read | None:
    """The one loop over a stream that was asked for in the same function."""
    asked: list[cst.Call] = []
    loops: list[cst.For] = []
    for name in uses(module, binding):
        parent = module.index.parents.get(name)
        if isinstance(parent, cst.AssignTarget):
            value = module.index.parents[parent].value  # type: ignore[attr-defined]
            value = value.expression if isinstance(value, cst.Await) else value
            if not isinstance(value, cst.Call) or not _is_chat(known, module, value):
                return None
            asked.append(value)
        elif isinstance(parent, cst.For) and parent.iter is name and parent.asynchronous is not None:
            loops.append(parent)
    if len(asked) != 1 or len(loops) != 1 or not _only_reads(module, loops[0]):
        return None
    return Read(module, loops[0], binding.name, asked[0])


def _is_chat(known: Holdings, module: Module, call: cst.Call) -> bool:
    func = call.func
    return isinstance(func, cst.Attribute) and func.attr.value == "chat" and known.has(module, call, Kind.STREAM)


def _only_reads(module: Module, loop: cst.For) -> bool:
    """`async for _ in stream: pass`, with no word about it."""
    body = list(loop.body.body)
    small = body[0].body if len(body) == 1 and isinstance(body[0], cst.SimpleStatementLine) else body
    return len(small) == 1 and isinstance(small[0], cst.Pass) and loop.orelse is None and not comments_of(loop.body)


def _assigned(module: Module, call: cst.Call) -> cst.Name | None:
    """`calls` of `calls = stream.execute_functions()`, alone on its line."""
    parent = module.index.parents.get(call)
    if not isinstance(parent, cst.Assign) or len(parent.targets) != 1:
        return None
    line = module.index.parents.get(parent)
    target = parent.targets[0].target
    alone = isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1
    return target if alone and isinstance(target, cst.Name) else None


def _gathered(known: Holdings, module: Module, call: cst.Call, results: cst.Name) -> cst.SimpleStatementLine | None:
    """`await asyncio.gather(*[f.task for f in calls])` on the next line."""
    line = module.index.enclosing(call, cst.SimpleStatementLine)
    block = module.index.parents.get(line) if line is not None else None
    body = list(getattr(block, "body", ()))
    after = body[body.index(line) + 1] if line in body[:-1] else None
    if not isinstance(after, cst.SimpleStatementLine) or len(after.body) != 1 or after.leading_lines:
        return None
    small = after.body[0]
    wait = small.value.expression if isinstance(small, cst.Expr) and isinstance(small.value, cst.Await) else None
    if (
        not isinstance(wait, cst.Call)
        or known.project.full_name(module, wait.func) != "asyncio.gather"
        or not wait.args
    ):
        return None
    tasks = wait.args[0].value
    if wait.args[0].star != "*" or not isinstance(tasks, (cst.ListComp, cst.GeneratorExp)) or tasks.for_in.ifs:
        return None
    item = dotted(tasks.for_in.target)
    waits = dotted(tasks.for_in.iter) == results.value and item is not None and dotted(tasks.elt) == f"{item}.task"
    sure = all(a.keyword is not None and a.keyword.value == "return_exceptions" for a in wait.args[1:])
    return after if waits and sure and tasks.for_in.inner_for_in is None else None


def _given_tools(chat: cst.Call) -> cst.BaseExpression | None:
    return next((a.value for a in chat.args if a.keyword is not None and a.keyword.value == "fnc_ctx"), None)


def _tools(known: Holdings, module: Module, given: cst.BaseExpression | None) -> tuple[str, ...] | None:
    """A box, and the functions that were added to it; None if it cannot be named again."""
    if not isinstance(given, (cst.Name, cst.Attribute)) or dotted(given) in (None, "None"):
        return None
    return known.project.fact(function_contexts).spelled(module, given)


def _readers(known: Holdings) -> Iterator[tuple[Function, Read]]:
    """The functions that ask a model, read the stream, and give it to their callers."""
    for module in known.modules:
        for returned in module.index.of(cst.Return):
            function = module.index.enclosing(returned, cst.FunctionDef)
            if not isinstance(returned.value, cst.Name) or not isinstance(function, cst.FunctionDef):
                continue
            binding = binding_of(module, returned.value)
            if binding.owner is not function or not known.has(module, returned.value, Kind.STREAM):
                continue
            read = _read(known, module, binding)
            returns = [n for n in own_scope(function) if isinstance(n, cst.Return)]
            # the assignment, the loop and the return: nothing else knows of the stream
            if read is not None and len(returns) == 1 and len(list(uses(module, binding))) == 3:
                yield (
                    Function(module, function, None),
                    Read(module, read.loop, read.stream, read.chat, returned, function),
                )


def _by_callers(known: Holdings, function: Function, read: Read) -> list[Caller] | None:
    """What every caller does with the stream; None when one of them does something else than executing and closing."""
    module, name = function.module, function.node.name.value
    for other in known.modules:
        if other is not module and any(item.target.rpartition(".")[2] == name for item in other.imports):
            return None
    calls = [c for c in module.index.of(cst.Call) if dotted(c.func) == name]
    callers = {c.func for c in calls if any(f.node is function.node for f in known.callees(module, c))}
    mentions = [n for n in module.names.get(name, ()) if n is not function.node.name]
    if not mentions or any(n not in callers for n in mentions):
        return None
    planned: list[Caller] = []
    seen: set[Binding] = set()
    for call in calls:
        awaited = module.index.parents.get(call)
        kept = module.index.parents.get(awaited) if isinstance(awaited, cst.Await) else None
        if isinstance(kept, cst.Expr):
            continue
        target = kept.targets[0].target if isinstance(kept, cst.Assign) and len(kept.targets) == 1 else None
        if not isinstance(target, cst.Name):
            return None
        binding = binding_of(module, target)
        if isinstance(binding.owner, cst.Module):
            return None
        if binding in seen:
            continue
        seen.add(binding)
        one = _of_caller(known, function, read, calls, binding)
        if one is None:
            return None
        planned += one
    return planned


def _of_caller(
    known: Holdings, function: Function, read: Read, calls: list[cst.Call], binding: Binding
) -> list[Caller] | None:
    """What one caller does; None when it is something else."""
    module = function.module
    executed: list[cst.Call] = []
    closes: list[cst.SimpleStatementLine] = []
    given: list[cst.Call] = []
    for name in uses(module, binding):
        parent = module.index.parents.get(name)
        outer = module.index.parents.get(parent) if parent is not None else None
        if isinstance(parent, cst.AssignTarget):
            value = outer.value if isinstance(outer, cst.Assign) else None
            inner = value.expression if isinstance(value, cst.Await) else None
            if inner not in calls:
                return None
            given.append(inner)  # type: ignore[arg-type]
        elif isinstance(outer, cst.Call) and _is_execution(known, module, outer):
            executed.append(outer)
        elif (line := _closing(module, outer)) is not None:
            closes.append(line)
        else:
            return None
    if not executed:
        return [(None, closes)]
    results = _assigned(module, executed[0])
    spelled = {_passed_tools(known, function, read, call) for call in given}
    tools = spelled.pop() if len(spelled) == 1 else None
    if len(executed) > 1 or results is None or tools is None:
        return None
    gathered = _gathered(known, module, executed[0], results)
    return [(Execution(module, executed[0], read, results, binding.name, tools, gathered), closes)]


def _closing(module: Module, call: cst.CSTNode | None) -> cst.SimpleStatementLine | None:
    """The line `await stream.aclose()`, for its call."""
    if not isinstance(call, cst.Call) or (dotted(call.func) or "").rpartition(".")[2] != "aclose":
        return None
    awaited = module.index.parents.get(call)
    line = module.index.parents.get(module.index.parents.get(awaited)) if isinstance(awaited, cst.Await) else None  # type: ignore[arg-type]
    return line if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None


def _passed_tools(known: Holdings, function: Function, read: Read, call: cst.Call) -> tuple[str, ...] | None:
    """What the caller passes for the parameter that the function gives its model as tools."""
    given = _given_tools(read.chat)
    for param, arg in arguments(function, call):
        if isinstance(given, cst.Name) and param.name.value == given.value:
            return _tools(known, function.module, arg.value)
    return None

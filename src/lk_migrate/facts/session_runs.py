"""Where an entrypoint leaves its session to a task or a function of its own, and whether it can do that itself.

`asyncio.create_task(session.start(…))`, `await asyncio.gather(ctx.connect(), session.start(…))`, and the same with a
coroutine function of the module that makes and starts the session: `asyncio.create_task(run_session(ctx))`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.scopes import bindings, occurrences
from lk_migrate.facts.sessions import find_sessions
from lk_migrate.facts.walk import find, own_scope

_TASK_MAKERS = frozenset({"create_task", "ensure_future"})


@dataclass(frozen=True)
class Run:
    """`call` starts the session: `session.start(…)`, or a call of `runner`, which makes and starts one.

    `line`: the statement in whose place the session is to be run, or behind which (`follows`); `maker`: the one that
    makes a task of it, and `awaited` the one that waits for that, when these are others. `gather`: the call that runs
    others at the same time, `beside` it; `given`: parameters of the runner and their values.
    """

    call: cst.Call
    runner: cst.FunctionDef | None
    line: cst.SimpleStatementLine
    maker: cst.SimpleStatementLine | None = None
    awaited: cst.SimpleStatementLine | None = None
    follows: bool = False
    gather: cst.Call | None = None
    beside: tuple[cst.BaseExpression, ...] = ()
    given: tuple[tuple[str, cst.BaseExpression], ...] = ()


def session_run(project: Project, module: Module, function: cst.FunctionDef) -> Run | None:
    """The one place where `function` has its session run, if it need not be a task or a function of its own."""
    if function.asynchronous is None:
        return None  # (it cannot await)
    runners = _runners(project, module, function)
    calls = [
        (c, runner)
        for c in module.index.find(function.body, cst.Call)
        for runner in _runs(module, function, c, runners)
    ]
    if len(calls) != 1:
        return None
    call, runner = calls[0]
    if module.index.enclosing(call, cst.FunctionDef, cst.Lambda) is not function:
        return None
    found = _placed(module, function, call, runner)
    if found is None or runner is None:
        return found if found is not None and not _awaits(found.line, call) else None
    given = _given(module, function, runner, call)
    return None if given is None else replace(found, given=given)


def _runs(
    module: Module, function: cst.FunctionDef, call: cst.Call, runners: Mapping[str, cst.FunctionDef]
) -> Iterator[cst.FunctionDef | None]:
    """None for a start of the function's own session; the function of the module that makes and starts one."""
    if isinstance(call.func, cst.Attribute):
        has_agent = any(a.keyword is not None and a.keyword.value == "agent" for a in call.args)
        if call.func.attr.value == "start" and has_agent and module.index.enclosing(call, cst.FunctionDef) is function:
            yield None
    elif isinstance(call.func, cst.Name) and call.func.value in runners:
        yield runners[call.func.value]


def _runners(project: Project, module: Module, function: cst.FunctionDef) -> dict[str, cst.FunctionDef]:
    """The functions that can be called in `function` by their name and make and start a session, by that name."""
    named = {n: f for n, f in module.definitions.items() if isinstance(f, cst.FunctionDef)}
    inside = [f for f in module.index.of(cst.FunctionDef) if module.index.scope(f) is function]
    named.update((f.name.value, f) for f in reversed(inside))

    def runs_one(runner: cst.FunctionDef) -> bool:
        if not any(a.attr.value == "start" for a in module.index.find(runner, cst.Attribute)):
            return False
        sessions = find_sessions(project, module, runner)
        return bool(sessions.constructions and sessions.starts and not sessions.odd)

    return {name: runner for name, runner in named.items() if runner is not function and runs_one(runner)}


# -- where it is awaited --------------------------------------------------------------------------------------


def _placed(module: Module, function: cst.FunctionDef, call: cst.Call, runner: cst.FunctionDef | None) -> Run | None:
    parents = module.index.parents
    outer, line = parents[call], module.index.enclosing(call, cst.SimpleStatementLine)
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        return None
    if isinstance(outer, cst.Await):
        return Run(call, runner, line) if _awaits(line, call) else None
    taker = parents[outer] if isinstance(outer, cst.Arg) else None
    if not isinstance(taker, cst.Call):
        return None
    word = (dotted(taker.func) or "").rpartition(".")[2]
    is_plain = all(a.keyword is None and not a.star for a in taker.args)
    if word == "gather" and is_plain and _awaits(line, taker):
        beside = tuple(a.value for a in taker.args if a.value is not call)
        return Run(call, runner, line, gather=taker, beside=beside)
    if word in _TASK_MAKERS and len(taker.args) == 1:
        return _of_task(module, function, Run(call, runner, line), taker)
    return None


def _awaits(line: cst.SimpleStatementLine, call: cst.Call) -> bool:
    """`await call`, alone on its line."""
    small = line.body[0]
    return isinstance(small, cst.Expr) and isinstance(small.value, cst.Await) and small.value.expression is call


def _of_task(module: Module, function: cst.FunctionDef, run: Run, task: cst.Call) -> Run | None:
    """A task starts at the next `await`: the session is run there.

    A start need not wait so long: it comes back when the session runs, and nothing that goes on beside it needs more
    than that. So it is awaited where the task was made, when something waits before the task is awaited.
    """
    small = run.line.body[0]
    name = small.targets[0].target if isinstance(small, cst.Assign) and len(small.targets) == 1 else None
    following = _following(module, run.line)
    if isinstance(small, cst.Expr) and small.value is task:
        end = following[-1] if following else run.line
        if isinstance(end, cst.SimpleStatementLine) and not _waits(following):
            return run if end is run.line else replace(run, line=end, maker=run.line, follows=True)
        return run if run.runner is None else None
    if not isinstance(name, cst.Name):
        return None
    uses = [n for n in module.names.get(name.value, ()) if n is not name and function in module.index.ancestors(n)]
    if not uses:
        return run if run.runner is None else None
    awaited = _awaited_line(module, uses[0]) if len(uses) == 1 else None
    if awaited is None or module.index.enclosing(awaited, cst.FunctionDef) is not function:
        return None
    if awaited in following and not _waits(following[: following.index(awaited)]):
        return replace(run, line=awaited, maker=run.line)
    return replace(run, awaited=awaited) if run.runner is None else None


def _following(module: Module, line: cst.SimpleStatementLine) -> list[cst.CSTNode]:
    block = list(getattr(module.index.parents[line], "body", ()))
    return block[block.index(line) + 1 :]


def _awaited_line(module: Module, name: cst.Name) -> cst.SimpleStatementLine | None:
    """The line `await task`."""
    awaited = module.index.parents[name]
    small = module.index.parents[awaited] if isinstance(awaited, cst.Await) else None
    line = module.index.parents[small] if isinstance(small, cst.Expr) else None
    return line if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None


def _waits(statements: Sequence[cst.CSTNode]) -> bool:
    """Whether one of them may wait, or leave the block."""
    kinds = (cst.Await, cst.Return, cst.Raise, cst.Break, cst.Continue, cst.While)
    nodes = [n for s in statements for n in (s, *own_scope(s))]
    return any(isinstance(n, kinds) or getattr(n, "asynchronous", None) is not None for n in nodes)


# -- what a function needs to stand in its caller -------------------------------------------------------------


def _given(
    module: Module, function: cst.FunctionDef, runner: cst.FunctionDef, call: cst.Call
) -> tuple[tuple[str, cst.BaseExpression], ...] | None:
    """The runner's parameters with their values; None when its body would mean something else in its caller."""
    if runner.asynchronous is None or runner.decorators or not isinstance(runner.body, cst.IndentedBlock):
        return None
    if [n for n in module.names.get(runner.name.value, ()) if n is not call.func and n is not runner.name]:
        return None
    leaving = (cst.Return, cst.Yield, cst.Global, cst.Nonlocal)
    if any(isinstance(n, leaving) for n in own_scope(runner)):
        return None
    params = runner.params
    if params.star_kwarg is not None or isinstance(params.star_arg, cst.Param) or any(a.star for a in call.args):
        return None
    values = _values(params, call)
    if values is None or not _names_agree(function, runner, values):
        return None
    same = (n for n, v in values.items() if not (isinstance(v, cst.Name) and v.value == n))
    return tuple((name, values[name]) for name in same)


def _values(params: cst.Parameters, call: cst.Call) -> dict[str, cst.BaseExpression] | None:
    positional = [*params.posonly_params, *params.params]
    values = {p.name.value: p.default for p in [*positional, *params.kwonly_params]}
    for i, arg in enumerate(call.args):
        if arg.keyword is None and i >= len(positional):
            return None
        values[arg.keyword.value if arg.keyword is not None else positional[i].name.value] = arg.value
    return {n: v for n, v in values.items() if v is not None} if all(values.values()) else None


def _names_agree(function: cst.FunctionDef, runner: cst.FunctionDef, values: dict[str, cst.BaseExpression]) -> bool:
    """Whether no name of one function means something else in the other."""
    theirs = bindings(runner)[0] | set(values)
    same = {n for n, v in values.items() if isinstance(v, cst.Name) and v.value == n}
    ours = bindings(function)[0] | {p.name.value for p in function.params.params}
    if any(n is runner for n in find(function.body, cst.FunctionDef)):
        return not (theirs - same) & ours
    spoken = {o.name for o in occurrences(function)}
    free = {o.name for o in occurrences(runner) if o.owner is None}
    return not (theirs - same) & spoken and not free & ours

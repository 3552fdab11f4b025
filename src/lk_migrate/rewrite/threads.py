"""Making a sync function a coroutine whose work, or whose blocking calls, run in a thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import libcst as cst

from lk_migrate.facts.imports import target_names
from lk_migrate.facts.thread_work import OneShot
from lk_migrate.facts.walk import own_scope
from lk_migrate.rewrite.bodies import block_of, docstring_end
from lk_migrate.rewrite.changes import Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import fitting, spot


def awaited_at(node: cst.CSTNode, file: File) -> Callable[[cst.BaseExpression], cst.Await]:
    """An edit that awaits the expression `node` where it stands."""
    return awaited(isinstance(file.parent(node), (cst.Attribute, cst.Subscript, cst.Call)))


def awaited(bracketed: bool) -> Callable[[cst.BaseExpression], cst.Await]:
    """An edit that awaits an expression, in brackets where it is the head of another."""
    lpar = [cst.LeftParen()] if bracketed else []
    rpar = [cst.RightParen()] if bracketed else []
    return lambda updated: cst.Await(updated, lpar=lpar, rpar=rpar)


def alone(shot: OneShot, file: File) -> Rewrite:
    """A single blocking call as `await asyncio.to_thread(f, …)`; `time.sleep` has a coroutine of its own."""
    asyncio, where = file.use("asyncio"), spot(file, shot.call)
    where = replace(where, prefix=where.prefix + len("await "))
    edit = _sleeping if shot.sleeps else _handed_on
    await_it = awaited_at(shot.call, file)
    return Rewrite(
        shot.call,
        lambda updated: await_it(fitting(lambda call: edit(call, asyncio), updated, where)),
        f"`{file.code(shot.call.func)}` does not hold up the voice",
    )


def _sleeping(call: cst.Call, asyncio: str) -> cst.Call:
    return call.with_changes(func=cst.parse_expression(f"{asyncio}.sleep"))


def _handed_on(call: cst.Call, asyncio: str) -> cst.Call:
    gap = call.whitespace_before_args
    after = gap if isinstance(gap, cst.ParenthesizedWhitespace) else cst.SimpleWhitespace(" ")
    function = cst.Arg(call.func, comma=cst.Comma(whitespace_after=after) if call.args else cst.MaybeSentinel.DEFAULT)
    return call.with_changes(func=cst.parse_expression(f"{asyncio}.to_thread"), args=[function, *call.args])


def through_thread(function: cst.FunctionDef, to_thread: str) -> cst.FunctionDef:
    """`function` as a coroutine: its body is a nested function that a thread runs; the docstring stays where it is.

    `to_thread`: how `asyncio.to_thread` is spelled.
    """
    passed = _rebound_parameters(function)
    block = block_of(function)
    start = docstring_end(block)
    inner = cst.ensure_type(cst.parse_statement(f"def work({', '.join(passed)}):\n    pass\n"), cst.FunctionDef)
    work = inner.with_changes(
        body=block.with_changes(body=block.body[start:], header=cst.TrailingWhitespace()),
        returns=function.returns,
        leading_lines=[cst.EmptyLine(indent=False)] if start else [],
    )
    call = cst.ensure_type(
        cst.parse_statement(f"return await {to_thread}({', '.join(['work', *passed])})"), cst.SimpleStatementLine
    ).with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    body = block.with_changes(body=[*block.body[:start], work, call], footer=[])
    return function.with_changes(asynchronous=cst.Asynchronous(), body=body)


def _rebound_parameters(function: cst.FunctionDef) -> tuple[str, ...]:
    """Parameters that the body assigns: in a nested function they must be its own."""
    params = function.params
    names = [p.name.value for p in [*params.posonly_params, *params.params, *params.kwonly_params]]
    if isinstance(params.star_kwarg, cst.Param):
        names.append(params.star_kwarg.name.value)
    bound: set[str] = set()
    for node in own_scope(function):
        if isinstance(node, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.NamedExpr)):
            bound |= target_names(node.target)
        elif isinstance(node, cst.AsName):
            bound |= target_names(node.name)
    return tuple(n for n in names if n in bound)

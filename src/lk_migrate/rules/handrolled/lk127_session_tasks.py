"""A session that runs in a task or a function of its own is run by the new entrypoint itself.

`asyncio.create_task(session.start(…))` and `await asyncio.gather(ctx.connect(), session.start(…))` become a plain
`await session.start(…)`, and a function that does nothing but make and start the session (`await run_session(ctx)`,
`asyncio.create_task(run_session(ctx))`) stands where it was called: then the new main.py has the session, its models
and its start in sight. What a `gather` ran beside the session still runs beside it. A function is only moved where
nothing waits between the task's making and its end, and where no name means something else there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from lk_migrate.facts.entrypoint import find_entrypoint
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.scopes import bindings
from lk_migrate.facts.session_runs import Run, session_run
from lk_migrate.model import Action, Edition, Safety
from lk_migrate.rewrite.blocks import gap
from lk_migrate.rewrite.changes import Change, Note, Replace, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK127",
    Edition.HANDROLLED,
    __doc__,
    triggers=(b"AgentSession",),
    safety=Safety.REVIEW,
    before_new_main=True,
)


@rule.on(cst.Module)
def run_it_here(tree: cst.Module, file: File) -> Iterator[Change]:
    entry = find_entrypoint(file.project, file.module)
    run = session_run(file.project, file.module, entry.function) if entry is not None else None
    if entry is None or run is None:
        return
    what = f"`{run.runner.name.value}`" if run.runner is not None else "`start`"
    if run.maker is not None:
        yield Rewrite(run.maker, _gone, f"{what} is awaited, not made a task", Action.REWRITTEN)
    if run.awaited is not None:
        yield Rewrite(run.awaited, _gone, f"{what} is awaited where its task was made")
        yield Note(run.line, "The session is started before what used to go on beside its start.")
    yield Rewrite(run.line, _placed(run, entry.function, file), f"the entrypoint runs the session itself: {what}")
    if run.runner is not None:
        yield Replace(run.runner, lambda updated: gap(), "it stands where it was called", Action.MOVED)


def _gone(updated: Any) -> cst.SimpleStatementLine:
    return gap(updated.leading_lines)


def _placed(run: Run, function: cst.FunctionDef, file: File) -> Any:
    before, after = _beside(run, function, file)
    given = [cst.parse_statement(f"{name} = {file.code(value).strip()}") for name, value in run.given]
    start = cst.SimpleStatementLine([cst.Expr(cst.Await(run.call.with_changes(lpar=[], rpar=[])))])
    body = _body(run.runner) if run.runner is not None else [start]

    def apply(updated: cst.SimpleStatementLine) -> Any:
        statements: list[Any] = [*before, *given, *body, *after]
        if run.follows:
            return cst.FlattenSentinel([updated, *statements])
        statements[0] = statements[0].with_changes(
            leading_lines=[*updated.leading_lines, *_comments(statements[0])],
        )
        if updated.trailing_whitespace.comment is not None and len(body) == 1:
            at = statements.index(body[0]) if body[0] in statements else 0
            statements[at] = statements[at].with_changes(trailing_whitespace=updated.trailing_whitespace)
        return cst.FlattenSentinel(statements)

    return apply


def _comments(statement: Any) -> list[cst.EmptyLine]:
    return [line for line in statement.leading_lines if line.comment is not None]


def _beside(run: Run, function: cst.FunctionDef, file: File) -> tuple[list[Any], list[Any]]:
    """What a `gather` ran at the same time: connecting comes first, anything else goes on beside the session."""
    if run.gather is None:
        return [], []
    code = {value: file.code(value).strip() for value in run.beside}
    before = [cst.parse_statement(f"await {code[value]}") for value in run.beside if _connects(value)]
    others = [code[value] for value in run.beside if not _connects(value)]
    if not others:
        return before, []
    taken = bindings(function)[0] | (bindings(run.runner)[0] if run.runner is not None else set())
    name = next(n for n in ("beside", "others", "running_beside") if n not in taken)
    together = f"{name} = {file.code(run.gather.func)}({', '.join(others)})"
    return [*before, cst.parse_statement(together)], [cst.parse_statement(f"await {name}")]


def _connects(value: cst.BaseExpression) -> bool:
    """`ctx.connect(…)`"""
    return isinstance(value, cst.Call) and (dotted(value.func) or "").endswith(".connect")


def _body(runner: cst.FunctionDef) -> list[Any]:
    """The statements of a function below its comments; its docstring is one of these, its closing comments stay."""
    assert isinstance(runner.body, cst.IndentedBlock)
    statements: list[Any] = list(runner.body.body)
    lines = _comments(runner)
    if runner.get_docstring() is not None and len(statements) > 1:
        text = (runner.get_docstring() or "").strip().splitlines()
        lines += [cst.EmptyLine(comment=cst.Comment(f"# {t.strip()}".rstrip())) for t in text]
        said = statements.pop(0)
        behind = said.trailing_whitespace.comment
        lines += [*_comments(said), *([cst.EmptyLine(comment=behind)] if behind is not None else [])]
    statements[0] = statements[0].with_changes(leading_lines=[*lines, *_comments(statements[0])])
    footer = [line for line in runner.body.footer if line.comment is not None]
    return [*statements, gap(footer)] if footer else statements

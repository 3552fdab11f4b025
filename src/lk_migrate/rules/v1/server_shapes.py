"""What stands in place of `WorkerOptions` (LK340): the server, its registration, and where they go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import libcst as cst

from lk_migrate.facts.accepts import Accepted
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.walk import find
from lk_migrate.rewrite.arguments import keyword, keyword_arg, lines_of, of_call, to_call
from lk_migrate.rewrite.layout import Entry, entries_of, expression
from lk_migrate.rules.v1.server_fields import ENTRYPOINT, SERVER_FIELDS, SESSION_FIELDS


@dataclass(frozen=True)
class Worker:
    """One `cli.run_app(WorkerOptions(…))`. `variable`: the assignment in between, if there is one."""

    options: cst.Call
    argument: cst.BaseExpression
    run: cst.Call
    variable: cst.SimpleStatementLine | None = None
    accepted: Accepted | None = None
    moved: list[cst.Call] = field(default_factory=list)

    @property
    def entrypoint(self) -> cst.BaseExpression | None:
        return self.accepted.entrypoint if self.accepted is not None else entrypoint_of(self.options)

    @property
    def arguments(self) -> dict[str, cst.BaseExpression]:
        """The options' values by name, what is given by position included, what no version had left out."""
        first = ENTRYPOINT if self.accepted is None else "request_fnc"
        return {keyword(a) or first: a.value for a in self.options.args if not a.star and a not in self.invented}

    @property
    def invented(self) -> list[cst.Arg]:
        """The options that no version had."""
        return [a for a in self.options.args if keyword(a) and keyword(a) not in _KNOWN]

    def take(self, updated: cst.Call) -> None:
        """Keep the arguments of the options, as other rules left them, for the server."""
        if self.accepted is not None:
            entry = keyword_arg(ENTRYPOINT, self.accepted.entrypoint).with_changes(comma=_COMMA)
            first, *rest = updated.args
            if not keyword(first):
                first = keyword_arg("request_fnc", first.value).with_changes(comma=first.comma)
            updated = updated.with_changes(args=[entry, first, *rest])
        self.moved.append(updated)


_KNOWN = frozenset({ENTRYPOINT, *SERVER_FIELDS, *SESSION_FIELDS})
_COMMA = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def entrypoint_of(options: cst.Call) -> cst.BaseExpression | None:
    for i, arg in enumerate(options.args):
        if keyword(arg) == ENTRYPOINT or (i == 0 and not keyword(arg) and not arg.star):
            return arg.value
    return None


def _parts(worker: Worker, skip: frozenset[str] = frozenset()) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """The arguments of `AgentServer(...)` and of `rtc_session(...)`."""
    entries = entries_of(worker.moved[-1], lambda _: False)
    server = [_renamed(e, SERVER_FIELDS[e.key]) for e in entries if e.key in SERVER_FIELDS and e.key not in skip]
    session = [_renamed(e, SESSION_FIELDS[e.key]) for e in entries if e.key in SESSION_FIELDS]
    return tuple(server), tuple(session)


def _renamed(entry: Entry, key: str) -> Entry:
    return Entry(key, entry.value, comments=entry.comments, column=entry.column)


def _line(code: cst.BaseExpression, target: str = "") -> cst.SimpleStatementLine:
    small: cst.BaseSmallStatement = (
        cst.Assign(targets=[cst.AssignTarget(cst.Name(target))], value=code) if target else cst.Expr(code)
    )
    return cst.SimpleStatementLine(body=[small])


def _server_line(worker: Worker, name: str, spelling: str, skip: frozenset[str]) -> cst.SimpleStatementLine:
    server, _ = _parts(worker, skip)
    call = expression(Entry("", entries=server, call=spelling), "", 0, len(name) + 3)
    remarks = _closing_remarks(worker.moved[-1])
    if isinstance(call, cst.Call) and remarks and of_call(call).pad is not None:
        return _line(_closed(call, remarks), name)
    return _above(_line(call, name), lines_of(remarks))


def _closing_remarks(options: cst.Call) -> list[str]:
    """What stands on lines of its own behind the last argument: options that are commented out."""
    gap = of_call(options).gaps[-1]
    lines = gap.empty_lines if isinstance(gap, cst.ParenthesizedWhitespace) else ()
    return [line.comment.value for line in lines if line.comment is not None]


def _closed(call: cst.Call, remarks: list[str]) -> cst.Call:
    brackets = of_call(call)
    closing = cst.ensure_type(brackets.gaps[-1], cst.ParenthesizedWhitespace)
    pad = cst.SimpleWhitespace(brackets.pad or "")
    lines = [cst.EmptyLine(whitespace=pad, comment=cst.Comment(text)) for text in remarks]
    closing = closing.with_changes(empty_lines=[*closing.empty_lines, *lines])
    return to_call(call, replace(brackets, gaps=(*brackets.gaps[:-1], closing)))


def _above(line: cst.SimpleStatementLine, lines: Sequence[cst.EmptyLine]) -> cst.SimpleStatementLine:
    return line.with_changes(leading_lines=[*lines, *line.leading_lines])


def _remarks(options: cst.Call, name: str) -> list[cst.EmptyLine]:
    """What is said of one argument, as lines above a statement."""
    brackets = of_call(options)
    said = [brackets.comments(i) for i, arg in enumerate(brackets.items) if keyword(arg) == name]
    return lines_of([text for c in said for text in (*c.above, c.behind) if text])


def _register_line(worker: Worker, name: str) -> cst.SimpleStatementLine:
    _, session = _parts(worker)
    value = entrypoint_of(worker.moved[-1])
    assert value is not None
    call = expression(Entry("", entries=session, call=f"{name}.rtc_session"), "", 0, 20)
    assert isinstance(call, cst.Call)
    brackets = of_call(call)
    own_lines = isinstance(brackets.gaps[0], cst.ParenthesizedWhitespace)
    first = cst.Arg(value, comma=cst.Comma(whitespace_after=brackets.gaps[0] if own_lines else _SPACE))
    args = [first if session else cst.Arg(value), *call.args]
    return _line(to_call(call, of_call(call)).with_changes(args=args))


_SPACE = cst.SimpleWhitespace(" ")
_BLANK = cst.EmptyLine(indent=False)


def registered(worker: Worker, name: str, spelling: str) -> list[cst.SimpleStatementLine]:
    return [_server_line(worker, name, spelling, frozenset()), _register_line(worker, name)]


def in_place(
    updated: cst.SimpleStatementLine, worker: Worker, name: str, spelling: str, keep: bool
) -> cst.FlattenSentinel[cst.SimpleStatementLine]:
    first, second = registered(worker, name, spelling)
    lines = [_above(first, updated.leading_lines), second]
    if keep:
        lines.append(updated.with_changes(leading_lines=[]))
    else:
        lines[-1] = second.with_changes(trailing_whitespace=updated.trailing_whitespace)
    return cst.FlattenSentinel(lines)


def before_run(module: cst.Module, lines: list[cst.SimpleStatementLine]) -> cst.Module:
    """`lines` at module level before the block that runs the app (the last one that mentions `run_app`)."""
    at = next(
        i
        for i in reversed(range(len(module.body)))
        if any((dotted(c.func) or "").endswith("run_app") for c in find(module.body[i], cst.Call))
    )
    target = module.body[at]
    blanks = [line for line in target.leading_lines if line.comment is None][:2]  # type: ignore[attr-defined]
    first = _above(lines[0], blanks or [_BLANK])
    return module.with_changes(body=[*module.body[:at], first, *lines[1:], *module.body[at:]])


def decorated(
    module: cst.Module, entry: str, worker: Worker, name: str, spelling: str, prewarm: frozenset[str]
) -> cst.Module:
    """The server before the entrypoint, and the decorator on it."""
    _, session = _parts(worker)
    decorator = cst.Decorator(expression(Entry("", entries=session, call=f"{name}.rtc_session"), "", 0, 1))
    body: list[cst.BaseStatement] = []
    setup = next((a.value for a in worker.moved[-1].args if keyword(a) in prewarm), None)
    for statement in module.body:
        own = statement.name.value if isinstance(statement, cst.FunctionDef) else ""
        if own == entry:
            assert isinstance(statement, cst.FunctionDef)
            lines = list(statement.leading_lines)
            comments = next((i for i, line in enumerate(lines) if line.comment is not None), len(lines))
            body.append(_above(_server_line(worker, name, spelling, prewarm), lines[:comments]))
            said = _remarks(worker.moved[-1], ENTRYPOINT)
            statement = statement.with_changes(
                leading_lines=[_BLANK, _BLANK, *lines[comments:], *said], decorators=[decorator, *statement.decorators]
            )
        body.append(statement)
        if setup is not None and own and own == dotted(setup):
            line = cst.SimpleStatementLine(
                body=[
                    cst.Assign(
                        targets=[cst.AssignTarget(cst.Attribute(cst.Name(name), cst.Name("setup_fnc")))],
                        value=setup,
                    )
                ],
                leading_lines=[_BLANK, _BLANK, *_remarks(worker.moved[-1], "prewarm_fnc")],
            )
            body.append(line)
    return module.with_changes(body=body)

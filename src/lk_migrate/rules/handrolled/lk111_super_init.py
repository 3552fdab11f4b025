"""`__init__` calls `super().__init__(instructions=…)`, with the prompt that the class had.

`Agent.__init__` must run: without it the class has no tools (AttributeError: `_tools`), and `instructions` is required
and keyword-only. The prompt comes from where the legacy class had it: a parameter, `self.instructions = …`, a class
attribute, a method, a constant. `instructions` is a read-only property of `Agent`, so the assignment becomes the call;
reading `self.instructions` goes on working.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import AgentClass, agent_of
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.instructions import Instructions, Source
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition
from lk_migrate.rewrite.bodies import block_of, docstring_end, insert_first
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK111", Edition.HANDROLLED, __doc__, triggers=(b"class ",))


@rule.on(cst.ClassDef)
def call_super_init(node: cst.ClassDef, file: File) -> Iterator[Change]:
    agent = agent_of(file.project, node)
    if agent is None or not agent.takes_base:
        return
    call = _Call(_callee(agent, file))
    init = agent.init
    if init is None:
        yield from _new_init(agent, call, file)
    elif not _is_done(init):
        yield from _in_init(agent, init, call)


class _Call:
    """How the base's `__init__` is spelled: `super().__init__`, or by name past a mixin that does not pass it on."""

    def __init__(self, callee: str) -> None:
        self.callee = callee

    def expression(self, instructions: cst.BaseExpression) -> cst.Call:
        call = cst.ensure_type(cst.parse_expression(f"{self.callee}(instructions=x)"), cst.Call)
        if not call.args[0].keyword:
            raise AssertionError
        return call.with_changes(args=[*call.args[:-1], call.args[-1].with_changes(value=instructions)])

    def line(self, instructions: cst.BaseExpression) -> cst.SimpleStatementLine:
        return cst.SimpleStatementLine(body=[cst.Expr(self.expression(instructions))])


def _callee(agent: AgentClass, file: File) -> str:
    return "super().__init__"


def super_init_calls(init: cst.FunctionDef) -> list[cst.Call]:
    """The calls of `super().__init__` in an `__init__`."""
    return [c for c in find(init, cst.Call) if _is_super_init(c)]


def _is_super_init(call: cst.Call) -> bool:
    func = call.func
    return (
        isinstance(func, cst.Attribute)
        and func.attr.value == "__init__"
        and isinstance(func.value, cst.Call)
        and dotted(func.value.func) == "super"
    )


def _is_done(init: cst.FunctionDef) -> bool:
    return any(
        arg.keyword is not None and arg.keyword.value == "instructions"
        for call in find(init, cst.Call)
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "__init__"
        for arg in call.args
    )


def _in_init(agent: AgentClass, init: cst.FunctionDef, call: _Call) -> Iterator[Change]:
    prompt = agent.instructions
    message = f"`{agent.name}.__init__` hands {_where(prompt)} to `Agent`"
    existing = super_init_calls(init)
    if prompt.source is Source.ATTRIBUTE and prompt.name == "instructions" and prompt.statement is not None:
        assert prompt.expression is not None
        line = prompt.statement
        yield Rewrite(line, lambda updated: _assignment_to_call(updated, call), message)
        if prompt.early and not existing:
            yield Rewrite(init, _call_first, "the call of `super().__init__` comes first")
    elif prompt.source is Source.MISSING:
        yield Rewrite(init, lambda u: insert_first(u, [call.line(cst.SimpleString('""'))]), message)
        yield Todo(init, f"no prompt was found for `{agent.name}`: write it in the call of `super().__init__`")
    else:
        expression = prompt.expression or cst.Name(prompt.name)
        yield Rewrite(init, lambda u: insert_first(u, [call.line(expression)]), message)


def _assignment_to_call(updated: cst.SimpleStatementLine, call: _Call) -> cst.SimpleStatementLine:
    body = [
        small.with_changes(value=call.expression(small.value))
        if False
        else cst.Expr(call.expression(small.value))
        if isinstance(small, (cst.Assign, cst.AnnAssign)) and small.value is not None
        else small
        for small in updated.body
    ]
    return updated.with_changes(body=body)


def _call_first(updated: cst.FunctionDef) -> cst.FunctionDef:
    block = block_of(updated)
    start = docstring_end(block)
    for i, line in enumerate(block.body):
        if i > start and isinstance(line, cst.SimpleStatementLine) and any(map(_is_super_init, find(line, cst.Call))):
            body = [*block.body[:start], line, *block.body[start:i], *block.body[i + 1 :]]
            return updated.with_changes(body=block.with_changes(body=body))
    return updated


def _new_init(agent: AgentClass, call: _Call, file: File) -> Iterator[Change]:
    return
    yield


def _where(prompt: Instructions) -> str:
    return {
        Source.ATTRIBUTE: f"`self.{prompt.name}`",
        Source.ASSIGNMENTS: f"`self.{prompt.name}`",
        Source.PARAMETER: f"its parameter `{prompt.name}`",
        Source.CLASS_ATTRIBUTE: f"the class attribute `{prompt.name}`",
        Source.METHOD: f"what `{prompt.name}()` gives",
        Source.CONSTANT: f"the constant `{prompt.name}`",
        Source.MISSING: "an empty prompt",
    }[prompt.source]

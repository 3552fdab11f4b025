"""A tool that calls another tool hands its run context on.

`return await self.confirm_details()` raises TypeError when `confirm_details` takes a `ctx`: it did so before, too, but
only in the middle of a call.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

import libcst as cst

from lk_migrate.facts.agents import agent_of, assistant_files, tool_of
from lk_migrate.facts.classes import is_self_attribute, self_name
from lk_migrate.facts.tools import Tool
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK120", Edition.HANDROLLED, __doc__, triggers=(b"ctx", b"context"), paths=assistant_files)


@rule.on(cst.Call)
def hand_on_the_context(call: cst.Call, file: File) -> Iterator[Change]:
    if not isinstance(call.func, cst.Attribute) or (owner := file.enclosing(call, cst.ClassDef)) is None:
        return
    agent, function = agent_of(file.project, owner), _method_around(call, file)
    if agent is None or function is None or not is_self_attribute(call.func, self_name(function)):
        return
    name = call.func.attr.value
    called = next((t for t in agent.all_tools if t.node.name.value == name), None)
    if called is None or not _lacks_context(called, call):
        return
    own = tool_of(file.project, function)
    context = own[1].context if own is not None else None
    if context is None:
        yield Todo(call, f"`{name}` takes the run context first, and there is none here: this call raises TypeError")
        return
    given = context.name.value
    yield Rewrite(call, lambda updated: _with_first(updated, given), f"`{name}` takes the run context: `{given}`")


def _method_around(call: cst.Call, file: File) -> cst.FunctionDef | None:
    """The method that the call stands in, also in a function inside it that leaves the instance its name."""
    around = file.module.index.ancestors(call)
    functions = [f for f in takewhile(lambda a: type(a) is not cst.ClassDef, around) if type(f) in _FUNCTIONS]
    if not functions or not isinstance(functions[-1], cst.FunctionDef):
        return None
    method = functions[-1]
    return None if any(self_name(method) in file.module.bound(f) for f in functions[:-1]) else method


_FUNCTIONS = frozenset({cst.FunctionDef, cst.Lambda})


def _lacks_context(tool: Tool, call: cst.Call) -> bool:
    """Whether the call gives every other argument, and nothing that could be the context."""
    params = tool.node.params.params
    if tool.context is None or tool.context.default is not None or len(params) < 2 or params[1] is not tool.context:
        return False
    if any(a.star for a in call.args):
        return False
    keywords = {a.keyword.value for a in call.args if a.keyword is not None}
    if tool.context.name.value in keywords:
        return False
    positional = sum(a.keyword is None for a in call.args)
    required = [p for p in tool.parameters if p.default is None and p.name.value not in keywords]
    if positional == 0:
        return True
    takes = len([p for p in tool.parameters if p.name.value not in keywords])
    first = next(a.value for a in call.args if a.keyword is None)
    looks_like_context = isinstance(first, cst.Name) and first.value in ("ctx", "context", tool.context.name.value)
    return not looks_like_context and len(required) <= positional <= takes and positional == len(required)


def _with_first(updated: cst.Call, name: str) -> cst.Call:
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")) if updated.args else cst.MaybeSentinel.DEFAULT
    return updated.with_changes(args=[cst.Arg(cst.Name(name), comma=comma), *updated.args])

"""`@function_tool` goes outermost on functions outside classes.

Since 1.3.11 a tool is an object; a decorator above it wraps that object, and the framework warns that the tool "is
wrapped, this may cause unexpected behavior". Methods of agents are LK112's.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import tool_of
from lk_migrate.facts.framework import agents_name
from lk_migrate.facts.function_contexts import function_contexts
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK324", Edition.V1, __doc__, triggers=(b"function_tool", b"ai_callable"), since="1.3.11")


@rule.on(cst.FunctionDef)
def outermost(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    of_0x = file.project.fact(function_contexts).tools.get(node)  # LK211 makes it a `function_tool`
    at = next((i for i, d in enumerate(node.decorators) if _is_tool(d, file) or (of_0x and d is of_0x.decorator)), 0)
    if at == 0 or any(dotted(d.decorator) in ("staticmethod", "classmethod") for d in node.decorators[:at]):
        return
    if tool_of(file.project, node) is not None:
        return
    for above in node.decorators[:at]:
        if _hides_signature(above, file):
            yield Todo(
                above,
                f"`{file.code(above.decorator)}` hides the tool's parameters from `function_tool`: give its wrapper "
                "`@functools.wraps`, then put `@function_tool` on top.",
            )
            return
    spelled = _name(node.decorators[at]) if of_0x is None else file.use("livekit.agents.function_tool")
    name = spelled.rpartition(".")[2]
    yield Rewrite(
        node, lambda updated: _moved_up(updated, name), f"`function_tool` goes outermost on `{node.name.value}`"
    )


def _is_tool(decorator: cst.Decorator, file: File) -> bool:
    return agents_name(file.project, file.module, _called(decorator)) == "function_tool"


def _called(decorator: cst.Decorator) -> cst.BaseExpression:
    called = decorator.decorator
    return called.func if isinstance(called, cst.Call) else called


def _name(decorator: cst.Decorator) -> str:
    return (dotted(_called(decorator)) or "").rpartition(".")[2]


def _hides_signature(decorator: cst.Decorator, file: File) -> bool:
    """Whether a decorator of the project's own wraps without `functools.wraps`."""
    symbol = file.resolve(_called(decorator))
    if symbol is None or not isinstance(symbol.node, cst.FunctionDef):
        return False
    inner = list(find(symbol.node.body, cst.FunctionDef))
    names = {(dotted(n) or "").rpartition(".")[2] for n in find(symbol.node, cst.Attribute)} | {
        n.value for n in find(symbol.node, cst.Name)
    }
    return bool(inner) and not names & {"wraps", "update_wrapper"}


def _moved_up(updated: cst.FunctionDef, name: str) -> cst.FunctionDef:
    decorators = list(updated.decorators)
    at = next((i for i, d in enumerate(decorators) if _name(d) == name), 0)  # another rule may have taken some away
    return updated.with_changes(decorators=[decorators.pop(at), *decorators])

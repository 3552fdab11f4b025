"""Tools that are read as the bound methods that they were are asked by `__wrapped__` (part of LK331).

`for tool in tools: name = tool.__func__.__name__`, in a model class that describes the tools to its service. What asks
first whether there is a `__func__` falls through to whatever it does with a tool that it does not know. The function
is there still, as Python's own `functools.wraps` keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.facts.framework import Owner, framework_base
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.walk import find
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v1.lk331_tool_info import rule as tool_info

#: Bases of what describes tools to a service by itself.
_MODELS = frozenset({"LLM", "LLMStream", "RealtimeModel", "RealtimeSession"})
_FUNCTION, _AGENT, _TODAY = "__func__", "__self__", "__wrapped__"
_WHY = "a tool is no bound method any more; its function is `__wrapped__`"


@tool_info.on(cst.Attribute, among=called_so(_FUNCTION, _AGENT))
def bound(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`tool.__func__`; the agent, which was `tool.__self__`, is nowhere to be had."""
    if not _is_tool(node.value, file):
        return
    if node.attr.value == _FUNCTION:
        yield Rewrite(node, lambda updated: updated.with_changes(attr=cst.Name(_TODAY)), _WHY)
    else:
        yield Todo(node, f"a tool is no bound method any more: it does not tell its agent, as `{file.code(node)}` did.")


@tool_info.on(cst.Call)
def asked(call: cst.Call, file: File) -> Iterator[Change]:
    """`hasattr(tool, "__func__")`, `getattr(tool, "__func__", None)`."""
    if _asked(call) == _FUNCTION and _is_tool(call.args[0].value, file):
        yield Rewrite(call.args[1], _by_todays_name, _WHY)


@tool_info.on(cst.BooleanOperation)
def asked_twice(node: cst.BooleanOperation, file: File) -> Iterator[Change]:
    """`hasattr(tool, "__self__") and hasattr(tool, "__func__")`: one question."""
    sides = (node.left, node.right)
    asked = [_asked(s) if isinstance(s, cst.Call) and dotted(s.func) == "hasattr" else None for s in sides]
    if not isinstance(node.operator, cst.And) or set(asked) != {_FUNCTION, _AGENT}:
        return
    if all(isinstance(s, cst.Call) and _is_tool(s.args[0].value, file) for s in sides):
        first = asked[0] == _FUNCTION
        yield Rewrite(node, lambda updated: _one_of(updated, first), _WHY)


def _one_of(updated: cst.BooleanOperation, first: bool) -> cst.BaseExpression:
    kept = updated.left if first else updated.right
    return kept.with_changes(lpar=updated.lpar, rpar=updated.rpar)


def _asked(call: cst.Call) -> str | None:
    """The attribute that `hasattr` or `getattr` asks for."""
    if dotted(call.func) not in ("hasattr", "getattr") or len(call.args) < 2:
        return None
    return text_of(call.args[1].value)


def _by_todays_name(updated: cst.Arg) -> cst.Arg:
    assert isinstance(updated.value, cst.SimpleString)
    quote = updated.value.quote
    return updated.with_changes(value=cst.SimpleString(f"{quote}{_TODAY}{quote}"))


def _is_tool(node: cst.BaseExpression, file: File) -> bool:
    """The variable of a `for tool in tools:` around it, where LiveKit's models are; `self._tools` are tools, too."""
    if not isinstance(node, cst.Name) or not _is_of_models(node, file):
        return False
    for loop in file.module.index.ancestors(node):
        if isinstance(loop, cst.For) and dotted(loop.target) == node.value:
            return (dotted(loop.iter) or "").rpartition(".")[2].lstrip("_") == "tools"
    return False


def _is_of_models(node: cst.CSTNode, file: File) -> bool:
    """Whether a model class stands in the file (`class Service(llm.LLM)`), or the function says of itself that its
    tools are LiveKit's (`tools: list[llm.Tool]`). What else the file imports may be another after a conversion.
    """
    classes = (Owner(file.module, n) for n in file.module.index.of(cst.ClassDef) if n.bases)
    if any(framework_base(file.project, owner) in _MODELS for owner in classes):
        return True
    function = file.enclosing(node, cst.FunctionDef)
    said = find(function.params, cst.Name, cst.Attribute) if isinstance(function, cst.FunctionDef) else ()
    return any((file.full_name(n) or "").startswith("livekit.agents.llm.") for n in said)

"""Tools that are read as the bound methods that they were are pointed out (part of LK331).

`for tool in tools: name = tool.__func__.__name__`, in a model class that describes the tools to its service: what asks
first whether there is a `__func__` falls through to whatever it does with a tool that it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.walk import find
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v1.lk331_tool_info import rule as tool_info


@tool_info.on(cst.Attribute, among=called_so("__func__"))
def bound(node: cst.Attribute, file: File) -> Iterator[Change]:
    """The first of a loop over tools."""
    loop = _loop_over_tools(node, file)
    if loop is None or not any(i.target.startswith("livekit.") for i in file.module.imports):
        return
    if next(a for a in find(loop, cst.Attribute) if a.attr.value == "__func__") is node:
        tool = file.code(node.value)
        yield Todo(
            node,
            f"tools are objects since 1.3.11, and no methods of their agent: `{tool}.info.name` and "
            f"`{tool}.info.description` say what they are, "
            f'`llm.ToolContext([{tool}]).parse_function_tools("openai")` how a model is told.',
        )


def _loop_over_tools(node: cst.Attribute, file: File) -> cst.For | None:
    """`for tool in tools:` around `tool.__func__`; `self._tools`, `ctx.tools` are tools, too."""
    if not isinstance(node.value, cst.Name):
        return None
    for loop in file.module.index.ancestors(node):
        if isinstance(loop, cst.For) and dotted(loop.target) == node.value.value:
            return loop if (dotted(loop.iter) or "").rpartition(".")[2].lstrip("_") == "tools" else None
    return None

"""`tool.__livekit_tool_info` and `get_function_info(tool)` are `tool.info`.

Tools are objects since 1.3.11: `tool.info.name`, `tool.info.description`, `tool.id`. Before, those of an agent were its
bound methods: a model class of the project's own that reads `tool.__func__.__name__` asks `tool.__wrapped__` now.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.facts.framework import library_name
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.walk import children
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import code
from lk_migrate.rules.registry import Rule

_TRIGGERS = (b"livekit_tool_info", b"get_function_info", b"__func__", b"__self__")
rule = Rule("LK331", Edition.V1, __doc__, triggers=_TRIGGERS, since="1.3.11")


@rule.on(cst.Attribute, among=called_so("__livekit_tool_info"))
def attribute(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`tool.__livekit_tool_info` outside classes (where Python would mangle it)."""
    if node.attr.value == "__livekit_tool_info":
        yield Rewrite(node, lambda updated: updated.with_changes(attr=cst.Name("info")), "`.info` says it")


@rule.on(cst.Call)
def call_of_it(call: cst.Call, file: File) -> Iterator[Change]:
    """`get_function_info(tool)` and `getattr(tool, "__livekit_tool_info")`."""
    if isinstance(call.func, cst.Name) and call.func.value == "getattr" and len(call.args) == 2:
        name = call.args[1].value
        if text_of(name) == "__livekit_tool_info":
            yield Rewrite(call, _info, "`.info` says it")
        return
    full = library_name(file.project, file.module, call.func) or ""
    if full.startswith("livekit.agents.llm") and full.endswith(".get_function_info") and len(call.args) == 1:
        yield Rewrite(call, _info, "`.info` says it")


def _info(call: cst.Call) -> cst.BaseExpression:
    tool = call.args[0].value
    simple = isinstance(tool, (cst.Name, cst.Attribute, cst.Call, cst.Subscript)) or not list(children(tool))
    return cst.parse_expression(f"{code(tool)}.info" if simple else f"({code(tool)}).info")

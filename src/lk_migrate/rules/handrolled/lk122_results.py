"""What a tool gives back must be something that the model can read.

Text, numbers, and lists or dicts of them are sent to the model as they print. A pydantic model, a dataclass, bytes or
an Enum member makes the framework answer "the tool returned an invalid output" instead.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import any_tool, any_tool_files
from lk_migrate.facts.imports import dotted
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK122", Edition.HANDROLLED, __doc__, triggers=(b"return",), paths=any_tool_files)


@rule.on(cst.Return)
def check_result(node: cst.Return, file: File) -> Iterator[Change]:
    function = file.enclosing(node, cst.FunctionDef)
    if function is None or node.value is None:
        return
    tool = any_tool(file.project, file.module, function)
    if tool is None or file.module.index.scope(node) is not function:
        return
    kind = _unreadable(node.value, file)
    if kind:
        yield Todo(node, f"`{tool.name}` gives back {kind}, which the model gets as an error: {_ADVICE[kind]}")


_ADVICE = {
    "a pydantic model": "return `.model_dump()` or a sentence",
    "a dataclass": "return `dataclasses.asdict(…)` or a sentence",
    "an Enum member": "return its `.value`",
    "bytes": "return text",
}


def _unreadable(value: cst.BaseExpression, file: File) -> str:
    if isinstance(value, cst.SimpleString) and "b" in value.prefix.lower():
        return "bytes"
    made = value.func if isinstance(value, cst.Call) else value.value if isinstance(value, cst.Attribute) else None
    symbol = file.resolve(made) if made is not None else None
    if symbol is None or not isinstance(symbol.node, cst.ClassDef):
        return ""
    if isinstance(value, cst.Attribute):
        return "an Enum member" if _has_base(symbol.node, "Enum") and not _has_base(symbol.node, "str") else ""
    if _has_base(symbol.node, "BaseModel"):
        return "a pydantic model"
    if any("dataclass" in (dotted(_bare(d)) or "") for d in symbol.node.decorators):
        return "a dataclass"
    return ""


def _bare(decorator: cst.Decorator) -> cst.BaseExpression:
    return decorator.decorator.func if isinstance(decorator.decorator, cst.Call) else decorator.decorator


def _has_base(node: cst.ClassDef, name: str) -> bool:
    return any((dotted(b.value) or "").rpartition(".")[2].endswith(name) for b in node.bases)

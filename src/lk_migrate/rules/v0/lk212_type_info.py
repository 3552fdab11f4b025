"""`Annotated[str, llm.TypeInfo(description=…)]` is now `Annotated[str, Field(description=…)]`.

`TypeInfo` went with 1.0; anything but pydantic's `Field` in an `Annotated` is dropped from the schema in silence.
`choices=` is a `Literal`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.v0_names import llm_name
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import keyword, keyword_arg, of_call, to_call
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK212", Edition.V0, __doc__, triggers=(b"TypeInfo",), since="1.0.0")


def _is_type_info(node: cst.CSTNode, file: File) -> bool:
    return isinstance(node, cst.Call) and llm_name(file.full_name(node.func)) == "TypeInfo"


@rule.on(cst.Call)
def field(call: cst.Call, file: File) -> Iterator[Change]:
    """`TypeInfo(…)` → `Field(…)`."""
    if not _is_type_info(call, file):
        return
    if len([a for a in call.args if not a.star and keyword(a) in _DESCRIPTION]) > 1:
        yield Todo(call, "`Field` has one `description=`: keep the one that is meant.")
        return
    spelling = file.use("pydantic.Field")
    choices = next((a for a in call.args if keyword(a) == "choices"), None)
    if choices is not None and not isinstance(choices.value, (cst.List, cst.Tuple, cst.Set)):
        yield Todo(
            call, f"the choices `{file.code(choices.value)}` are computed: annotate with `Literal[…]` of their values."
        )
    if any(arg.star for arg in call.args):
        yield Todo(call, "`Field` has neither `desc` nor `choices`: write the arguments that are unpacked here out.")
    yield Rewrite(call, lambda updated: _field(updated, spelling), "`TypeInfo` is pydantic's `Field`")


#: As what 0.x took the description: by its place, too.
_DESCRIPTION = ("", "desc", "description")


def _field(updated: cst.Call, spelling: str) -> cst.Call:
    brackets = of_call(updated)
    for i in reversed(range(len(brackets.items))):
        arg = brackets.items[i]
        if arg.star:
            continue
        name = keyword(arg)
        if name in ("desc", ""):
            brackets = brackets.with_item(i, keyword_arg("description", arg.value))
        elif name == "choices":
            brackets = brackets.without(i)
    return to_call(updated, brackets).with_changes(func=cst.parse_expression(spelling))


@rule.on(cst.Subscript)
def literal(node: cst.Subscript, file: File) -> Iterator[Change]:
    """`Annotated[str, TypeInfo(choices=[…])]` → `Annotated[Literal[…], …]`."""
    if (dotted(node.value) or "").rpartition(".")[2] != "Annotated" or len(node.slice) < 2:
        return
    for element in node.slice[1:]:
        index = element.slice
        if not isinstance(index, cst.Index) or not _is_type_info(index.value, file):
            continue
        choices = next((a.value for a in find(index.value, cst.Arg) if keyword(a) == "choices"), None)
        if not isinstance(choices, (cst.List, cst.Tuple, cst.Set)) or not choices.elements:
            continue
        values = ", ".join(file.code(e.value) for e in choices.elements)
        if not all(isinstance(e.value, (cst.SimpleString, cst.Integer, cst.Name)) for e in choices.elements) or any(
            isinstance(e.value, cst.Name) and e.value.value not in ("True", "False", "None") for e in choices.elements
        ):
            yield Todo(node, f"`Literal[…]` takes literals only: annotate with the values of `{values}`.")
            continue
        text = f"{file.use('typing.Literal')}[{values}]"
        first = node.slice[0].slice
        as_list = isinstance(first, cst.Index) and (dotted(getattr(first.value, "value", first)) or "") in (
            "list",
            "List",
        )
        text = f"list[{text}]" if as_list else text
        yield Rewrite(node, _typed(text), "`choices` are a `Literal`")


def _typed(text: str) -> Callable[[cst.Subscript], cst.Subscript]:
    return lambda updated: _with_type(updated, text)


def _with_type(updated: cst.Subscript, text: str) -> cst.Subscript:
    first = updated.slice[0].with_changes(slice=cst.Index(cst.parse_expression(text)))
    return updated.with_changes(slice=[first, *updated.slice[1:]])

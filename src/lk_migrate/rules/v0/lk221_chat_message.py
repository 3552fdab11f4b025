"""`ChatMessage(role=, content="…")` and `ChatMessage.create(text=, images=)` take a list of contents now.

A `ChatMessage` is a pydantic model since 1.0: its content is a list, and a text raises ValidationError. `ChatRole` is
a set of strings. Messages of tools are items of their own (`FunctionCall`, `FunctionCallOutput`).
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.prompts import prompts
from lk_migrate.facts.roles import role_of
from lk_migrate.facts.v0_names import llm_name
from lk_migrate.facts.variables import binding_of, uses
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import keyword, keyword_arg
from lk_migrate.rewrite.changes import Change, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v0.chat_messages import convertible, message_arguments, says_twice

rule = Rule(
    "LK221", Edition.V0, __doc__, triggers=(b"ChatMessage", b"ChatRole", b"ChatImage", b"ChatAudio"), since="1.0.0"
)

_TOOLS = frozenset({"tool_calls", "tool_call_id", "tool_exception", "name"})


@rule.on(cst.Call)
def message(call: cst.Call, file: File) -> Iterator[Change]:
    """The constructor, and `create`."""
    func = call.func
    creates = isinstance(func, cst.Attribute) and func.attr.value == "create"
    cls = func.value if creates and isinstance(func, cst.Attribute) else func
    if llm_name(file.full_name(cls)) != "ChatMessage":
        return
    found = file.project.fact(prompts)
    if call in found.taken:
        return
    given = {keyword(a) for a in call.args}
    if given & _TOOLS or any(role_of(a.value) == "tool" for a in call.args if keyword(a) == "role"):
        yield Todo(
            call, "messages of tools are items of their own now: `llm.FunctionCall(…)`, `llm.FunctionCallOutput(…)`."
        )
        return
    content = next((a for a in call.args if keyword(a) in ("content", "text")), None)
    if says_twice(call):
        yield Todo(call, "a `ChatMessage` has one `content=[…]`: keep the one that is meant.")
        return
    if not convertible(call):
        if not (given - {"role", "content", "id", ""}) and not any(a.star for a in call.args):
            return
        if any(a.star for a in call.args):
            yield Todo(call, "a `ChatMessage` takes `role=` and `content=[…]`: write out what these arguments hold.")
        return
    keep = content is not None and _is_list(content.value, file)
    is_new = (
        not creates
        and "text" not in given
        and "images" not in given
        and (content is None or keep or isinstance(content.value, cst.List))
    )
    if is_new and not any(_is_enum_role(a) for a in call.args):
        return

    def apply(updated: cst.Call) -> cst.Call:
        result = message_arguments(updated, True, "system" if creates else "", keep)
        return result.with_changes(func=updated.func.value) if creates else result  # type: ignore[attr-defined]

    yield Rewrite(call, apply, "a message has a list of contents")


def _is_enum_role(arg: cst.Arg) -> bool:
    return keyword(arg) == "role" and not isinstance(arg.value, cst.SimpleString) and bool(role_of(arg.value))


def _is_list(value: cst.BaseExpression, file: File) -> bool:
    """Whether a content is a list already: displays, and variables that hold one."""
    if isinstance(value, (cst.List, cst.ListComp)):
        return True
    if isinstance(value, cst.Attribute) and value.attr.value == "content":
        return False
    if not isinstance(value, cst.Name):
        return False
    for use in uses(file.module, binding_of(file.module, value)):
        parent = file.parent(use)
        if isinstance(parent, cst.AnnAssign):
            return "list" in file.code(parent.annotation.annotation).lower()
        if isinstance(parent, cst.Param) and parent.annotation is not None:
            return "list" in file.code(parent.annotation.annotation).lower()
        if isinstance(parent, cst.AssignTarget):
            statement = file.parent(parent)
            if isinstance(statement, cst.Assign) and isinstance(statement.value, (cst.List, cst.ListComp)):
                return True
    return False


@rule.on(cst.Subscript)
def contents(node: cst.Subscript, file: File) -> Iterator[Change]:
    """`list[str | ChatImage]` as an annotation: a message takes `list[ChatContent]`, and lists are invariant."""
    if dotted(node.value) not in ("list", "List", "typing.List") or file.enclosing(node, cst.Annotation) is None:
        return
    item = node.slice[0].slice if len(node.slice) == 1 else None
    parts = list(_parts(item.value)) if isinstance(item, cst.Index) else []
    images = [p for p in parts if llm_name(file.full_name(p)) in ("ChatImage", "ChatAudio")]
    if images and len(parts) > len(images) and all(p in images or dotted(p) == "str" for p in parts):
        content = f"{file.use('livekit.agents.llm')}.ChatContent"
        yield Replace(node.slice[0], lambda updated: _index(updated, content), "a message has a list of `ChatContent`")


def _parts(union: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """`a` and `b` of `a | b` and of `Union[a, b]`."""
    if isinstance(union, cst.BinaryOperation) and isinstance(union.operator, cst.BitOr):
        yield from (*_parts(union.left), *_parts(union.right))
    elif isinstance(union, cst.Subscript) and (dotted(union.value) or "").rpartition(".")[2] == "Union":
        for element in union.slice:
            if isinstance(element.slice, cst.Index):
                yield element.slice.value
    else:
        yield union


def _index(updated: cst.SubscriptElement, text: str) -> cst.SubscriptElement:
    return updated.with_changes(slice=cst.Index(cst.parse_expression(text)))


@rule.on(cst.Attribute)
def role(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`ChatRole.USER` → `"user"`."""
    if llm_name(file.full_name(node.value)) != "ChatRole":
        return
    parent = file.parent(node)
    call = file.parent(parent) if isinstance(parent, cst.Arg) else None
    if isinstance(call, cst.Call) and isinstance(parent, cst.Arg) and keyword(parent) == "role":
        func = (
            call.func.value if isinstance(call.func, cst.Attribute) and call.func.attr.value == "create" else call.func
        )
        if llm_name(file.full_name(func)) == "ChatMessage":
            return
    text = node.attr.value.lower()
    yield Rewrite(node, lambda _: cst.SimpleString(f'"{text}"'), "roles are strings now")


@rule.on(cst.Call)
def image(call: cst.Call, file: File) -> Iterator[Change]:
    """`ChatImage(frame)`: `ImageContent` takes keywords only."""
    if llm_name(file.full_name(call.func)) not in ("ChatImage", "ChatAudio") or not call.args:
        return
    first = call.args[0]
    if not keyword(first) and not first.star:
        name = "image" if "Image" in (dotted(call.func) or "") else "frame"
        yield Rewrite(
            first,
            lambda updated: keyword_arg(name, updated.value).with_changes(comma=updated.comma),
            "contents take keywords only",
        )

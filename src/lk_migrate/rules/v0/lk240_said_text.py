"""`msg.text` in a handler of what was said: no message had it, today's has `text_content` (part of LK240)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so, calls_of
from lk_migrate.facts.handlers import EVENTS, handlers
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.v0_names import Kind
from lk_migrate.rewrite.changes import Change, Replace, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import quote
from lk_migrate.rules.v0.event_doubts import SAID, payload_of, says_text, takes_the_event
from lk_migrate.rules.v0.lk240_events import rule as events


@events.on(cst.Attribute, among=called_so(SAID))
def said(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`msg.text` → `msg.text_content`; where a part of it is taken there must be one."""
    if node.attr.value != SAID or not _is_payload(node.value, file):
        return
    outer = file.parent(node)
    if isinstance(outer, (cst.Subscript, cst.Attribute)) and outer.value is node:
        new = cst.parse_expression(f"({file.code(node.value)}.text_content or {quote(file, node) * 2})")
        yield Rewrite(node, lambda _: new, "what was said is `text_content`, which may be None")
    elif not isinstance(outer, cst.AssignTarget):
        yield Rewrite(
            node, lambda updated: updated.with_changes(attr=cst.Name("text_content")), "what was said is `text_content`"
        )


@events.on(cst.Call, among=calls_of("hasattr", "getattr"))
def looked_for(call: cst.Call, file: File) -> Iterator[Change]:
    """`hasattr(msg, "text")`."""
    if dotted(call.func) not in ("hasattr", "getattr") or len(call.args) < 2 or text_of(call.args[1].value) != SAID:
        return
    if isinstance(call.args[1].value, cst.SimpleString) and _is_payload(call.args[0].value, file):
        asked = cst.ensure_type(call.args[1].value, cst.SimpleString)
        new = asked.value.replace(SAID, "text_content")
        yield Replace(asked, lambda updated: updated.with_changes(value=new), "what was said is `text_content`")


def _is_payload(value: cst.BaseExpression, file: File) -> bool:
    """Whether it is the message that a handler on a session is given, which reads its `text`."""
    known = file.project.fact(handlers).of
    for function in file.module.index.ancestors(value):
        mine = known.get(function, []) if isinstance(function, cst.FunctionDef) else []
        if not isinstance(function, cst.FunctionDef) or not mine:
            continue
        if any(r.kinds != {Kind.SESSION} or r.event.startswith("function_calls") for r in mine):
            return False
        payload = payload_of(function)[:1]
        return bool(
            payload
            and all("speech" in r.event and r.event in EVENTS for r in mine)
            and dotted(value) == payload[0].name.value
            and says_text(function, payload[0])
            and takes_the_event(function, file)
        )
    return False

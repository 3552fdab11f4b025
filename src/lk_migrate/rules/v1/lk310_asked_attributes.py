"""`try: id = m.speech_id` / `except AttributeError: id = None` of a metrics listener is a `getattr` (part of LK310).

Such a listener is told of every kind of metrics, and only some have the attribute. The event around them hid from a
type checker what it is about; with the event gone, the question is asked in a way that it understands, too.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.metrics import registrations
from lk_migrate.facts.variables import binding_of
from lk_migrate.facts.walk import find
from lk_migrate.rewrite.changes import Change, Replace
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v1.lk310_metrics import rule as usage


@usage.on(cst.Try)
def asked(node: cst.Try, file: File) -> Iterator[Change]:
    """Only for the metrics that the listener is given."""
    known, instead = _assigned(node.body), _assigned(node.handlers[0].body) if len(node.handlers) == 1 else None
    if known is None or instead is None or node.orelse is not None or node.finalbody is not None:
        return
    catches = node.handlers[0].type
    value, target = known.value, dotted(known.targets[0].target)
    if catches is None or dotted(catches) != "AttributeError" or dotted(instead.targets[0].target) != target:
        return
    if not isinstance(value, cst.Attribute) or target is None:
        return
    if _is_given(value.value, file):
        yield Replace(node, _got, f"only some metrics have `{value.attr.value}`")


def _assigned(block: cst.BaseSuite) -> cst.Assign | None:
    """The one plain assignment that a block consists of."""
    line = block.body[0] if len(block.body) == 1 else None
    small = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
    return small if isinstance(small, cst.Assign) and len(small.targets) == 1 else None


def _is_given(value: cst.BaseExpression, file: File) -> bool:
    """`ev`, `ev.metrics`, or a variable that holds them."""
    function = file.enclosing(value, cst.FunctionDef)
    events = {r.event for r in registrations(file.project, file.module) if r.function is function}
    if not events or function is None:
        return False
    whole = {text for event in events for text in (event, f"{event}.metrics")}
    if dotted(value) in whole:
        return True
    if not isinstance(value, cst.Name) or binding_of(file.module, value).owner is not function:
        return False
    held = [a.value for a in find(function.body, cst.Assign) if dotted(a.targets[0].target) == value.value]
    return len(held) == 1 and dotted(held[0]) in whole


def _got(updated: cst.Try) -> cst.SimpleStatementLine:
    known, instead = _assigned(updated.body), _assigned(updated.handlers[0].body)
    assert known is not None and instead is not None and isinstance(known.value, cst.Attribute)
    name = cst.SimpleString(f'"{known.value.attr.value}"')
    got = cst.Call(cst.Name("getattr"), [cst.Arg(known.value.value), cst.Arg(name), cst.Arg(instead.value)])
    return cst.SimpleStatementLine([known.with_changes(value=got)], leading_lines=updated.leading_lines)

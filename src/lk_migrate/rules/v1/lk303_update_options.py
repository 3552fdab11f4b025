"""`session.update_options(min_endpointing_delay=…)` takes `endpointing_opts={…}`.

`min_endpointing_delay` and `max_endpointing_delay` warn since 1.5.0 and go in 2.0; they replace `endpointing_opts`
when both are given.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import calls_of
from lk_migrate.facts.instances import instance_of
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import find_keyword, keyword, keyword_arg, of_call, to_call
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import Entry, expression
from lk_migrate.rules.registry import Rule

rule = Rule("LK303", Edition.V1, __doc__, triggers=(b"update_options",), since="1.5.0")

_KEYS = {"min_endpointing_delay": "min_delay", "max_endpointing_delay": "max_delay"}


@rule.on(cst.Call, among=calls_of("update_options"))
def merge_delays(call: cst.Call, file: File) -> Iterator[Change]:
    """Only on what is shown to be an `AgentSession`, or on names that the project gives no other class to."""
    func = call.func
    if not (isinstance(func, cst.Attribute) and func.attr.value == "update_options"):
        return
    names = [keyword(a) for a in call.args if keyword(a) in _KEYS]
    if not names or _is_own(call, file):
        return
    said = ", ".join(f"`{n}=`" for n in names)
    if find_keyword(call, "endpointing_opts") is not None:
        yield Todo(call, f"{said} replaces `endpointing_opts=` here: merge the two by hand and delete the old one.")
        return
    indentation = file.module.span(file.statement(call)).column
    yield Rewrite(call, lambda updated: _merged(updated, indentation), f"{said} is now `endpointing_opts=`")


def _is_own(call: cst.Call, file: File) -> bool:
    """Whether the receiver may be an object of the project's own with such a method."""
    assert isinstance(call.func, cst.Attribute)
    if instance_of(file.project, file.module, call.func.value) == "AgentSession":
        return False
    return any(
        f.name.value == "update_options"
        and any(p.name.value in _KEYS for p in (*f.params.params, *f.params.kwonly_params))
        for f in file.module.index.of(cst.FunctionDef)
    )


def _merged(call: cst.Call, indentation: int) -> cst.Call:
    brackets = of_call(call)
    old = [i for i, arg in enumerate(brackets.items) if keyword(arg) in _KEYS]
    entries = tuple(Entry(_KEYS[keyword(brackets.items[i])], brackets.items[i].value) for i in old)
    gap = brackets.gaps[old[0]]
    pad = gap.last_line.value if isinstance(gap, cst.ParenthesizedWhitespace) else None
    value = expression(Entry("endpointing_opts", entries=entries), pad, indentation, len("endpointing_opts=,"))
    brackets = brackets.with_item(old[0], keyword_arg("endpointing_opts", value))
    for i in reversed(old[1:]):
        brackets = brackets.without_but_comments(i)
    return to_call(call, brackets)

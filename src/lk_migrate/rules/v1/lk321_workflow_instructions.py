"""`extra_instructions=` of the workflow tasks becomes `instructions=WorkflowInstructions(extra=…)`.

`GetEmailTask` and `GetAddressTask` mark the keyword as deprecated (in their source; without a warning) and build
exactly this from it; beside `instructions=` it is ignored.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import with_keyword
from lk_migrate.facts.framework import constructed
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import find_keyword, keyword, keyword_arg, of_call, to_call
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import code
from lk_migrate.rules.registry import Rule

rule = Rule("LK321", Edition.V1, __doc__, triggers=(b"extra_instructions",), since="1.5.0")

_TASKS = frozenset({"GetEmailTask", "GetAddressTask"})


@rule.on(cst.Call, among=with_keyword("extra_instructions"))
def wrapped(call: cst.Call, file: File) -> Iterator[Change]:
    if find_keyword(call, "extra_instructions") is None:
        return
    if constructed(file.project, file.module, call, "extra_instructions") not in _TASKS:
        return
    if find_keyword(call, "instructions") is not None:
        yield Todo(call, "`extra_instructions=` is ignored beside `instructions=`: move what is wanted of it there.")
        return
    spelling = file.use("livekit.agents.beta.workflows.WorkflowInstructions")
    yield Rewrite(call, lambda updated: _converted(updated, spelling), "`extra_instructions=` is now `instructions=`")


def _converted(call: cst.Call, spelling: str) -> cst.Call:
    brackets = of_call(call)
    at = next(i for i, a in enumerate(brackets.items) if keyword(a) == "extra_instructions")
    value = cst.parse_expression(f"{spelling}(extra={code(brackets.items[at].value)})")
    return to_call(call, brackets.with_item(at, keyword_arg("instructions", value)))

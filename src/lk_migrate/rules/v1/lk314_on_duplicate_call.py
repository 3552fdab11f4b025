"""`AsyncToolset(on_duplicate_call=…)` raises a TypeError: each tool says it itself.

Since 1.6.0 the mode stands on the decorator: `@function_tool(on_duplicate="confirm")`. Which tools
a set holds is often known only when it runs, so a person decides.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import with_keyword
from lk_migrate.facts.framework import constructed
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import find_keyword
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK314", Edition.V1, __doc__, triggers=(b"on_duplicate_call",), since="1.6.0")


@rule.on(cst.Call, among=with_keyword("on_duplicate_call"))
def mark(call: cst.Call, file: File) -> Iterator[Change]:
    """The keyword on `AsyncToolset` or a subclass of it."""
    arg = find_keyword(call, "on_duplicate_call")
    if arg is None or constructed(file.project, file.module, call, "on_duplicate_call") != "AsyncToolset":
        return
    value = file.code(arg.value)
    yield Todo(
        call,
        f"`on_duplicate_call=` raises a TypeError since 1.6.0: say `@function_tool(on_duplicate={value})` on each tool "
        "of this set, and take it out here.",
    )

"""`WarmTransferTask(target_phone_number=…)` is spelled `sip_call_to=`.

The old keyword warns on the `livekit.agents` logger since 1.4.6; `sip_call_to` takes a SIP URI, too.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import with_keyword
from lk_migrate.facts.framework import constructed
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import find_keyword
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK319", Edition.V1, __doc__, triggers=(b"target_phone_number",), since="1.4.6")


@rule.on(cst.Call, among=with_keyword("target_phone_number"))
def rename_keyword(call: cst.Call, file: File) -> Iterator[Change]:
    arg = find_keyword(call, "target_phone_number")
    if arg is None or constructed(file.project, file.module, call, "target_phone_number") != "WarmTransferTask":
        return
    if find_keyword(call, "sip_call_to") is not None:
        yield Todo(call, "`target_phone_number=` has no effect beside `sip_call_to=`: take it out.")
        return
    yield Rewrite(
        arg,
        lambda updated: updated.with_changes(keyword=cst.Name("sip_call_to")),
        "`target_phone_number=` is now `sip_call_to=`",
    )

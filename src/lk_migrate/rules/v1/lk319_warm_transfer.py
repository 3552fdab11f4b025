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
from lk_migrate.rewrite.changes import Change
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.renamed_keyword import renamed_keyword

rule = Rule("LK319", Edition.V1, __doc__, triggers=(b"target_phone_number",), since="1.4.6")


@rule.on(cst.Call, among=with_keyword("target_phone_number"))
def rename_keyword(call: cst.Call, file: File) -> Iterator[Change]:
    arg = find_keyword(call, "target_phone_number")
    if arg is None or constructed(file.project, file.module, call, "target_phone_number") != "WarmTransferTask":
        return
    yield from renamed_keyword(
        call, arg, "sip_call_to", "`target_phone_number=` has no effect beside `sip_call_to=`: take it out."
    )

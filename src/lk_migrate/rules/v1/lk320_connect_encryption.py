"""`ctx.connect(e2ee=…)` is spelled `encryption=`.

The old keyword warns on the `livekit.agents` logger since 1.5.3, even when it is None, and is ignored when
`encryption` is given too.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import with_keyword
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import find_keyword
from lk_migrate.rewrite.changes import Change
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.renamed_keyword import renamed_keyword

rule = Rule("LK320", Edition.V1, __doc__, triggers=(b"e2ee",), since="1.5.3")


@rule.on(cst.Call, among=with_keyword("e2ee"))
def rename_keyword(call: cst.Call, file: File) -> Iterator[Change]:
    """`ctx.connect(e2ee=x)`, where `ctx` may have any name: nothing else called `connect` takes `e2ee`."""
    if not (isinstance(call.func, cst.Attribute) and call.func.attr.value == "connect"):
        return
    arg = find_keyword(call, "e2ee")
    if arg is not None:
        yield from renamed_keyword(call, arg, "encryption", "`e2ee=` has no effect beside `encryption=`: take it out.")

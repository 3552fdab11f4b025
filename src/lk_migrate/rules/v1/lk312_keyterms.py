"""`keyterms_options=` of `AgentSession` is spelled `stt_context_options=`.

The old keyword warns on the `livekit.agents` logger since 1.6.6 and is ignored beside the new one; the dict has the
same keys. `KeytermsOptions` is `STTContextOptions`.
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
from lk_migrate.rules.v1.moved_names import replaced

rule = Rule("LK312", Edition.V1, __doc__, triggers=(b"keyterms_options", b"KeytermsOptions"), since="1.6.6")

_MOVED = {
    f"livekit.agents.{package}KeytermsOptions": "livekit.agents.STTContextOptions"
    for package in ("", "voice.", "voice.keyterm_detection.")
}


@rule.on(cst.Call, among=with_keyword("keyterms_options"))
def rename_keyword(call: cst.Call, file: File) -> Iterator[Change]:
    """`AgentSession(keyterms_options={…})`."""
    arg = find_keyword(call, "keyterms_options")
    if arg is None or constructed(file.project, file.module, call, "keyterms_options") != "AgentSession":
        return
    yield from renamed_keyword(
        call,
        arg,
        "stt_context_options",
        "`keyterms_options=` has no effect beside `stt_context_options=`: move its keys there.",
    )


@rule.on(cst.Name, cst.Attribute)
def rename_class(node: cst.Name | cst.Attribute, file: File) -> Iterator[Change]:
    yield from replaced(node, file, _MOVED)

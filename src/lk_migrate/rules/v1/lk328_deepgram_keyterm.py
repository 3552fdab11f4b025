"""`deepgram.STT(keyterms=…)` is spelled `keyterm=`.

The plugin warns since 1.4.0; the values are the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import with_keyword
from lk_migrate.facts.framework import library_name
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import find_keyword
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK328", Edition.V1, __doc__, triggers=(b"keyterms",), since="1.4.0")


@rule.on(cst.Call, among=with_keyword("keyterms"))
def rename_keyword(call: cst.Call, file: File) -> Iterator[Change]:
    arg = find_keyword(call, "keyterms")
    name = library_name(file.project, file.module, call.func) or ""
    if arg is None or not name.startswith("livekit.plugins.deepgram.") or find_keyword(call, "keyterm") is not None:
        return
    yield Rewrite(
        arg, lambda updated: updated.with_changes(keyword=cst.Name("keyterm")), "`keyterms=` is now `keyterm=`"
    )

"""`openai.realtime.RealtimeModel(api_version=…)` is for an Azure endpoint that is going away.

It warns since 1.5.3 (removal was announced for 30 April 2026); the general endpoint takes no version. Which
endpoint the resource has is not in the code, so a person decides.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import with_keyword
from lk_migrate.facts.framework import library_name
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import find_keyword
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK323", Edition.V1, __doc__, triggers=(b"api_version",), since="1.5.3", paths=where_livekit_is_imported)


@rule.on(cst.Call, among=with_keyword("api_version"))
def mark(call: cst.Call, file: File) -> Iterator[Change]:
    """On the realtime model and its `with_azure`; the other Azure classes still take it."""
    if find_keyword(call, "api_version") is None:
        return
    name = library_name(file.project, file.module, call.func) or ""
    if name.startswith("livekit.plugins.openai.realtime") and name.endswith(("RealtimeModel", "with_azure")):
        yield Todo(
            call, "`api_version=` is deprecated: point `azure_endpoint` at the general (GA) endpoint and drop it."
        )

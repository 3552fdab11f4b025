"""`AsyncRunContext` is `RunContext`.

The two became one in 1.6.0; importing the old name warns on the `livekit.agents` logger.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v1.moved_names import replaced, unused_import

rule = Rule("LK313", Edition.V1, __doc__, triggers=(b"AsyncRunContext",), since="1.6.0")

_MOVED = {
    f"livekit.agents.llm.{package}AsyncRunContext": "livekit.agents.RunContext" for package in ("", "async_toolset.")
}


@rule.on(cst.Name, cst.Attribute)
def rename(node: cst.Name | cst.Attribute, file: File) -> Iterator[Change]:
    yield from replaced(node, file, _MOVED)


@rule.on(cst.ImportFrom)
def import_of_it(node: cst.ImportFrom, file: File) -> Iterator[Change]:
    yield from unused_import(node, file, _MOVED)

"""A folder of the project that is called `livekit` is not the framework.

Python finds it before the installed package, so what is imported from it is the project's own, and no rule touches
it; a file that would need the framework itself is left as it was. A vendored fork is upgraded by taking it out, not by
rewriting its users. A package that only bears the name, such
as `voice/livekit/` with a project's own adapters, hides nothing that it does not have itself: `livekit.agents` beside
it is the framework. Nor does `livekit/agents/`, in a folder that is no package itself, hide anything from a file that
imports from it what it surely does not have: such a file is run from within `livekit/`, and finds the framework.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Note
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK344", Edition.V1, __doc__, triggers=(b"livekit",), since="1.0.0", paths=where_livekit_is_imported)


@rule.on(cst.Module)
def note(tree: cst.Module, file: File) -> Iterator[Change]:
    """Once for each file that imports it."""
    for item in file.module.imports:
        if item.target.split(".")[0] != "livekit" or item.statement is None:
            continue
        if not file.project.is_own(item.target, file.path):
            continue
        module = ".".join(item.target.split(".")[:2])
        own = file.project.path_of(module, file.path) or file.project.path_of("livekit", file.path)
        if own is not None and own != file.path and not file.has_the_framework(module):
            yield Note(item.statement, f"`{item.target}` is the project's own `{own}`, not the framework: left alone.")
            return

"""`google.beta.realtime` is `google.realtime`.

Gemini's realtime model left beta in 1.2; the dotted module `livekit.plugins.google.beta.realtime` is gone.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.facts.framework import library_name
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.plugin_addresses import BETA, HOME, todays_address
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Replace, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK327", Edition.V1, __doc__, triggers=(b"beta",), since="1.2.15", paths=where_livekit_is_imported)


@rule.on(cst.Attribute, among=called_so("realtime"))
def chain(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`google.beta.realtime` in `google.beta.realtime.RealtimeModel(…)`."""
    if node.attr.value != "realtime" or library_name(file.project, file.module, node) != BETA:
        return
    if file.enclosing(node, cst.ImportFrom) is not None or file.enclosing(node, cst.Import) is not None:
        return
    if isinstance(node.value, cst.Attribute):
        inner = node.value.value
        yield Rewrite(node, lambda updated: updated.with_changes(value=inner), "`google.beta.realtime` left beta")
    else:
        spelling = file.use(HOME)
        yield Replace(node, lambda _: cst.parse_expression(spelling), "`google.beta.realtime` left beta")


@rule.on(cst.ImportFrom)
def statement(node: cst.ImportFrom, file: File) -> Iterator[Change]:
    """`from livekit.plugins.google.beta import realtime`, `from livekit.plugins.google.beta.realtime import …`."""
    module = dotted(node.module)
    if module is None or node.relative or isinstance(node.names, cst.ImportStar):
        return
    if f"{module}.realtime" == BETA and all(dotted(a.name) == "realtime" for a in node.names):
        new = HOME.rpartition(".")[0]
    else:
        new = todays_address(module)
    if new == module:
        return
    yield Rewrite(node, lambda updated: updated.with_changes(module=cst.parse_expression(new)), "left beta")

"""`ChatMessage(hash=…)` is dropped.

Reading or giving `hash` raises a DeprecationWarning since 1.3.1; the framework never looks at it.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so, with_keyword
from lk_migrate.facts.framework import agents_name, callee
from lk_migrate.facts.instances import instance_of, where_objects_may_be
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import find_keyword, keyword, without_keywords
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK318", Edition.V1, __doc__, triggers=(b"hash",), since="1.3.1", paths=where_objects_may_be)


@rule.on(cst.Call, among=with_keyword("hash"))
def given(call: cst.Call, file: File) -> Iterator[Change]:
    """`ChatMessage(hash=b"…")`."""
    if find_keyword(call, "hash") is None or agents_name(file.project, file.module, callee(call)) != "ChatMessage":
        return
    yield Rewrite(call, lambda updated: without_keywords(updated, lambda a: keyword(a) == "hash"), "`hash=` dropped")


@rule.on(cst.Attribute, among=called_so("hash"))
def read(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`message.hash`."""
    if node.attr.value == "hash" and instance_of(file.project, file.module, node.value) == "ChatMessage":
        yield Todo(node, "`ChatMessage.hash` is deprecated and None: use `message.id`, or hash `message.text_content`.")

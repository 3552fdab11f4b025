"""`SpeechHandle.chat_message` and `.step_index` are `chat_items` and `num_steps`.

Both were removed in 1.2.0, and so was `.parent`, for which there is nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.facts.instances import instance_of, where_objects_may_be
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

_TRIGGERS = (b"chat_message", b"step_index", b".parent")
rule = Rule(
    "LK316", Edition.V1, __doc__, triggers=_TRIGGERS, since="1.2.0", safety=Safety.REVIEW, paths=where_objects_may_be
)

_FIELDS = frozenset({"chat_message", "step_index", "parent"})


@rule.on(cst.Attribute, among=called_so(*_FIELDS))
def renamed(node: cst.Attribute, file: File) -> Iterator[Change]:
    """On what is shown to be a speech handle."""
    field = node.attr.value
    if not _is_handle(node.value, file):
        return
    if field == "step_index":
        # Steps count from 1 now, they counted from 0.
        spelling = f"({file.code(node.value)}.num_steps - 1)"
        yield Rewrite(node, lambda _: cst.parse_expression(spelling), "`step_index` is `num_steps - 1`")
    elif field == "chat_message":
        yield Todo(
            node, "`chat_message` is gone since 1.2.0: a speech may say several things, see `chat_items` (a list)."
        )
    else:
        yield Todo(
            node, "`parent` is gone since 1.2.0: `allow_interruptions` and `num_steps` say what it was read for."
        )


def _is_handle(node: cst.BaseExpression, file: File) -> bool:
    if instance_of(file.project, file.module, node) == "SpeechHandle":
        return True
    if isinstance(node, cst.Attribute) and node.attr.value in ("speech_handle", "current_speech"):
        return instance_of(file.project, file.module, node.value) in ("RunContext", "AgentSession")
    return False

"""`session.options.allow_interruptions` and the other flat fields stand in groups.

`VoiceOptions` went in 1.3.1: `session.options.interruption["enabled"]`, `.endpointing["min_delay"]`, …
`preemptive_generation` is a dict now, which is always true: `["enabled"]` is what it was. What is written into the
interruption options counts from then on (`livekit/agents/voice/agent_activity.py` of 1.8.9 reads them each time); the
endpointing has `session.update_options(endpointing_opts=…)`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.facts.instances import instance_of
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import quote
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v1.turn_options import SESSION_KEYS

rule = Rule("LK330", Edition.V1, __doc__, triggers=(b".options.",), since="1.3.1")


@rule.on(cst.Attribute, among=called_so(*SESSION_KEYS))
def grouped(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`session.options.min_endpointing_delay` on what is shown to be a session."""
    field, base = node.attr.value, node.value
    if field == "turn_detection":
        return
    if not (isinstance(base, cst.Attribute) and base.attr.value == "options"):
        return
    if instance_of(file.project, file.module, base.value) != "AgentSession":
        return
    group, *rest = SESSION_KEYS[field]
    key = rest[0] if rest else "enabled"
    parent = file.parent(node)
    if isinstance(parent, cst.Subscript) and field == "preemptive_generation":
        return
    if group == "endpointing" and isinstance(parent, (cst.AssignTarget, cst.AugAssign)):
        session = file.code(base.value)
        yield Todo(
            node,
            f'the running endpointing does not read this: `{session}.update_options(endpointing_opts={{"{key}": …}})`.',
        )
        return
    mark = quote(file, node)
    yield Rewrite(
        node,
        lambda updated: cst.Subscript(
            value=updated.with_changes(attr=cst.Name(group)),
            slice=[cst.SubscriptElement(cst.Index(cst.SimpleString(f"{mark}{key}{mark}")))],
        ),
        f'`{field}` is `{group}["{key}"]`',
    )

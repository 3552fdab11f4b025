"""Fields of an options object that is held in a variable have the names of `RoomOptions`.

What was `options.video_enabled = True` is `options.video_input = True` once the object is a `RoomOptions` (LK305);
fields that moved into `AudioInputOptions`, `TextOutputOptions`, … are left to a person: they share one object now.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.facts.instances import instance_of
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v1.room_fields import FIELDS

_NAMES = frozenset(n for f in FIELDS.values() for n in (*f.nested, *f.switches))
rule = Rule("LK306", Edition.V1, __doc__, triggers=tuple(n.encode() for n in FIELDS), since="1.3.1", across_files=True)


@rule.on(cst.Attribute, among=called_so(*_NAMES))
def renamed(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`options.video_enabled` on what is shown to be one of the old classes."""
    name = node.attr.value
    fields = FIELDS.get(instance_of(file.project, file.module, node.value) or "")
    if fields is None:
        return
    if name in fields.switches:
        new = fields.switches[name]
        yield Rewrite(node, lambda updated: updated.with_changes(attr=cst.Name(new)), f"`{name}` is now `{new}`")
    elif name in fields.nested:
        group, options, key = fields.nested[name]
        yield Todo(node, f"`{name}` stands in `{group}` now: `{group} = room_io.{options}({key}=...)`.")

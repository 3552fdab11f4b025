"""`from livekit.agents import RoomInputOptions` in a file that has no use for it (part of LK305)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.rewrite.changes import Change
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v1.lk305_room_options import rule as room_options
from lk_migrate.rules.v1.moved_names import unused_import
from lk_migrate.rules.v1.room_fields import FIELDS

_MOVED = {
    f"livekit.agents.{address}{name}": "livekit.agents.room_io.RoomOptions"
    for address in ("", "voice.", "voice.room_io.", "room_io.")
    for name in FIELDS
}


@room_options.on(cst.ImportFrom)
def import_of_it(node: cst.ImportFrom, file: File) -> Iterator[Change]:
    """The old name goes; imports that lose their last use go by themselves."""
    yield from unused_import(node, file, _MOVED)

"""Tests that patch what the converted code no longer uses are marked: `patch("desk.main.WorkerOptions")`.

The names are still there, but a module of the project that is converted does not import them any more, so that `patch`
fails; and where LiveKit's own name is patched, the code no longer comes by it.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.patched import PATCHES, patched, where_patched
from lk_migrate.facts.project import Project
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

#: Names that rules of early 1.x take out of the code → what they put there.
_REPLACED = {
    "livekit.agents.WorkerOptions": "AgentServer",
    "livekit.agents.RoomInputOptions": "room_io.RoomOptions",
    "livekit.agents.RoomOutputOptions": "room_io.RoomOptions",
    "livekit.plugins.turn_detector.multilingual.MultilingualModel": "inference.TurnDetector",
    "livekit.plugins.turn_detector.english.EnglishModel": "inference.TurnDetector",
}


def paths(project: Project) -> frozenset[str]:
    """Where they may be patched."""
    return where_patched(project, _REPLACED)


rule = Rule("LK345", Edition.V1, __doc__, triggers=PATCHES, since="1.5.0", paths=paths)


@rule.on(cst.SimpleString)
def by_name(node: cst.SimpleString, file: File) -> Iterator[Change]:
    """`patch("desk.main.WorkerOptions")`, `patch("livekit.agents.WorkerOptions")`."""
    found = patched(file.project, file.module, node)
    now = _REPLACED.get(found.name) if found is not None else None
    if found is None or now is None:
        return
    where = f"`{found.by}` does not use" if found.by is not None else "the converted code does not use"
    yield Todo(node, f"{where} `{found.last}` any more: patch `{now}` instead, or take this out.")

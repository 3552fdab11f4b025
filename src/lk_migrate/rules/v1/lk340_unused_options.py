"""`from livekit.agents import WorkerOptions` in a file that runs no worker (part of LK340)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.rewrite.changes import Change
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v1.lk340_agent_server import rule as agent_server
from lk_migrate.rules.v1.moved_names import unused_import

_MOVED = {
    f"livekit.agents.{address}WorkerOptions": "livekit.agents.AgentServer" for address in ("", "worker.", "server.")
}


@agent_server.on(cst.ImportFrom)
def import_of_it(node: cst.ImportFrom, file: File) -> Iterator[Change]:
    """The old name goes; imports that lose their last use go by themselves."""
    yield from unused_import(node, file, _MOVED)

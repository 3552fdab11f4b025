"""`api.RemoveParticipantRequest(room=…, identity=…)` is `api.RoomParticipantIdentity` (part of LK205).

The server's methods are named like their requests, but for three of them. No version of livekit-api has had the names
that one would guess; the fields are the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.facts.public_names import GUESSED_REQUESTS
from lk_migrate.rewrite.changes import Change, Replace
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk205_no_such_name import rule as no_such_name
from lk_migrate.rules.v1.moved_names import is_reference, old_name


@no_such_name.on(cst.Name, cst.Attribute, among=called_so(*(name.rpartition(".")[2] for name in GUESSED_REQUESTS)))
def request(node: cst.Name | cst.Attribute, file: File) -> Iterator[Change]:
    """Wherever it is used; its import goes with its last use."""
    guessed = old_name(node, file, GUESSED_REQUESTS)
    if guessed is None or not is_reference(node, file):
        return
    spelling = file.use(GUESSED_REQUESTS[guessed])
    yield Replace(
        node,
        lambda _: cst.parse_expression(spelling),
        f"`livekit.api` has no `{guessed.rpartition('.')[2]}`: it is `{GUESSED_REQUESTS[guessed].rpartition('.')[2]}`",
    )

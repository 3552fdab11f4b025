"""Turn-taking keywords of `AgentSession` become one `turn_handling=TurnHandlingOptions(...)`.

Eleven keywords (`turn_detection`, `min_endpointing_delay`, `allow_interruptions`, …) warn on the `livekit.agents`
logger since 1.5.0 and go in 2.0. Once `turn_handling` is given, every one of them is ignored, so they are merged,
never mixed. `allow_interruptions=True` is the default and is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import with_keyword
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v1.turn_calls import merge_call
from lk_migrate.rules.v1.turn_options import SESSION_KEYS

_TRIGGERS = tuple(k.encode() for k in SESSION_KEYS)
rule = Rule("LK301", Edition.V1, __doc__, triggers=_TRIGGERS, since="1.5.0", paths=where_livekit_is_imported)


@rule.on(cst.Call, among=with_keyword(*SESSION_KEYS))
def merge_keywords(call: cst.Call, file: File) -> Iterator[Change]:
    """`AgentSession(min_endpointing_delay=0.5)`, also through subclasses and `super().__init__`."""
    yield from merge_call(call, file, frozenset({"AgentSession"}), SESSION_KEYS)

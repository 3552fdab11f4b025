"""Turn-taking keywords of `Agent` and `AgentTask` become `turn_handling=TurnHandlingOptions(...)`.

`turn_detection`, `min_endpointing_delay`, `max_endpointing_delay` and `allow_interruptions` are deprecated since
1.5.0 and accepted without a word, also in `super().__init__(...)`. `Agent(allow_interruptions=True)` has no effect
today (only False is honoured), whereas `{"interruption": {"enabled": True}}` would overrule a session that forbids
interruptions: the literal True is dropped.
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
from lk_migrate.rules.v1.turn_options import AGENT_KEYS

_TRIGGERS = tuple(k.encode() for k in AGENT_KEYS)
rule = Rule("LK302", Edition.V1, __doc__, triggers=_TRIGGERS, since="1.5.0", paths=where_livekit_is_imported)


@rule.on(cst.Call, among=with_keyword(*AGENT_KEYS))
def merge_keywords(call: cst.Call, file: File) -> Iterator[Change]:
    """`Agent(…)`, `super().__init__(…)` in a subclass, and subclasses that hand their keywords on."""
    yield from merge_call(call, file, frozenset({"Agent", "AgentTask"}), AGENT_KEYS)

"""Keywords that lost their meaning are dropped.

`inference.RealtimeModel(inference_class=…)` has no effect and warns since 1.8.8. `attempt_timeout=`,
`retry_interval=` and `no_fallback_after_audio_duration=` of `tts.FallbackAdapter` raise a TypeError in 1.8; timeouts
and retries are the session's `conn_options`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import with_keyword
from lk_migrate.facts.framework import callee, library_name
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import keyword, without_keywords
from lk_migrate.rewrite.changes import Change, Note, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

_FALLBACK = frozenset({"attempt_timeout", "retry_interval", "no_fallback_after_audio_duration"})
_REALTIME = frozenset({"inference_class"})
_TRIGGERS = (b"inference_class", b"FallbackAdapter")
rule = Rule("LK322", Edition.V1, __doc__, triggers=_TRIGGERS, since="1.8.8")


@rule.on(cst.Call, among=with_keyword(*_FALLBACK, *_REALTIME))
def drop(call: cst.Call, file: File) -> Iterator[Change]:
    given = {keyword(a) for a in call.args} & (_FALLBACK | _REALTIME)
    name = library_name(file.project, file.module, callee(call)) or ""
    if name.startswith("livekit.agents.inference") and name.endswith(".RealtimeModel"):
        gone = given & _REALTIME
    elif name.startswith("livekit.agents.tts") and name.endswith(".FallbackAdapter"):
        gone = given & _FALLBACK
    else:
        return
    if not gone:
        return
    said = ", ".join(f"`{k}=`" for k in sorted(gone))
    yield Rewrite(call, lambda updated: without_keywords(updated, lambda a: keyword(a) in gone), f"{said} dropped")
    if gone & _FALLBACK:
        yield Note(
            call, f"{said}: timeouts and retries are `AgentSession(conn_options=SessionConnectOptions(...))` now."
        )

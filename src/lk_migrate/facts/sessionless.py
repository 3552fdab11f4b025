"""Whether a loop of the project's own runs its assistants: what a session would take over has no heir there."""

from __future__ import annotations

import re

from lk_migrate.facts.project import Project
from lk_migrate.facts.testcode import is_test

_NAMES = rb"(?:AgentSession|VoicePipelineAgent|VoiceAssistant|MultimodalAgent)"
#: Sessions of today, and the agents of 0.x, which become sessions: made, given, derived from or under another name. Not
#: in comments, where our markers name them; an import by itself is none, and may go.
_SESSION = re.compile(
    rb"^[^#\n]*(?:\b%s\s*(?:[\[(]|as\b)|[:>|]\s*[\"']?(?:\w+\.)*%s\b|\bclass\s[^\n]*\b%s\b)" % (_NAMES, _NAMES, _NAMES),
    re.MULTILINE,
)
#: What such a loop does itself: audio frames, requests to a model.
_OWN_LOOP = re.compile(
    rb"^[^#\n]*(?:\brtc\.(?:Room|AudioSource|AudioStream)\(|\bAudioStream\(|\bchat[./]completions\b|\bwebsockets?\b)",
    re.MULTILINE,
)


def is_sessionless(project: Project) -> bool:
    """Files beside the tests drive a voice by hand, none names a session, and LK156 replaces no loop.

    Memoise with `project.fact`.
    """
    code = {path: data for path, data in project.files.items() if path.endswith(".py") and not is_test(path)}
    if not any(map(_OWN_LOOP.search, code.values())) or any(map(names_session, code.values())):
        return False
    return not project.fact(is_replaced)


def names_session(data: bytes) -> bool:
    """Whether a file's code speaks of a session, or of what becomes one."""
    return _SESSION.search(data) is not None


def is_replaced(project: Project) -> bool:
    """Whether LK156 writes a session in the place of a loop. Memoise with `project.fact`."""
    mains = sorted(p for p, data in project.files.items() if b"__main__" in data and b"Room" in data and not is_test(p))
    if not mains:
        return False
    from lk_migrate.facts.byhand import find_by_hand  # (what reads such loops is long, and most projects have none)

    modules = map(project.module, mains)
    return any(module is not None and find_by_hand(project, module) is not None for module in modules)

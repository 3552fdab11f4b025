"""The names that livekit-agents 1.8, livekit and livekit-api have: what an import or an attribute can ask for.

`public_names.txt` is written from the installed packages by bench/public_names.py; tests/rules/test_public_names.py
compares the two. Only modules that are known completely are in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("public_names.txt")

#: The server's clients in LiveKit's SDK for JavaScript → the attribute of `livekit.api.LiveKitAPI`.
_JAVASCRIPT = {
    "RoomServiceClient": "room",
    "EgressClient": "egress",
    "IngressClient": "ingress",
    "SipClient": "sip",
    "AgentDispatchClient": "agent_dispatch",
}
#: The same clients by the names of their classes, which take the HTTP session of a `LiveKitAPI` first.
_SERVICES = {
    "RoomService": "room",
    "EgressService": "egress",
    "IngressService": "ingress",
    "SipService": "sip",
    "AgentDispatchService": "agent_dispatch",
}

#: What one would call a request of the room service → what it is called; no version had the names of the left.
GUESSED_REQUESTS = {
    "livekit.api.RemoveParticipantRequest": "livekit.api.RoomParticipantIdentity",
    "livekit.api.GetParticipantRequest": "livekit.api.RoomParticipantIdentity",
    "livekit.api.MutePublishedTrackRequest": "livekit.api.MuteRoomTrackRequest",
}
#: What the roots of the table that are no modules end with.
_NO_MODULES = ("()", "().", "{}")


class _Table(Mapping[str, frozenset[str]]):
    """Roots and their names; the names of most are never asked for, and stay one text."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names
        self._asked: dict[str, frozenset[str]] = {}

    def __getitem__(self, root: str) -> frozenset[str]:
        if root not in self._asked:
            self._asked[root] = frozenset(self._names[root].split())
        return self._asked[root]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


_FIRST_WORD = re.compile(r"[A-Z]?[a-z]+")


@cache
def public_names() -> Mapping[str, frozenset[str]]:
    """Module → its names; `"livekit.agents.Agent()"` → the keywords of the constructor.

    `"livekit.agents.AgentSession()."` → the attributes of an instance; `"livekit.rtc.TrackKind{}"` → the members.
    """
    return read_table(_TABLE)


def read_table(path: Path) -> Mapping[str, frozenset[str]]:
    """Lines of `root: name name …`, as bench/ writes them."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.split(": ", 1) for line in lines if not line.startswith("#"))
    return _Table(dict(pairs))  # type: ignore[arg-type]


def is_missing(full_name: str) -> bool:
    """Whether a module or an enumeration that we know has no such name; private ones are not judged."""
    root, _, name = full_name.rpartition(".")
    tables = public_names()
    known = tables.get(root) or tables.get(f"{root}{{}}")
    return known is not None and bool(name) and not name.startswith("_") and name not in known


def a_level_above(full_name: str) -> str | None:
    """`livekit.agents.APIConnectOptions` for `livekit.agents.llm.APIConnectOptions`, which there is not."""
    root, _, name = full_name.rpartition(".")
    package = root.rpartition(".")[0]
    return f"{package}.{name}" if name in public_names().get(package, ()) else None


def only_address(full_name: str) -> str | None:
    """`livekit.agents.utils.AudioBuffer` for `livekit.agents.stt.AudioBuffer`: a class that one module only has."""
    root, _, name = full_name.rpartition(".")
    if not root.startswith("livekit.agents") or not name[:1].isupper():
        return None
    tables = public_names()
    homes = [r for r in tables if r.startswith("livekit.agents") and not r.endswith(_NO_MODULES) and name in tables[r]]
    return f"{homes[0]}.{name}" if len(homes) == 1 else None


def member_behind_a_prefix(full_name: str) -> str | None:
    """`livekit.rtc.TrackKind.KIND_AUDIO` for `livekit.rtc.TrackKind.AUDIO`, where one member ends so."""
    root, _, name = full_name.rpartition(".")
    found = [m for m in public_names().get(f"{root}{{}}", ()) if m.endswith(f"_{name}")]
    return f"{root}.{found[0]}" if len(found) == 1 and name.isupper() else None


def suggestion(full_name: str) -> str:
    """Where the name is, " (it is in `livekit.agents.llm`)", or the nearest one, " (`AgentSession`?)", or nothing."""
    root, _, name = full_name.rpartition(".")
    tables = public_names()
    if root == "livekit.api" and name in _JAVASCRIPT:
        return f" (that is JavaScript's; here it is `LiveKitAPI(…).{_JAVASCRIPT[name]}`, whose methods are coroutines)"
    if root == "livekit.api" and name in _SERVICES:
        return f" (it is `LiveKitAPI(…).{_SERVICES[name]}`; `await` that `LiveKitAPI`'s `aclose()` in the end)"
    members = tables.get(f"{root}{{}}")
    if members is not None:
        return closest(name, members)
    elsewhere = [other for other, names in tables.items() if name in names and not other.endswith(_NO_MODULES)]
    if elsewhere:
        return f" (it is in `{min(elsewhere, key=len)}`)"
    return closest(name, tables.get(root, frozenset()))


def closest(name: str, among: Collection[str]) -> str:
    """The nearest of the names, " (`AgentSession`?)", or nothing; one that begins with the same word before others."""
    found = get_close_matches(name, sorted(among), n=8, cutoff=0.75)
    verb = _FIRST_WORD.match(name)
    alike = [each for each in found if verb is not None and each.startswith(verb.group())]
    return f" (`{(alike or found)[0]}`?)" if found else ""

"""Lock files: never edited, for only their tool can resolve; reported with the command that refreshes them."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

from lk_migrate.manifests import target
from lk_migrate.manifests.pins import UnknownPin, is_below
from lk_migrate.manifests.policy import Remark
from lk_migrate.model import Action

LOCKED = "LK405"

_COMMANDS = {
    "poetry.lock": "poetry lock",
    "uv.lock": "uv lock",
    "Pipfile.lock": "pipenv lock",
    "pdm.lock": "pdm lock",
}
_PACKAGE = re.compile(r'^name\s*=\s*"(?P<name>livekit[\w-]*)"\s*\nversion\s*=\s*"(?P<version>[^"]+)"', re.M)


def judge_lock(path: str, text: str, *, manifest_changes: bool) -> tuple[Remark, ...]:
    """One remark when the lock holds an older livekit-agents, or a manifest beside it changes."""
    line, old = _old_agents(text)
    if not old and not (manifest_changes and "livekit" in text):
        return ()
    command = _COMMANDS[PurePosixPath(path).name]
    why = f"it holds livekit-agents {old}" if old else "what it was made from changes"
    return (Remark(LOCKED, Action.TODO, line, f"{why}: run `{command}`; it is not edited"),)


def _old_agents(text: str) -> tuple[int, str]:
    goal = target.goal_of(target.AGENTS)
    assert goal is not None
    for name, version, line in _locked(text):
        try:
            if name == target.AGENTS and is_below(f"=={version}", goal):
                return line, version
        except UnknownPin:
            continue
    return 1, ""


def _locked(text: str) -> list[tuple[str, str, int]]:
    if text.lstrip().startswith("{"):
        try:
            data = json.loads(text)
        except ValueError:
            return []
        found = []
        for section in ("default", "develop"):
            for name, entry in (data.get(section) or {}).items():
                version = entry.get("version", "") if isinstance(entry, dict) else ""
                at = text.find(f'"{name}"')
                found.append((name, version.removeprefix("=="), text.count("\n", 0, max(at, 0)) + 1))
        return found
    plain = text.replace("\r\n", "\n")
    return [(m["name"], m["version"], plain.count("\n", 0, m.start()) + 1) for m in _PACKAGE.finditer(plain)]

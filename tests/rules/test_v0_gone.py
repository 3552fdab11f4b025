"""The table of gone names is true of the installed livekit-agents: the old ones are missing, the new ones are there."""

from __future__ import annotations

import json
import subprocess
import sys

from lk_migrate.facts.v0_gone import GONE_MODULES, GONE_NAMES, LEFT_TO_A_PERSON, MOVED, NOW_OF_TYPE

CHILD = """
import importlib, json, sys
def exists(name):
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:size]))
        except ImportError:
            continue
        try:
            for part in parts[size:]:
                found = getattr(found, part)
        except AttributeError:
            return False
        return True
    return False
print(json.dumps([n for n in json.load(sys.stdin) if exists(n)]))
"""


def existing(names: list[str]) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD],
        input=json.dumps(names),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_what_is_said_to_be_gone_is_gone() -> None:
    assert existing([*GONE_MODULES, *GONE_NAMES, *LEFT_TO_A_PERSON, *MOVED, *NOW_OF_TYPE]) == set()


def test_what_moved_is_at_its_new_address() -> None:
    new = {*MOVED.values(), *NOW_OF_TYPE.values()}
    assert existing(sorted(new)) == new

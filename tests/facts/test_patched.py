"""Where names of the framework may be replaced by name: told by bytes, as surely as by parsing."""

from __future__ import annotations

import libcst as cst
import pytest

from lk_migrate.facts.patched import patched, where_patched
from lk_migrate.facts.project import Project

NAMES = frozenset({"livekit.agents.WorkerOptions", "livekit.rtc.chat"})
HOMES = {
    "desk/__init__.py": b"",
    "desk/main.py": b"from livekit import agents\nfrom livekit.agents import WorkerOptions as Options\n",
    "desk/again.py": b"from desk.main import Options\n",
    "desk/other.py": b"import json\nfrom livekit.agents import Agent\n",
}


def found(test: bytes) -> tuple[bool, bool]:
    """Whether a string of the file stands for one of the names, and whether its bytes say that one may."""
    project = Project({**HOMES, "tests/test_desk.py": test})
    module = project.module("tests/test_desk.py")
    assert module is not None
    strings = [patched(project, module, s) for s in module.index.of(cst.SimpleString)]
    told = where_patched(Project(project.files), NAMES)
    return any(s is not None and s.name in NAMES for s in strings), "tests/test_desk.py" in told


@pytest.mark.parametrize(
    "test",
    [
        b"patch('livekit.agents.WorkerOptions')",
        b"patch('desk.main.Options')",
        b"patch('desk.again.Options')",
        b"patch('desk.main.agents.WorkerOptions')",
        b"patch(target=r'desk.main.Options')",
        b"mock.patch(  # what it starts with\n    'desk.main.Options')",
        b"patch(('desk.main.Options'))",
        b"patch(\\\n    '''desk.main.Options''')",
        b"patch('desk\\x2emain.Options')",
        b"patch('desk.main.\\\nOptions')",
        b"sys.modules['livekit.rtc.chat'] = 1",
        b"patch.dict(sys.modules, {'a': 1, 'livekit.rtc.chat': 2})",
    ],
)
def test_what_is_replaced_is_told(test: bytes) -> None:
    assert found(test + b"\n") == (True, True)


@pytest.mark.parametrize(
    "test",
    [
        b"@router.patch('/calls/{id}')\ndef change(id): pass",
        b"patch('desk.other.json.loads')",
        b"patch('desk.other.Agent')",
        b"patch('somewhere.else.Options')",
        b"patch('desk')",
        b"setattr(self, name, 'a.b')",
    ],
)
def test_what_is_none_of_them_is_not_parsed_for_it(test: bytes) -> None:
    assert found(test + b"\n") == (False, False)

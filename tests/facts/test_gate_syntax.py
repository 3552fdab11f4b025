"""Python's parser is asked first, and never says no where LibCST's tree says yes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lk_migrate.facts import gate_candidates
from lk_migrate.facts.gate_candidates import candidates
from lk_migrate.facts.project import Project

FIXTURES = Path(__file__).parents[2] / "fixtures"


def _found(project: Project) -> list[tuple[str, str, int]]:
    return [(c.module.path, c.node.name.value, c.module.index.number(c.counter)) for c in candidates(project)]


@pytest.mark.parametrize("folder", ["legacy", "rules/LK101", "rules/LK103"])
def test_none_is_missed(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = sorted((FIXTURES / folder).rglob("*.py"))
    files = {path.relative_to(FIXTURES / folder).as_posix(): path.read_bytes() for path in paths}
    first = _found(Project(files))
    monkeypatch.setattr(gate_candidates, "may_hold_a_gate", lambda *asked: True)
    assert first == _found(Project(files))
    assert first


_GATE = "def gate(self):\n    if self.n:\n        return 1\n    self.n{}\n"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        (_GATE.format(" = self.turn_id"), True),
        (_GATE.format("[0] = getattr(self, 'turn_id')"), True),
        (_GATE.format(".append(utterance)"), True),
        (_GATE.format(".append(utterance)").replace("\n", "\r"), True),
        ("class A:\n    @counted(speech)\n    " + _GATE.format(" += 1").replace("\n", "\n    "), True),
        (_GATE.format(" = 2  # by turn_id"), False),
        (_GATE.format(" = 2") + "turn_id = 3\n", False),
        (_GATE.format("; turn_id = 1"), False),
        (_GATE.format(" = 2\n    'By turn_id.'"), True),
        (_GATE.format(" = 2\n    'By turn_id, which is what the framework calls it.'"), False),
        ("def gate(self):\n    self.n = self.turn_id\n", False),
        ("print 'turn_id'\n", True),
    ],
)
def test_a_file_without_any_is_not_parsed(text: str, parsed: bool) -> None:
    project = Project({"a.py": text.encode()})
    list(candidates(project))
    assert ("a.py" in project._parsed) is parsed

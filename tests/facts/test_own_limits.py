"""Whose limit a gate is: all tools', some tools', or one tool's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from lk_migrate.facts.gates import find_gates, unasked_beside
from lk_migrate.facts.project import Project

LEGACY = Path(__file__).parents[2] / "fixtures" / "legacy"


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        ("clinic", {"_turn_gate": [()] * 2}),
        ("mixins", {"_rate_limit": [("pool_temperature",)], "_one_call_per_turn": [("minibar_total",)]}),
    ],
)
def test_tools_that_ask_no_gate(app: str, expected: dict[str, list[tuple[str, ...]]]) -> None:
    """The session's limit is for them, too: the note on the gate names them."""
    files = {p.relative_to(LEGACY / app).as_posix(): p.read_bytes() for p in (LEGACY / app).rglob("*.py")}
    project = Project(files)
    gates = find_gates(project).all
    for name, free in expected.items():
        assert [unasked_beside(project, gate) for gate in gates if gate.name == name] == free


def test_a_dispatcher_asks_for_all() -> None:
    """No tool asks by itself, and none is free."""
    fixture = LEGACY.parent / "rules" / "LK101" / "asked_by_the_dispatcher.before.py"
    project = Project({"main.py": fixture.read_bytes()})
    (gate,) = find_gates(project).all
    assert unasked_beside(project, gate) == ()

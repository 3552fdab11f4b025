"""Which classes with a gate are run by any code of the project."""

from __future__ import annotations

import pytest

from lk_migrate.facts.gate_sessions import gated_and_used
from lk_migrate.facts.project import Project

DESK = b"""
from livekit.agents import Agent, function_tool


class Desk(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="")
        self._last = None
        self._calls = 0

    def _gate(self, ctx):
        if ctx.speech_handle.id != self._last:
            self._last, self._calls = ctx.speech_handle.id, 0
        self._calls += 1
        return "One thing at a time." if self._calls > 1 else None

    @function_tool
    async def note(self, ctx, text: str) -> str:
        gate = self._gate(ctx)
        if gate:
            return gate
        return text
"""


@pytest.mark.parametrize(
    ("main", "is_used"),
    [
        ("from desk import Desk\n\nagent = Desk()\n", True),
        ("import desk\n\nagent = desk.Desk()\n", True),
        ("import desk\n\n\ndef index(client):\n    return client.desks.Desk('front')\n", False),
    ],
)
def test_an_attribute_of_that_name_of_something_else_is_no_use(main: str, is_used: bool) -> None:
    used = Project({"desk.py": DESK, "main.py": main.encode()}).fact(gated_and_used)
    assert bool(used) is is_used

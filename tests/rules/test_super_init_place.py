"""Where the base's `__init__` is called, when other rules take statements of the constructor away."""

from __future__ import annotations

from lk_migrate.plan import ConvertOptions, make_plan

CODE = b'''
from pathlib import Path

from livekit.agents import RunContext


class Dispatcher:
    def __init__(self, fleet):
        self.prompt = Path("dispatcher.md").read_text()
        self.fleet = fleet
        self._turn = None
        self._used = 0

    def _gate(self, ctx):
        turn = getattr(ctx, "speech_id", None)
        if turn != self._turn:
            self._turn = turn
            self._used = 0
        self._used += 1
        if self._used > 1:
            return "One thing at a time."
        return None

    async def book(self, ctx: RunContext, street: str):
        """Book a ride."""
        refused = self._gate(ctx)
        if refused:
            return refused
        return self.fleet.book(street)
'''


def test_it_comes_after_its_prompt_though_the_gates_state_is_gone() -> None:
    [change] = make_plan({"dispatcher.py": CODE}, ConvertOptions()).changes
    assert change.after is not None and b"_used" not in change.after
    prompt, call = (change.after.index(text) for text in (b"self.prompt =", b"super().__init__("))
    assert prompt < call < change.after.index(b"self.fleet = fleet")

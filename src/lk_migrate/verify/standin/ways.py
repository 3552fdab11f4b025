"""Which tools led from one agent to another, and so the way back to tools that are left elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

#: What an agent offers: where a conversation is, as its model sees it.
Offer = frozenset[str]

_AGAIN = 3  # times in one conversation that a tool which once led elsewhere is called again


@dataclass
class Ways:
    """A tool, called where this is offered → what was offered next."""

    leads: dict[tuple[str, Offer], Offer] = field(default_factory=dict)
    _taken: Counter[tuple[str, Offer]] = field(default_factory=Counter)

    def begin(self) -> None:
        """A new conversation: every way may be taken anew."""
        self._taken.clear()

    def take(self, here: Offer, tools: Sequence[str], is_wanted: Callable[[Offer], bool]) -> str | None:
        """The first step of the shortest way to an offer that is wanted; where none is known, any way on (the first of
        `tools`, which are those of `here`). None when there is none, or all were taken often enough."""
        step = self._towards(here, is_wanted) or next((tool for tool in tools if self._is_open(tool, here)), None)
        if step is not None:
            self._taken[step, here] += 1
        return step

    def _towards(self, here: Offer, is_wanted: Callable[[Offer], bool]) -> str | None:
        seen, first = {here}, [("", here)]  # (first step of the way to it, offer), nearest first
        for step, at in first:
            for (tool, origin), there in self.leads.items():
                if origin == at and there not in seen and self._is_open(tool, at):
                    if is_wanted(there):
                        return step or tool
                    seen.add(there)
                    first.append((step or tool, there))
        return None

    def _is_open(self, tool: str, here: Offer) -> bool:
        return (tool, here) in self.leads and self._taken[tool, here] < _AGAIN

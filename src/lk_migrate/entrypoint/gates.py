"""The turn gates' N as the framework's limit: `max_tool_steps` runs one round more than its value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lk_migrate.facts.module import Module

if TYPE_CHECKING:
    from lk_migrate.entrypoint.split import SplitEntrypoint

#: What `AgentSession` does without the argument in livekit-agents 1.8.9.
DEFAULT_STEPS = 3


@dataclass(frozen=True)
class AgentForMain:
    """An assistant class: its name, its file, and how many calls per utterance its gate let through (None: no gate)."""

    name: str
    path: str
    gate: int | None


@dataclass(frozen=True)
class Steps:
    """`argument`: the value for `max_tool_steps`, "" for the framework's default; `constant`: what it needs above."""

    argument: str = ""
    constant: str = ""


def tool_steps(agents: Sequence[AgentForMain], module: Module, split: SplitEntrypoint | None) -> Steps:
    """The limit for the agents that `module` names: one number, or a table by the agent's type."""
    known = {i.local for i in module.imports} | set(module.definitions)
    used = [a for a in agents if a.name in known]
    gates = {a.name: a.gate for a in used}
    if split is None or any(a.startswith("max_tool_steps=") for a in split.construct.arguments):
        return Steps()
    if not any(g is not None for g in gates.values()):
        return Steps()
    if len(set(gates.values())) == 1:
        return Steps(str(max(0, (used[0].gate or 1) - 1)))
    agent = next((a.removeprefix("agent=") for a in split.start.arguments if a.startswith("agent=")), None)
    if agent is None or not split.agent_is_ready:
        return Steps(str(max(g for g in gates.values() if g is not None) - 1))
    rows = ", ".join(f"{name}: {gate - 1}" for name, gate in gates.items() if gate is not None)
    text = (
        "# Rounds of tool calls per utterance, as the turn gates had it; the framework runs one more than it is told.\n"
        f"MAX_TOOL_STEPS = {{{rows}}}"
    )
    return Steps(f"MAX_TOOL_STEPS.get(type({agent}), {DEFAULT_STEPS})", text)

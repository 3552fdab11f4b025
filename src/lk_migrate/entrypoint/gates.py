"""The turn gates' N as the framework's limit: `max_tool_steps` runs one round more than its value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lk_migrate.facts.gate_sessions import says_limit
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project

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
    """`argument`: the value for `max_tool_steps` when the session is made, "" for the framework's default; `late`: its
    value just before the session starts, when it is not known earlier; `constant`: what either needs above."""

    argument: str = ""
    late: str = ""
    constant: str = ""


def tool_steps(
    project: Project, module: Module, agents: Sequence[AgentForMain], split: SplitEntrypoint | None
) -> Steps:
    """The limit for the agents that may run: one number, or a table by the agent's type.

    These are the ones that `module` names; all of them when it names none, because it gets them from a table or a
    function of another module. A limit that the session gets in a way that is not seen here, and that is lower, stays.
    """
    if split is None or _is_set_later(module):
        return Steps()
    given = next((a.partition("=")[2] for a in split.construct.arguments if a.startswith("max_tool_steps=")), "")
    known = {i.local for i in module.imports} | set(module.definitions)
    named = [a for a in agents if a.name in known]
    agent = next((a.removeprefix("agent=") for a in split.start.arguments if a.startswith("agent=")), None)
    value, constant = limit_of(named or agents, agent, by_class=bool(named))
    if not value or (given.isdigit() and not (value.isdigit() and int(given) > int(value))):
        return Steps()
    if not given.isdigit() and (given or _may_get_another(project, split)):
        return Steps("", f"min({split.session}.options.max_tool_steps, {value})", constant)
    early = value.isdigit() or split.agent_is_ready
    return Steps(value, "", constant) if early and split.construct.is_session else Steps("", value, constant)


def _is_set_later(module: Module) -> bool:
    """`session.options.max_tool_steps = …`"""
    return any(
        isinstance(t.target, cst.Attribute) and t.target.attr.value == "max_tool_steps"
        for t in module.index.of(cst.AssignTarget)
    )


def _may_get_another(project: Project, split: SplitEntrypoint) -> bool:
    """Whether a `**`, or whatever makes the session, may bring a limit: it does so nowhere that never says the word."""
    unseen = not split.construct.is_session or any(a.startswith("*") for a in split.construct.arguments)
    return unseen and says_limit(project)


def limit_of(agents: Sequence[AgentForMain], agent: str | None, *, by_class: bool) -> tuple[str, str]:
    """The value for `max_tool_steps`, and the table that it is looked up in if it needs one; "" without a gate.

    `agent`: the code of the agent that is started, None if it cannot be told: then the most patient gate wins.
    `by_class`: the module may name the classes; otherwise the table has their names.
    """
    gates = {a.name: a.gate for a in agents}
    steps = {name: max(0, gate - 1) for name, gate in gates.items() if gate is not None}
    if not steps:
        return "", ""
    if len(set(gates.values())) == 1 or agent is None:
        return str(max(steps.values())), ""
    rows = ", ".join(f"{name if by_class else repr(name)}: {limit}".replace("'", '"') for name, limit in steps.items())
    constant = (
        "# Rounds of tool calls per utterance, as the turn gates had it; the framework runs one more than it is told.\n"
        f"MAX_TOOL_STEPS = {{{rows}}}"
    )
    kind = f"type({agent})" if by_class else f"type({agent}).__name__"
    return f"MAX_TOOL_STEPS.get({kind}, {DEFAULT_STEPS})", constant

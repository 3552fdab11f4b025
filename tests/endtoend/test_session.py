"""The session that a converted main.py makes: today's API, and exactly as many tool calls as the turn gates allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from endtoend_support import Converted, answers

HOLD = Path(__file__).parent / "hold_session.py"
SECRETS = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")

#: app → (the agent that runs, what chooses it, N of its turn gate in the legacy app)
JOBS: dict[str, list[tuple[str, dict[str, Any], int]]] = {
    "clinic": [("Assistant", {}, 1), ("RAGAssistant", {"metadata": {"knowledge_base_id": "kb-default"}}, 5)],
    "switchboard": [
        ("SwitchboardAssistant", {"environment": {"SWITCHBOARD_FORCE": "open"}}, 3),
        ("AfterHoursAssistant", {"environment": {"SWITCHBOARD_FORCE": "closed"}}, 1),
    ],
    "mixins": [
        ("HotelConcierge", {"metadata": {"desk": "hotel"}}, 1),
        ("RestaurantHost", {"metadata": {"desk": "restaurant"}}, 2),
        ("SpaDesk", {"metadata": {"desk": "spa"}}, 3),
        ("HousekeepingDesk", {"metadata": {"desk": "housekeeping"}}, 2),
    ],
}
AGENTS = [(app, agent) for app, jobs in JOBS.items() for agent, _, _ in jobs]


@pytest.fixture(scope="session")
def sessions(converted: Converted) -> Any:
    """app → agent → what its session did."""
    done: dict[str, dict[str, Any]] = {}

    def held_in(app: str) -> dict[str, Any]:
        if app not in done:
            jobs = [choice for _, choice, _ in JOBS[app]]
            held = answers([str(HOLD)], converted(app).folder, jobs, **dict.fromkeys(SECRETS, "none"))
            done[app] = {agent: one for (agent, _, _), one in zip(JOBS[app], held, strict=True)}
        return done[app]

    return held_in


@pytest.mark.parametrize(("app", "agent"), AGENTS)
def test_the_right_agent_runs_in_one_session(app: str, agent: str, sessions: Any) -> None:
    held = sessions(app)[agent]
    assert held["agent"] == agent
    assert held["sessions"] == 1


@pytest.mark.parametrize(("app", "agent"), AGENTS)
def test_a_greedy_model_gets_as_many_calls_as_the_gate_allowed(app: str, agent: str, sessions: Any) -> None:
    """The model asks for a tool as long as it is offered any; the gate let N calls through per utterance."""
    limit = next(limit for name, _, limit in JOBS[app] if name == agent)
    held = sessions(app)[agent]
    assert (held["rounds"], held["calls"]) == (limit, limit)
    assert held["parallel"] is False, "several calls at once would be one round"


@pytest.mark.parametrize(("app", "agent"), AGENTS)
def test_nothing_deprecated_is_used(app: str, agent: str, sessions: Any) -> None:
    """At import, when the session is made, when it starts and when it talks."""
    assert sessions(app)[agent]["deprecated"] == []

"""The clinic fixture works before conversion: otherwise "it works after" would mean nothing.

Everything runs in child processes, so that the fixture's top-level names (`main`, `services`)
and its `sys.path` trick cannot leak into other tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CLINIC = Path(__file__).resolve().parent.parent / "fixtures" / "legacy" / "clinic"

# A Monday morning; Tuesday 09:00 and 10:30 are never free at this clinic.
NOW = "2025-03-10T09:00"

BOOKING: list[tuple[str, dict[str, Any]]] = [
    ("confirm_wants_to_book_yes", {}),
    ("set_notes", {"notes": "a cleaning"}),
    ("list_slots_on_day", {"day": "tomorrow", "max_options": 4}),
    ("choose_slot", {"option": "option 2"}),
    ("provide_name", {"name": "Lucía Núñez"}),
    ("provide_phone", {"phone": "+34 600 111 222"}),
    ("provide_email", {"email": "lucia at example dot com"}),
    ("confirm_details", {}),
    ("confirm_details_yes", {}),
    ("finalize_booking", {}),
]

BOOKED = {
    "wants_booking": True,
    "notes": "a cleaning",
    "slot": "2025-03-11T10:00",
    "name": "Lucía Núñez",
    "email": "lucia@example.com",
    "phone": "+34600111222",
    "confirmed": True,
    "reference": "CS-5E3A77",
}

# Imports the clinic once, then answers each line of stdin, a conversation: {"agent": …, "env": {…},
# "calls": [[utterance, tool, arguments], …]}. An utterance of null means a context without a speech_id,
# which is what today's RunContext looks like.
CHILD = """
import asyncio, json, os, sys
from types import SimpleNamespace

from services import Assistant, RAGAssistant
from services.calendar_service import CalendarService


async def converse(job):
    os.environ.update(job["env"])
    calendar = CalendarService.from_env()
    if job["agent"] == "Assistant":
        agent = Assistant(instructions="Be kind.", calendar=calendar)
    else:
        agent = RAGAssistant("Be kind.", "kb-default", "demo", calendar=calendar, call_id="call_1")
    results = []
    for utterance, tool, arguments in job["calls"]:
        ctx = SimpleNamespace() if utterance is None else SimpleNamespace(speech_id=utterance)
        try:
            results.append(await getattr(agent, tool)(ctx, **arguments))
        except Exception as error:
            results.append(type(error).__name__ + ": " + str(error))
    for name in job["env"]:
        del os.environ[name]
    state = {"results": results, "booking": agent.booking_state()}
    if job["agent"] == "RAGAssistant":
        state["payload"] = agent.webhook_payload()
    return state


for line in sys.stdin:
    print(json.dumps(asyncio.run(converse(json.loads(line)))), flush=True)
"""

Calls = list[tuple[str | None, str, dict[str, Any]]]
Talk = Callable[..., dict[str, Any]]


def start_in_clinic(code: str) -> subprocess.Popen[str]:
    """Start Python code with the fixture as its current directory, without keys and without litter."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LIVEKIT_", "OPENAI_", "CLINIC_"))}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=CLINIC,
        env={**clean, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "CLINIC_NOW": NOW},
    )


@pytest.fixture(scope="module")
def talk() -> Iterator[Talk]:
    """Have a conversation with a fresh assistant; gives its results and what it remembers."""
    child = start_in_clinic(CHILD)
    assert child.stdin and child.stdout and child.stderr
    stdin, stdout, stderr = child.stdin, child.stdout, child.stderr

    def converse(agent: str, calls: Calls, **env: str) -> dict[str, Any]:
        stdin.write(json.dumps({"agent": agent, "calls": calls, "env": env}) + "\n")
        stdin.flush()
        answer = stdout.readline()
        assert answer, stderr.read()
        return json.loads(answer)

    yield converse
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 0, errors


def one_call_per_utterance(
    calls: list[tuple[str, dict[str, Any]]],
) -> Calls:
    return [(f"speech_{number}", tool, arguments) for number, (tool, arguments) in enumerate(calls)]


@pytest.mark.parametrize("agent", ["Assistant", "RAGAssistant"])
def test_a_booking_goes_from_consent_to_reference(talk: Talk, agent: str) -> None:
    outcome = talk(agent, one_call_per_utterance(BOOKING))

    assert outcome["booking"] == BOOKED
    assert "09:30" in outcome["results"][2] and "10:30" not in outcome["results"][2]
    assert "CS-5E3A77" in outcome["results"][-1]


@pytest.mark.parametrize("agent", ["Assistant", "RAGAssistant"])
def test_steps_cannot_be_skipped(talk: Talk, agent: str) -> None:
    outcome = talk(agent, one_call_per_utterance([BOOKING[2], BOOKING[3], BOOKING[8], BOOKING[9]]))

    assert outcome["booking"]["reference"] is None
    assert not outcome["booking"]["confirmed"]


@pytest.mark.parametrize(("agent", "allowed"), [("Assistant", 1), ("RAGAssistant", 5)])
@pytest.mark.parametrize("utterance", ["speech_1", ""])
def test_the_gate_refuses_the_call_after_its_limit(talk: Talk, agent: str, allowed: int, utterance: str) -> None:
    calls: Calls = [(utterance or None, "confirm_details_no", {})] * (allowed + 1)
    results = talk(agent, calls)["results"]

    assert len(set(results[:allowed])) == 1
    assert results[-1] != results[0]
    assert "at a time" in results[-1] or "at once" in results[-1]


def test_a_new_utterance_opens_the_gate_again(talk: Talk) -> None:
    results = talk("Assistant", [(utterance, "confirm_details_no", {}) for utterance in "aab"])["results"]

    assert results[0] == results[2] != results[1]


def test_without_speech_ids_the_gate_blocks_the_whole_call(talk: Talk) -> None:
    """The bug that today's RunContext uncovers: nothing after the first tool works any more."""
    outcome = talk("Assistant", [(None, tool, arguments) for tool, arguments in BOOKING])

    assert outcome["booking"]["wants_booking"] is True
    assert outcome["booking"]["slot"] is None
    assert len(set(outcome["results"][1:])) == 1


def test_nested_tools_share_the_gate(talk: Talk) -> None:
    """One tool calls another: five calls per utterance leave room for that, one call does not."""
    late_notes = [*BOOKING[:1], *BOOKING[2:7], BOOKING[1]]
    assert "at a time" in talk("Assistant", one_call_per_utterance(late_notes))["results"][-1]
    assert "Lucía Núñez" in talk("RAGAssistant", one_call_per_utterance(BOOKING[:7]))["results"][-1]


def test_the_forgotten_ctx_is_on_a_path_rarely_taken(talk: Talk) -> None:
    # details complete, but confirmed "no" without naming a field, then finalised
    calls = one_call_per_utterance([*BOOKING[:8], ("confirm_details_no", {}), ("finalize_booking", {})])
    result = talk("RAGAssistant", calls)["results"][-1]

    assert result.startswith("TypeError") and "'ctx'" in result


def test_everything_at_once(talk: Talk) -> None:
    details = {
        "name": "Lucía Núñez",
        "phone": "+34 600 111 222",
        "email": "lucia@example.com",
        "day": "2025-03-11",
        "notes": "a cleaning",
    }
    steps: list[tuple[str, dict[str, Any]]] = [("confirm_details_yes", {}), ("finalize_booking", {})]
    for agent, clock in (("Assistant", "time"), ("RAGAssistant", "time_of_day")):
        calls = [("schedule_appointment", {**details, clock: "10:00"}), *steps]
        assert talk(agent, one_call_per_utterance(calls))["booking"] == BOOKED


def test_a_calendar_that_is_down_is_not_a_crash(talk: Talk) -> None:
    for agent in ("Assistant", "RAGAssistant"):
        results = talk(agent, one_call_per_utterance(BOOKING[:3]), CALENDAR_DOWN="1")["results"]
        assert "calendar" in results[-1]


def test_questions_are_answered_from_the_knowledge_base(talk: Talk) -> None:
    outcome = talk(
        "RAGAssistant",
        [
            ("s1", "query_knowledge_base", {"query": "Where can I park my car?", "max_results": 1}),
            ("s1", "get_detailed_info", {"topic": "location and parking"}),
            ("s2", "query_knowledge_base", {"query": "quantum chromodynamics"}),
            ("s3", "collect_webhook_data", {"field_name": "Insurance", "value": "Sanitas"}),
            ("s4", "check_webhook_data", {}),
        ],
    )

    parking, details, nothing, _, stored = outcome["results"]
    assert parking.startswith("[location and parking] We are at Calle Mayor 14")
    assert "first hour of parking is free" in details
    assert nothing.startswith("Nothing found")
    assert json.loads(stored) == {"insurer": "Sanitas"}
    assert outcome["payload"]["knowledge"]["unanswered"] == ["quantum chromodynamics"]
    assert outcome["payload"]["data"] == {"insurer": "Sanitas"}


def test_main_imports_and_wraps_both_assistants() -> None:
    pytest.importorskip("dotenv", reason="the clinic needs python-dotenv, as its requirements.txt says")
    child = start_in_clinic(
        "import json, main\n"
        "rag = main.RAGAssistant('x', 'kb-default', 'demo')\n"
        "print(json.dumps({\n"
        "    'basic': [t.info.name for t in main.build_livekit_agent(main.Assistant('x')).tools],\n"
        "    'rag': [t.info.name for t in main.build_livekit_agent(rag).tools],\n"
        "    'slots': main.tool_schema('list_slots_on_day', rag.list_slots_on_day),\n"
        "}))\n"
    )
    output, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    report = json.loads(output)

    assert len(report["basic"]) == 13
    assert len(report["rag"]) == 20
    assert {"finalize_booking", "set_notes"} <= set(report["basic"])
    assert {"query_knowledge_base", "collect_webhook_data"} <= set(report["rag"])
    assert "load_company_profile" not in report["rag"]
    assert report["slots"]["parameters"]["properties"]["max_options"] == {"type": "integer"}


def test_its_shape_is_the_shape_of_the_real_thing() -> None:
    assert len((CLINIC / "main.py").read_bytes().splitlines()) >= 1500
    rag = (CLINIC / "services" / "rag_assistant.py").read_bytes()
    assert rag.count(b"\r\n") == rag.count(b"\n") > 0
    assert not (CLINIC / "services" / "assistant.py").read_bytes().endswith(b"\n")

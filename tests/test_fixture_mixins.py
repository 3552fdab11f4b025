"""The legacy concierge works before anybody converts it: every desk, tool and gate."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

APP = Path(__file__).parent.parent / "fixtures" / "legacy" / "mixins"

PROBE = r"""
import asyncio, json, os, tempfile, types
import main
from agents import DESKS
from agents.base import BaseDesk
from livekit.agents import Agent, AgentSession
from livekit.agents.llm import ToolContext
from store import Deps

def ctx(turn):
    # What the gates look at: two read speech_id, one the handle of today's RunContext.
    return types.SimpleNamespace(speech_id=turn, speech_handle=types.SimpleNamespace(id=turn))

CALLS = {
    "hotel": {
        "set_room": {"room": " 12b "},
        "set_notes": {"notes": "extra kudde"},
        "read_notes": {},
        "order_taxi": {"destination": "Brännö"},
        "suggest_walk": {"kind": "museum"},
        "wake_up_call": {"time": "06:30"},
        "wakeup_call": {"time": "07:00", "room": "3"},
        "minibar_total": {"items": ["öl", "water"]},
    },
    "housekeeping": {
        "bring_towels": {"room": "12B"},
        "clean_room": {"room": "12B", "when": "later"},
        "lost_property": {"what": "Paraply"},
        "status": {},
    },
    "restaurant": {
        "check_table": {"at": "19:30"},
        "book_table": {"name": "Åsa", "at": "19:30"},
        "menu": {"course": "dessert"},
        "allergens": {"dish": "brûlée"},
    },
    "spa": {
        "free_times": {"day": "friday", "max_options": 2},
        "book_treatment": {"treatment": "massage", "day": "friday", "at": "10:00", "name": "Åsa"},
        "sauna": {},
        "pool_temperature": {},
    },
}

async def finish(result):
    return await result if hasattr(result, "__await__") else result

def callers(desk):
    if isinstance(desk, Agent):
        return {t.info.name: t for t in desk.tools}
    return {name: (lambda c, _n=name, **a: desk.call_tool(_n, c, **a)) for name in desk.tools}

async def probe():
    out = {"answers": {}, "names": {}, "limits": {}, "is_agent": {}, "greetings": {}}
    for kind, calls in CALLS.items():
        desk = DESKS[kind](Deps())
        tools = callers(desk)
        out["names"][kind] = sorted(tools)
        out["is_agent"][kind] = isinstance(desk, Agent)
        out["greetings"][kind] = desk.greeting
        out["answers"][kind] = {}
        for turn, (name, args) in enumerate(calls.items()):
            out["answers"][kind][name] = await finish(tools[name](ctx(str(turn)), **args))

    async def repeat(kind, name, **args):
        tools = callers(DESKS[kind](Deps()))
        return [await finish(tools[name](ctx("same"), **args)) for _ in range(4)]
    out["limits"]["hotel"] = await repeat("hotel", "suggest_walk")
    out["limits"]["restaurant"] = await repeat("restaurant", "menu")
    out["limits"]["spa"] = await repeat("spa", "sauna")
    out["limits"]["housekeeping"] = await repeat("housekeeping", "status")

    hotel = DESKS["hotel"](Deps())
    said = []
    hotel.session = types.SimpleNamespace(say=said.append)
    for _ in range(3):
        await hotel.call_tool("order_taxi", ctx("x"), destination="Haga")
    out["audited"] = {
        "refusals": hotel.refusals, "audit": len(hotel.audit), "said": said, "taxis": len(hotel.taxis)
    }

    shared = {"store": Deps().store, "hotel": "x", "booked": []}
    factory = {t.info.name: t for t in main.all_tools(shared)}
    out["factory"] = [
        await factory["book_activity"](ctx("1"), activity="kayak", day="monday"),
        await factory["weather"](ctx("1")),
        await factory["cancel_last_booking"](ctx("1")),
        await factory["cancel_last_booking"](ctx("1")),
    ]

    # What main.py does with a desk: a LiveKit Agent whose schemas build, and a session from its kwargs.
    out["wrapped"] = {}
    for kind in DESKS:
        desk = DESKS[kind](Deps())
        agent = main.as_agent(desk)
        schemas = ToolContext(agent.tools).parse_function_tools("openai")
        out["wrapped"][kind] = sorted(s["function"]["name"] for s in schemas)
    run = next(t for t in main.livekit_tools(hotel) if t.info.name == "set_room")
    out["through_main"] = await run(raw_arguments={"room": "7"}, context=ctx("y"))

    with tempfile.TemporaryDirectory() as folder:
        path = main.Path(folder) / "r.jsonl"
        main.write_report({"at": "20:00", "summary": "Öl till 7"}, path)
        out["report"] = main.read_report(path)
    metadata = ("", "spa", '{"desk": "restaurant"}', "zoo")
    out["metadata"] = [main.pick_desk(main.parse_metadata(m)) for m in metadata]

    # The entrypoint itself, with a job and a session that only take notes.
    class Notes(AgentSession):
        def __init__(self, **kwargs):
            self.kwargs, self.done = kwargs, []
            super().__init__(**kwargs)
        async def start(self, **kwargs):
            self.done.append("start")
            self.agent = kwargs["agent"]
            type(self.agent).session = self  # the framework's own property needs a running room
        def say(self, text, **kwargs):
            self.done.append(text)
        async def generate_reply(self, **kwargs):
            self.done.append(kwargs["instructions"])
    made, callbacks = [], []
    main.AgentSession = lambda **kwargs: made.append(Notes(**kwargs)) or made[-1]
    main.quiet_hours = lambda now=None: False
    async def nothing(**kwargs):
        return types.SimpleNamespace(identity="guest")
    os.environ["OPENAI_API_KEY"] = "not-a-key"
    userdata = {}
    main.prewarm(types.SimpleNamespace(userdata=userdata))
    job = types.SimpleNamespace(
        job=types.SimpleNamespace(metadata='{"desk": "hotel", "room": "12"}'),
        room=types.SimpleNamespace(name="r"),
        proc=types.SimpleNamespace(userdata=userdata), connect=nothing, wait_for_participant=nothing,
        add_shutdown_callback=callbacks.append, shutdown=lambda **kwargs: None)
    await main.entrypoint(job)
    kwargs = made[0].kwargs
    out["entrypoint"] = {
        "done": made[0].done, "callbacks": len(callbacks),
        "tools": [t.info.name for t in kwargs["tools"]],
        "options": {k: v for k, v in kwargs.items() if isinstance(v, (int, float, str))},
        "models": [kwargs[k].model for k in ("stt", "llm", "tts")],
    }
    print(json.dumps(out))

asyncio.run(probe())
"""


@pytest.fixture(scope="module")
def probed() -> dict:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "LIVEKIT_", "CONCIERGE_"))}
    environment |= {"PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    child = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=APP,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout)


@pytest.mark.parametrize(
    ("desk", "tool", "answer"),
    [
        ("hotel", "set_room", "Room 12B."),
        ("hotel", "set_notes", "Noted."),
        ("hotel", "read_notes", "extra kudde"),
        ("hotel", "order_taxi", "Taxi TX1 to Brännö in 10 minutes."),
        ("hotel", "suggest_walk", "the sea museum, closed on mondays"),
        ("hotel", "wake_up_call", "Wake-up call 1 at 06:30."),
        ("hotel", "wakeup_call", "Wake-up call 2 at 07:00."),
        ("hotel", "minibar_total", "90 kronor"),
        ("housekeeping", "bring_towels", "2 towels are on the way to 12B."),
        ("housekeeping", "clean_room", "Request 1: cleaning 12B later."),
        ("housekeeping", "lost_property", "We have a Paraply."),
        ("housekeeping", "status", "12B: towels"),
        ("restaurant", "check_table", "8 tables at 19:30."),
        ("restaurant", "book_table", "Table 1 for 2 at 19:30, Åsa."),
        ("restaurant", "menu", "Crème brûlée, Blåbärspaj"),
        ("restaurant", "allergens", "Crème brûlée: milk, egg"),
        ("spa", "free_times", "friday: 10:00, 11:00"),
        ("spa", "book_treatment", "Booked massage on friday 10:00, number 1."),
        ("spa", "sauna", "Bastun är varm om tjugo minuter."),
        ("spa", "pool_temperature", "29 °C"),
    ],
)
def test_tool_answers(probed: dict, desk: str, tool: str, answer: str) -> None:
    assert probed["answers"][desk][tool] == answer


def test_every_tool_is_called(probed: dict) -> None:
    for desk, names in probed["names"].items():
        assert sorted(probed["answers"][desk]) == names


@pytest.mark.parametrize(
    ("desk", "calls_per_turn", "refusal"),
    [
        ("hotel", 1, "One thing at a time"),
        ("restaurant", 2, "Enough tools for this turn"),
        ("spa", 3, "That was plenty"),
        ("housekeeping", 2, "No more tools now, status"),
    ],
)
def test_gate_lets_n_calls_through(probed: dict, desk: str, calls_per_turn: int, refusal: str) -> None:
    refused = [answer.startswith(refusal) for answer in probed["limits"][desk]]
    assert refused == [False] * calls_per_turn + [True] * (4 - calls_per_turn)


def test_gate_whose_result_is_counted(probed: dict) -> None:
    """The taxi's gate feeds statistics: stripping it would lose them."""
    assert probed["audited"] == {
        "refusals": 2,
        "audit": 3,
        "said": ["One moment, I am calling the taxi."],
        "taxis": 1,
    }


def test_factory_closures_share_their_dict(probed: dict) -> None:
    assert probed["factory"] == [
        "kayak for 1 on monday, number 1.",
        "today: sol, 19 °C",
        "Cancelled number 1 (kayak).",
        "There is nothing to cancel.",
    ]


def test_main_wraps_every_desk(probed: dict) -> None:
    assert probed["is_agent"] == {"hotel": False, "housekeeping": False, "restaurant": True, "spa": True}
    assert probed["wrapped"] == probed["names"]
    assert probed["through_main"] == "Room 7."


def test_entrypoint_starts_a_session_with_deprecated_options(probed: dict) -> None:
    run = probed["entrypoint"]
    assert run["done"] == [
        "start",
        "Hotel Björken, välkommen! What can I do for you?",
        "The guest calls from room 12. Greet them and remember the room.",
    ]
    assert run["callbacks"] == 1
    assert run["tools"] == ["book_activity", "cancel_last_booking", "weather", "local_time", "hang_up"]
    assert run["models"] == ["gpt-4o-mini-transcribe", "gpt-4o-mini", "gpt-4o-mini-tts"]
    assert run["options"] == {
        "allow_interruptions": True,
        "min_interruption_duration": 0.6,
        "min_endpointing_delay": 0.6,
        "max_endpointing_delay": 4.0,
        "turn_detection": "vad",
    }


def test_helpers_of_main(probed: dict) -> None:
    assert probed["report"] == [{"at": "20:00", "summary": "Öl till 7"}]
    assert probed["metadata"] == ["hotel", "spa", "restaurant", "hotel"]


def test_odd_bytes_survive_in_the_repository() -> None:
    """These files are the point of byte-for-byte promises; an editor or git must not have tidied them."""
    agents = APP / "agents"
    spa = (agents / "spa.py").read_bytes()
    assert spa.count(b"\r\n") == spa.count(b"\n") > 50
    assert (agents / "housekeeping.py").read_bytes().startswith(b"\xef\xbb\xbf")
    assert not (agents / "bookings.py").read_bytes().endswith(b"\n")
    restaurant = (agents / "restaurant.py").read_bytes()
    assert b"N\xe4cken" in restaurant
    with pytest.raises(UnicodeDecodeError):
        restaurant.decode("utf-8")

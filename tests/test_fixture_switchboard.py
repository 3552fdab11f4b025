"""The legacy switchboard works before anybody converts it: every tool answers, a whole turn runs offline."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

APP = Path(__file__).parent.parent / "fixtures" / "legacy" / "switchboard"

# Runs inside a child process with the app as its working folder, so that nothing of it leaks into ours.
PROBE = r"""
import asyncio, json, sys, types
import main
from assistants import AfterHoursAssistant, SwitchboardAssistant
from assistants.after_hours_schemas import AFTER_HOURS_TOOLS
from assistants.switchboard import TOOLS
from core.base_assistant import BaseAssistant

db = sys.argv[1]
main.init_db(db)
DAY_CALLS = {
    "lookup_extension": {"query": "the Mölndal depot"},
    "transfer_call": {"extension": "510"},
    "transfer_to_department": {"department": "sales", "announce": True},
    "get_opening_hours": {"day": "thursday"},
    "leave_voicemail": {"mailbox": "210", "message": "Ring mig", "callback_number": "0046 31-700 00 00"},
    "page_staff": {"desks": ["Payroll", "Claims"], "message": "front desk"},
    "schedule_callback": {"number": "+46317000000", "topics": ["invoice"]},
    "set_caller_details": {"name": "Åkeriet Älv", "company": ""},
    "report_problem": {"category": "delivery", "details": {"text": "late"}},
    "parking_status": {},
    "hold": {"on": True},
    "send_fax": {"number": "1", "document": "x"},
    "file_problem": {"category": "invoice", "details": {"text": "twice"}, "severity": 2},
    "debug_dump": {},
}
NIGHT_CALLS = {
    "check_on_call": {"region": "mölndal"},
    "report_outage": {"site": "Skövde", "description": "no power"},
    "ticket_status": {"ticket_id": "t-1001"},
    "leave_message": {"mailbox": "300", "message": "hello", "tags": ["a", "b"]},
    "estimate_wait": {"region": "north", "factor": 2.0},
    "handle_tool_call": {"name": "messages", "args": {}},
}

def day():
    return SwitchboardAssistant("Hello", main.Directory(db), main.VoicemailStore(db), main.OPENING_HOURS, db)

async def phone_call(client):
    # main.run_call from the greeting to hanging up, with a room and a microphone that are only lists.
    ns, seen = types.SimpleNamespace, {"played": 0, "published": [], "events": []}
    rooms = []
    class Room:
        def __init__(self):
            self.handlers, self.remote_participants = {}, {"guest": ns(identity="guest", attributes={})}
            self.local_participant = ns(
                identity="desk", publish_track=self.publish, publish_data=self.publish)
            rooms.append(self)
        def on(self, event):
            return lambda fn: self.handlers.setdefault(event, fn)
        async def publish(self, *args, **kwargs):
            seen["published"].append(kwargs.get("topic", "track"))
        async def connect(self, url, token):
            seen["token"] = token.count(".")
        async def disconnect(self):
            seen["events"].append("disconnected")
    class Source:
        def __init__(self, rate, channels): pass
        async def capture_frame(self, frame): seen["played"] += 1
        async def wait_for_playout(self): pass
        async def aclose(self): pass
        def clear_queue(self): pass
    class Stream:
        def __init__(self, track, sample_rate, num_channels): pass
        async def __aiter__(self):
            for pcm in [b"\x00\x10" * 320] * 30 + [b"\x00\x00" * 320] * 40:
                yield ns(frame=ns(data=pcm))
        async def aclose(self): seen["events"].append("stream closed")
    real = main.rtc
    main.rtc = ns(Room=Room, AudioSource=Source, AudioStream=Stream, AudioFrame=real.AudioFrame,
                  Track=real.Track, TrackKind=real.TrackKind, TrackSource=real.TrackSource,
                  TrackPublishOptions=real.TrackPublishOptions,
                  LocalAudioTrack=ns(create_audio_track=lambda name, source: name))
    async def webhook(event, payload):
        seen["events"].append(event)
        return True
    main.send_webhook = webhook
    build, main.DB_PATH = main.build_session, db
    def with_client():
        session = build()
        session.stt.client = session.llm.client = session.tts.client = client
        return session
    main.build_session = with_client
    main.build_assistant = day
    main.init_db = lambda: None
    log = main.CallLog
    main.CallLog = lambda room: log(room, db)
    main.os.environ.update(LIVEKIT_URL="ws://localhost", LIVEKIT_API_KEY="k", LIVEKIT_API_SECRET="s" * 32)
    call = asyncio.create_task(main.run_call("frontdesk"))
    async def frames(n):
        for _ in range(500):
            if seen["played"] >= n or call.done():
                return
            await asyncio.sleep(0.01)
    await frames(3)  # the greeting
    handlers, guest = rooms[0].handlers, ns(identity="guest", attributes={})
    handlers["track_subscribed"](ns(kind=real.TrackKind.KIND_AUDIO), None, guest)
    await frames(6)  # the answer
    handlers["participant_disconnected"](guest)
    seen["outcome"] = await asyncio.wait_for(call, 5)
    con = main._connect(db)
    row = con.execute("SELECT * FROM calls WHERE room = 'frontdesk'").fetchone()
    con.close()
    row = {"transcript": row["transcript"].splitlines(), "turns": row["turns"], "ended": bool(row["ended"])}
    return {**seen, **row}

async def probe():
    assistant, night = day(), AfterHoursAssistant(main.VoicemailStore(db))
    out = {"day": {}, "night": {}}
    for turn, (name, args) in enumerate(DAY_CALLS.items()):
        assistant.begin_turn(str(turn))
        out["day"][name] = await assistant.handle_tool_call(name, args)
    for turn, (name, args) in enumerate(NIGHT_CALLS.items()):
        night.begin_turn(str(turn))
        out["night"][name] = await night.dispatch(name, json.dumps(args))

    assistant.begin_turn("same")
    out["day_limit"] = [await assistant.handle_tool_call("hold", {"on": False}) for _ in range(4)]
    night.begin_turn("same")
    out["night_limit"] = [await night.dispatch("check_on_call", '{"region": "south"}') for _ in range(2)]

    # One spoken turn through the app's own session, with a client that never leaves this process.
    asked = []
    class Completions:
        async def create(self, **kwargs):
            asked.append(kwargs)
            call = types.SimpleNamespace(id="c1", function=types.SimpleNamespace(
                name="lookup_extension", arguments='{"query": "payroll"}'))
            wanted = kwargs["messages"][-1]["role"] == "user"
            first = types.SimpleNamespace(content=None, tool_calls=[call])
            last = types.SimpleNamespace(content=kwargs["messages"][-1]["content"], tool_calls=None)
            return types.SimpleNamespace(choices=[types.SimpleNamespace(message=first if wanted else last)])
    class Speech:
        async def create(self, **kwargs):
            asked.append(kwargs)
            return types.SimpleNamespace(content=b"\x01\x00" * 1000)
    class Transcriptions:
        async def create(self, **kwargs):
            asked.append({"model": kwargs["model"]})
            return types.SimpleNamespace(text=" Payroll please ")
    client = types.SimpleNamespace(
        chat=types.SimpleNamespace(completions=Completions()),
        audio=types.SimpleNamespace(speech=Speech(), transcriptions=Transcriptions()))
    session = main.build_session()
    for part in (session.stt, session.llm, session.tts):
        part.client = client
    played = []
    async def play(pcm):
        played.extend(main.chunk_pcm(pcm))
    log = main.CallLog("test", db)
    main.attach_log(session, log)
    await session.start(day(), play)
    reply = await session.user_audio(b"\x00\x00" * 1600, main.STT_RATE)
    log.save(main.classify_outcome(log, None), ended=True)
    out["turn"] = {"reply": reply, "models": [k["model"] for k in asked], "frames": len(played),
                   "voice": asked[-1]["voice"], "temperature": asked[1]["temperature"], "log": log.summary()}

    out["call"] = await phone_call(client)

    vad = main.EnergyVAD()
    loud, quiet = b"\x00\x10" * 320, b"\x00\x00" * 320
    heard = [vad.push(frame) for frame in [loud] * 30 + [quiet] * 40]
    out["utterances"] = [len(u) for u in heard if u]
    out["bases"] = [c.__name__ for c in SwitchboardAssistant.__mro__]
    out["schemas"] = [[t["function"]["name"] for t in tools] for tools in (TOOLS, AFTER_HOURS_TOOLS)]
    print(json.dumps(out))

asyncio.run(probe())
"""


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> dict:
    db = tmp_path_factory.mktemp("switchboard") / "test.db"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "LIVEKIT_", "SWITCHBOARD_"))}
    environment |= {"SWITCHBOARD_FORCE": "open", "PARKING_API_URL": ""}
    environment |= {"PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    child = subprocess.run(
        [sys.executable, "-c", PROBE, str(db)],
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
    ("tool", "answer"),
    [
        ("lookup_extension", "Mölndal depot: 510; Skövde depot: 520"),
        ("transfer_call", "Transferring to 510."),
        ("transfer_to_department", "Transferring to 200."),
        ("get_opening_hours", "On thursday we are open from 08:00 to 18:00."),
        ("leave_voicemail", "Saved as message 1 for 210."),
        ("page_staff", "Paged Payroll, Claims."),
        ("schedule_callback", "Someone will call +46317000000 (asap)."),
        ("set_caller_details", "Noted: name"),
        ("report_problem", "Filed as P001."),
        ("parking_status", "The parking system is not connected."),
        ("hold", "The caller is on hold."),
        ("send_fax", "Unknown tool: send_fax"),
        ("file_problem", "Filed as P002."),
    ],
)
def test_daytime_dispatcher(probed: dict, tool: str, answer: str) -> None:
    assert probed["day"][tool] == answer


def test_branch_without_a_schema(probed: dict) -> None:
    dump = json.loads(probed["day"]["debug_dump"])
    assert dump["caller"] == {"name": "Åkeriet Älv"}
    assert [p["ref"] for p in dump["problems"]] == ["P001", "P002"]


@pytest.mark.parametrize(
    ("tool", "answer"),
    [
        ("check_on_call", "Duty technician Mölndal, +46 31 700 01 03"),
        ("report_outage", "Ticket T-1001 is open."),
        ("ticket_status", "t-1001: open"),
        ("leave_message", "Message 3 is saved for 300."),
        ("estimate_wait", "About 80 minutes."),
        ("handle_tool_call", "No such tool: handle_tool_call"),
    ],
)
def test_night_dispatcher(probed: dict, tool: str, answer: str) -> None:
    assert probed["night"][tool] == answer


def test_gates_let_three_and_one_calls_through(probed: dict) -> None:
    refusal = "You already did enough for this request. Answer the caller now and wait for them to speak."
    assert probed["day_limit"] == ["The caller is back."] * 3 + [refusal]
    assert probed["night_limit"] == ["Duty technician south, +46 31 700 01 02", refusal]


def test_a_spoken_turn_runs_offline(probed: dict) -> None:
    turn = probed["turn"]
    assert turn["reply"] == "Payroll: 210"
    assert turn["models"] == ["whisper-1", "gpt-4o-mini", "gpt-4o-mini", "tts-1"]
    assert (turn["voice"], turn["temperature"]) == ("nova", 0.3)
    assert turn["frames"] == 3  # 1,000 samples in pieces of 480, the last one padded
    assert turn["log"]["tools"] == ["lookup_extension"]


def test_a_whole_phone_call(probed: dict) -> None:
    """The hand-made WebRTC loop: greeting, one utterance cut out by loudness, tool, answer, hang-up."""
    call = probed["call"]
    assert call["transcript"] == [
        "desk: Brygga Freight, good day! Whom would you like to speak to?",
        "caller: Payroll please",
        "desk: Payroll: 210",
    ]
    assert (call["turns"], call["outcome"], call["ended"]) == (1, "answered", True)
    assert call["events"] == ["call_started", "stream closed", "call_ended", "disconnected"]
    assert (call["played"], call["published"], call["token"]) == (6, ["track"], 2)


def test_voice_activity_ends_an_utterance_once(probed: dict) -> None:
    assert len(probed["utterances"]) == 1


def test_shape_of_the_app(probed: dict) -> None:
    """What makes this fixture worth having: no LiveKit base anywhere, descriptions in schemas only."""
    assert probed["bases"] == ["SwitchboardAssistant", "BaseAssistant", "object"]
    assert [len(names) for names in probed["schemas"]] == [12, 5]
    assert len((APP / "main.py").read_text(encoding="utf-8").splitlines()) >= 600

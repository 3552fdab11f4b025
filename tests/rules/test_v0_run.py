"""Converted 0.x apps are executed with livekit-agents 1.8.9: they import, make their agent and session, start,
build their tool schemas, hear their events, and warn of nothing.

The whole rule set converts the `before/` folder of a fixture; a child process runs its entrypoint against a room
that is not there (`session.start` gets no room, nothing is spoken), and then the case's own questions.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lk_migrate.facts.project import Project
from lk_migrate.rewrite.engine import convert_file
from lk_migrate.rules.registry import select_rules

FIXTURES = Path(__file__).parents[2] / "fixtures" / "rules" / "LK202"
CHILD = Path(__file__).with_name("v0_child.py")

HOTEL = """
assert agent.instructions == "You are the night porter of the Hotel Aurora."
assert [m.text_content for m in agent.chat_ctx.messages() if m.role == "assistant"] == ["Good evening."]
assert schemas["book"]["parameters"]["properties"]["room"]["description"] == "The room's number"
assert "double" in json.dumps(schemas["book"]["parameters"]["properties"]["kind"])
assert set(schemas) == {"book", "towels", "warmth"}
box = agent.tools[0]
import tools
assert await box.towels(3) == "3 towels are on their way."
assert await box.warmth(tools.Floor.GROUND) == "20 on the ground"
assert await box.book(7, "double") == "A double room: 7."
try:
    await box.book(99)
    raise AssertionError("no ToolError")
except llm.ToolError as error:
    assert error.message == "There is no room 99."

session.emit("conversation_item_added", ConversationItemAddedEvent(item=message("user", " hello ")))
session.emit("conversation_item_added", ConversationItemAddedEvent(item=message("assistant", "no")))
session.emit("agent_state_changed", AgentStateChangedEvent(old_state="listening", new_state="speaking"))
session.emit("agent_state_changed", AgentStateChangedEvent(old_state="speaking", new_state="listening"))
assert module.heard == ["hello"] and module.states == ["speaking"]

turn = llm.ChatContext.empty()
new = message("user", "is the pool open")
await agent.on_user_turn_completed(turn, new)
assert [m.text_content for m in turn.messages()] == ["The pool closes at nine."]
try:
    await agent.on_user_turn_completed(llm.ChatContext.empty(), message("user", "be quiet"))
    raise AssertionError("no StopResponse")
except StopResponse:
    pass
await agent.on_user_turn_completed(llm.ChatContext.empty(), message("user", "what time is it"))
assert [c async for c in agent.llm_node(llm.ChatContext.empty(), [], None)] == ["It is late."]

assert started["room_options"].text_input.text_input_cb is not None
assert session.options.endpointing["min_delay"] == 0.4
assert session.options.interruption["min_words"] == 2
assert said == [(("Welcome to the Hotel Aurora.",), {"allow_interruptions": True})]
started["room_options"].text_input.text_input_cb(session, room_io.TextInputEvent(text="hi"))
await asyncio.sleep(0.05)
assert len(said) == 2, said
"""

REALTIME = """
assert agent.instructions == "You take reservations."
assert set(schemas) == {"reserve"}
assert replies == [((), {"instructions": "Welcome the guest to the Trattoria Bruno."})]
session.emit("conversation_item_added", ConversationItemAddedEvent(item=message("assistant", "Benvenuti")))
session.emit("conversation_item_added", ConversationItemAddedEvent(item=message("user", "no")))
assert module.said == ["Benvenuti"]
assert started["room"] is not None and "room_options" in started
"""

TOOLS_KEPT = """
assert agent.instructions == "You answer a restaurant's phone."
assert set(schemas) == {"is_free", "book"}
assert schemas["book"]["parameters"]["properties"]["name"]["description"] == "for whom"
book = next(t for t in agent.tools if t.info.name == "book")
assert await book("2031-05-01", "Ada") == "2031-05-01 for Ada"
"""

HELPERS = """
assert agent.instructions in ("Be brief.", "You are the front desk.")
assert said == [(("Good evening.",), {})]
"""


def converted(case: str) -> dict[str, bytes]:
    """The `before/` folder of a case after all rules, twice: the second pass must change nothing."""
    folder = FIXTURES / case / "before"
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*.py"))}
    for turn in range(2):
        project = Project(files)
        out = dict(files)
        for path in files:
            result = convert_file(path, project, [r for r in select_rules() if r.id[:3] in ("LK2", "LK3")])
            assert result.skipped is None, result.skipped
            if result.change is not None and result.change.after is not None:
                assert turn == 0, result.findings
                out[path] = result.change.after
        files = out
    return files


@pytest.mark.parametrize(
    ("case", "questions"),
    [("hotel_app", HOTEL), ("realtime_app", REALTIME), ("helpers", HELPERS), ("tools_kept_app", TOOLS_KEPT)],
)
def test_converted_app_runs(case: str, questions: str, tmp_path: Path) -> None:
    files = converted(case)
    for path, data in files.items():
        assert b"TODO(lk-migrate" not in data, data.decode()
        (tmp_path / path).write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:livekit", str(CHILD), str(tmp_path)],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr + "".join(f"\n# {p}\n{d.decode()}" for p, d in files.items())


def test_room_options_are_spelled_as_the_file_imports_them() -> None:
    """`from livekit import agents` gives `agents.room_io`, not an undefined `room_io`."""
    text = (
        "from livekit import agents, rtc\n"
        "from livekit.agents.voice_assistant import VoiceAssistant\n\n\n"
        "async def entrypoint(ctx, participant: rtc.RemoteParticipant):\n"
        "    assistant = VoiceAssistant()\n"
        "    assistant.start(ctx.room, participant)\n"
    )
    result = convert_file("main.py", Project({"main.py": text.encode()}), select_rules(("LK2",)))
    assert result.change is not None and result.change.after is not None
    after = result.change.after.decode()
    assert "room_options=agents.room_io.RoomOptions(participant_identity=participant.identity)" in after

"""Loops whose call begins in a callback or stands in a class: one session each, and nothing that was done is lost."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from entrypoint_support import generate, lint, write

from lk_migrate.facts.byhand import find_by_hand
from lk_migrate.facts.project import Project
from lk_migrate.model import Action, Plan
from lk_migrate.read import read_project

LEGACY = Path(__file__).parents[2] / "fixtures" / "legacy"


@cache
def app(name: str) -> dict[str, str]:
    return {p.name: p.read_text(encoding="utf-8") for p in sorted((LEGACY / name).glob("*.py"))}


@cache
def planned(name: str) -> Plan:
    return read_project(LEGACY / name, []).plan()


def new(name: str) -> dict[str, str]:
    return {c.path: (c.after or b"").decode() for c in planned(name).changes if c.path.endswith(".py")}


def entrypoint(main: str) -> str:
    return main[main.index("@server.rtc_session") :]


def in_order(text: str, *parts: str) -> None:
    at = 0
    for part in parts:
        assert part in text[at:], f"{part} is not in, or not below the one before it:\n{text}"
        at = text.index(part, at) + len(part)


@pytest.mark.parametrize("name", ["hotline", "voicebot"])
def test_a_main_of_one_session(name: str, tmp_path: Path) -> None:
    written = new(name)
    lint(write(tmp_path, app(name) | written))
    main = written["main.py"]
    assert main.count("AgentSession(") == 1 and "rtc.Room(" not in main
    everything = "\n".join(written.values())
    old = [s for s in app(name)["main.py"].splitlines() if s.strip() and not s.startswith(("from", "import"))]
    assert [s for s in old if s not in everything] == []  # the old program stands word for word somewhere


def test_what_stands_in_the_callback_runs_once_joined() -> None:
    in_order(
        entrypoint(new("hotline")["main.py"]),
        "def on_left(participant):\n        logger.info(",
        "over.set()",
        "await ctx.connect()",
        "participant = await wait_for_caller(ctx)",
        'logger.info("%s is on the line", participant.identity)',
        "book.caller = phone_of(participant)",
        "desk = RepairDesk(caller=book.caller)",
        'stt=openai.STT(model="whisper-1", language="en")',
        "llm=openai.LLM(model=HEAD_MODEL, temperature=0.4, parallel_tool_calls=False)",
        'tts=openai.TTS(model="tts-1", voice="nova")',
        "max_tool_steps=1",
        "events = CallEvents(conversation)",
        'events.on("user_said", book.user)',
        'await asyncio.to_thread(post, "call_started"',
        "async def finish_call():",
        "book.write(desk.bookings)",
        'await asyncio.to_thread(post, "call_ended"',
        "await conversation.start(agent=desk, room=ctx.room)",
        "await conversation.say(greeting())",
    )


def test_what_only_the_loop_needed_is_said() -> None:
    main = new("hotline")["main.py"]
    assert "clear_queue" not in main and "tasks" not in main and "last_word" not in main
    notes = [f.message for f in planned("hotline").findings if f.rule == "LK156" and f.action is Action.NOTE]
    assert any("clear_queue" in m for m in notes) and any(m.startswith("`play`") for m in notes)


def test_a_class_becomes_the_function_that_it_is() -> None:
    main = entrypoint(new("voicebot")["main.py"])
    in_order(
        main,
        "room_name = ctx.room.name",
        "assistant = LibraryAssistant(branch_of(room_name))",
        "llm=openai.LLM(model=CHAT_MODEL, temperature=0.3)",
        '@ctx.room.on("participant_connected")\n    def on_participant_connected',
        "nonlocal caller",
        "caller = participant.identity",
        '@ctx.room.on("data_received")',
        "await ctx.connect()",
        "await done.wait()",
        "async def finish_call():",
        '"renewed": assistant.renewed,',
        "await session.start(agent=assistant, room=ctx.room)",
        "await session.say(WELCOME)",
    )
    assert "self" not in main and "listening" not in main


def test_a_launcher_with_its_own_end() -> None:
    """`bot = VoiceBot(room_name)`, `await bot.run()` in an async main, which closes the bot."""
    files = dict(app("voicebot"))
    main = files["main.py"].replace(
        "        try:\n            await self._done.wait()\n        finally:\n            await self.close()\n", ""
    )
    head = main[: main.index("def main():")]
    files["main.py"] = (
        f"{head}async def main(room_name):\n    bot = VoiceBot(room_name)\n    await bot.run()\n    try:\n"
        "        await bot._done.wait()\n    finally:\n        await bot.close()\n"
        '        logger.info("good night")\n\n\nif __name__ == "__main__":\n    asyncio.run(main("harbour-desk"))\n'
    )
    after, result = generate(files)
    assert result.main is not None
    in_order(entrypoint(after["main.py"]), "async def finish_call():", "write_journal(", 'logger.info("good night")')


def test_what_ran_before_the_call_is_left_to_a_person() -> None:
    files = dict(app("voicebot"))
    files["main.py"] = files["main.py"].replace(
        "    asyncio.run(VoiceBot(", '    write_journal({"event": "up"})\n    asyncio.run(VoiceBot('
    )
    _, result = generate(files)
    todos = [f.message for f in result.findings if f.action is Action.TODO]
    assert any(m.startswith("`write_journal(") and "ran before the call" in m for m in todos), todos
    assert not any("ran before" in f.message for f in generate(app("voicebot"))[1].findings)


def test_a_task_inside_the_handler() -> None:
    """The function that talks stands in the handler, the handler's caller is the participant who came."""
    files = dict(app("hotline"))
    main = files["main.py"]
    start, end = main.index("    async def converse("), main.index('    @room.on("track_subscribed")')
    talk = main[start:end].replace("async def converse(track, participant)", "async def converse()")
    indented = "".join(f"    {line}" if line.strip() else line for line in talk.splitlines(keepends=True))
    main = main[:start] + main[end:]
    main = main.replace(
        "        task = asyncio.create_task(converse(track, participant))\n",
        f"\n{indented.rstrip()}\n\n        task = asyncio.ensure_future(converse())\n",
    )
    after, result = generate(files | {"main.py": main})
    assert result.main is not None, result.findings
    assert entrypoint(after["main.py"]) == entrypoint(generate(files)[0]["main.py"])


@pytest.mark.parametrize(
    ("name", "old", "put"),
    [
        # one session for each participant, in two spellings
        ("hotline", 'conversation.on("user_said", book.user)', "talks[participant.identity] = conversation"),
        ("hotline", "conversation = Conversation(", "conversation = talks[participant.identity] = Conversation("),
        # a handler that repairs something
        ("hotline", 'logger.exception("the conversation broke off")', "book.write([])"),
        # an answer that somebody waits for
        ("hotline", "await conversation.say(greeting())", "return book"),
        # the same name for two things
        ("hotline", "speech, silence = bytearray(), 0.0", "speech, tasks = bytearray(), 0.0"),
        # an event that brings no caller
        ("hotline", '@room.on("track_subscribed")', '@room.on("active_speakers_changed")'),
        # the object itself is handed on
        ("voicebot", "self._done = asyncio.Event()", "self._done = REGISTRY.add(self)"),
        # somebody else's methods
        ("voicebot", "class VoiceBot:", "class VoiceBot(Service):"),
        # two calls in one process
        ("voicebot", "asyncio.run(VoiceBot(args.room).run())", "start(VoiceBot(args.room), VoiceBot('b'))"),
        # a recogniser that nobody knows
        ("voicebot", "self.transcriber = Transcriber()", "self.transcriber = Vosk()"),
        # who talks is not known
        ("voicebot", "LibraryAssistant(branch_of(room_name))", "pick(branch_of(room_name))"),
        # what the launcher gives is no room's name
        ("voicebot", "def __init__(self, room_name: str):", "def __init__(self, room_name: str, shift):"),
    ],
)
def test_in_doubt_there_is_no_new_main(name: str, old: str, put: str) -> None:
    files = dict(app(name))
    assert old in files["main.py"]
    files["main.py"] = files["main.py"].replace(old, put)
    if "shift" in put:
        files["main.py"] = files["main.py"].replace("self.caller = None", "self.caller = shift.caller")
    _, result = generate(files)
    assert result.main is None and not result.changes


def test_a_loop_that_stays_gets_its_marker(tmp_path: Path) -> None:
    """Found by hand, but not to be replaced: the marker that a session is missing stands where the agent is made."""
    files = dict(app("voicebot"))
    files["main.py"] = (
        files["main.py"]
        .replace("def __init__(self, room_name: str):", "def __init__(self, room_name: str, shift):")
        .replace("self.caller = None", "self.caller = shift.caller")
    )
    project = Project({p: t.encode() for p, t in files.items()})
    module = project.module("main.py")
    assert module is not None and find_by_hand(project, module) is not None
    plan = read_project(write(tmp_path, files), []).plan()
    assert plan.main is None
    assert [f.place.path for f in plan.findings if f.rule == "LK130"] == ["main.py"]
    why = [f for f in plan.findings if f.rule == "LK150"]
    assert [(f.action.value, f.place.path) for f in why] == [("note", "main.py")]
    assert "`shift`" in why[0].message


@pytest.mark.parametrize(
    ("client", "told"),
    [
        ('AsyncOpenAI(api_key=os.environ["OPENAI_API_KEY"], timeout=9)', ""),
        ('AsyncOpenAI(base_url=os.getenv("OPENAI_BASE_URL") or None)', ""),
        ('AsyncOpenAI(base_url="https://models.example.com/v1")', ', base_url="https://models.example.com/v1"'),
        ('AsyncOpenAI(api_key=os.environ["LIBRARY_KEY"])', ', api_key=os.environ["LIBRARY_KEY"]'),
    ],
)
def test_the_models_are_asked_where_the_old_clients_asked_them(client: str, told: str) -> None:
    files = dict(app("voicebot"))
    files["speech.py"] = files["speech.py"].replace("AsyncOpenAI()", client)
    _, result = generate(files)
    main = next((c.after or b"").decode() for c in result.changes if c.path == "main.py")
    assert f'stt=openai.STT(model="whisper-1"{told}),' in main
    assert f'tts=openai.TTS(model="tts-1", voice="shimmer"{told}),' in main
    assert ("\nimport os\n" in main) or "os." not in told


def test_a_key_in_the_code_goes_nowhere_else() -> None:
    files = dict(app("voicebot"))
    files["speech.py"] = files["speech.py"].replace("AsyncOpenAI()", 'AsyncOpenAI(api_key="sk-of-the-library")')
    _, result = generate(files)
    main = next((c.after or b"").decode() for c in result.changes if c.path == "main.py")
    assert 'stt=openai.STT(model="whisper-1"),' in main


@pytest.mark.parametrize(
    ("old", "put"),
    [
        ("from openai import AsyncOpenAI", "from groq import AsyncGroq as AsyncOpenAI"),
        ("AsyncOpenAI()", "AsyncAzureOpenAI()"),
        ("AsyncOpenAI()", "AsyncOpenAI(**settings.client)"),
        ("AsyncOpenAI()", "AsyncOpenAI(base_url=settings.address)"),
    ],
)
def test_models_of_others_are_no_models_of_openai(old: str, put: str) -> None:
    files = dict(app("voicebot"))
    files["speech.py"] = files["speech.py"].replace(old, put)
    if "Azure" in put:
        files["speech.py"] = files["speech.py"].replace("import AsyncOpenAI", "import AsyncAzureOpenAI")
    project = Project({p: t.encode() for p, t in files.items()})
    module = project.module("main.py")
    assert module is not None and find_by_hand(project, module) is None


def test_an_address_may_come_through_the_class() -> None:
    files = dict(app("hotline"))
    assert files["voice.py"].count("self.client = AsyncOpenAI()") == 3
    head, _, tail = files["voice.py"].partition("def __init__(self, ")
    files["voice.py"] = f"{head}def __init__(self, address=None, {tail}".replace(
        "self.client = AsyncOpenAI()", "self.client = AsyncOpenAI(base_url=address)", 1
    )
    first = files["voice.py"].split("class ")[1].split("(")[0].split(":")[0]
    assert f"{first}(" in files["main.py"]
    files["main.py"] = files["main.py"].replace(f"{first}(", f'{first}(address="http://ears.example.com", ', 1)
    _, result = generate(files)
    main = next((c.after or b"").decode() for c in result.changes if c.path == "main.py")
    assert 'base_url="http://ears.example.com"' in main

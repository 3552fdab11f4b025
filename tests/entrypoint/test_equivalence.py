"""The generated main does what the legacy main did: same session, same handlers, same words, in the same order."""

from __future__ import annotations

from pathlib import Path

import pytest
from entrypoint_support import HEAD, TAIL, drive, generate, lint, split_result, write

BODIES = {
    "straight": """\
async def entrypoint(ctx: JobContext):
    await ctx.connect()
    meta = parse(ctx.job.metadata)
    participant = await ctx.wait_for_participant()
    name = meta.get("name", participant.identity)

    # the ears and the voice
    session = AgentSession(
        stt=f"stt/{LANGUAGE}",  # keep
        llm="openai/gpt-4o-mini",
        vad=ctx.proc.userdata["vad"],
    )

    @session.on("close")
    def closed(event):
        print("closed", name, event.event)

    await session.start(agent=Agent(instructions=f"Be kind to {name}."), room=ctx.room)
    await session.generate_reply(instructions="Greet.")
    print("greeted", name)
""",
    "two paths": """\
async def entrypoint(ctx: JobContext):
    meta = parse(ctx.job.metadata)
    seconds = 1
    if meta.get("dial") in ("yes", "please"):
        # we call
        phone = meta.get("phone")
        if not phone:
            print("no phone")
            return
        await ctx.connect()
        out_session = AgentSession(llm="openai/gpt-4o", tts="tts/fast", user_away_timeout=5.0)
        answered = False

        @out_session.on("close")
        def out_closed(event):
            nonlocal answered
            answered = True
            print("out", phone, seconds, rings)

        async def finish():
            print("finish out", answered, rings)

        ctx.add_shutdown_callback(finish)
        rings = 3
        agent = Agent(instructions="outbound")
        await out_session.start(agent=agent, room=ctx.room)
        out_session.say("It is us.")
        return

    # they call
    await ctx.connect()
    participant = await ctx.wait_for_participant()
    tts = "tts/warm"
    session = AgentSession(llm="openai/gpt-4o-mini", tts=tts)
    turns = 0

    @session.on("close")
    def closed(event):
        nonlocal turns, seconds
        turns += 1
        seconds = seconds + turns
        print("in", participant.identity, seconds, greeted)

    async def finish_in():
        print("finish in", turns, seconds, greeted)

    ctx.add_shutdown_callback(finish_in)
    greeted = False
    await session.start(agent=Agent(instructions="inbound"), room=ctx.room)
    session.say("Hello.")
    greeted = True
""",
    "one start for two models": """\
async def entrypoint(ctx: JobContext):
    meta = parse(ctx.job.metadata)
    if meta.get("dial"):
        session = AgentSession(llm="openai/realtime")
    else:
        stt = "stt/" + LANGUAGE
        session = AgentSession(stt=stt, llm="openai/gpt-4o-mini", tts="tts/warm")
    await session.start(agent=Agent(instructions="x"), room=ctx.room)
    session.say("Hello.")
""",
    "three models": """\
async def entrypoint(ctx: JobContext):
    kind = parse(ctx.job.metadata).get("kind", "a")
    if kind == "a":
        session = AgentSession(llm="openai/a")
    elif kind == "b":
        print("b")
        session = AgentSession(llm="openai/b", tts="tts/b")
    else:
        session = AgentSession(llm="openai/c")
    await session.start(agent=Agent(instructions=kind), room=ctx.room)
    if kind == "b":
        session.say("B.")
""",
    "in a try": """\
async def entrypoint(ctx: JobContext):
    meta = parse(ctx.job.metadata)
    session = None
    try:
        await ctx.connect()
        agent_session = AgentSession(llm="openai/gpt-4o-mini")
        session = agent_session
        started = meta.get("name")
        await agent_session.start(agent=Agent(instructions="x"), room=ctx.room)
        agent_session.say("Hello.")
    except RuntimeError as e:
        # tell the log
        print("failed", e, meta, session is not None)
        ctx.shutdown(reason="error")
        raise
    finally:
        print("over", started)
""",
    "with and several helpers": """\
async def entrypoint(ctx: JobContext):
    import contextlib

    async def tidy():
        print("tidy", count)

    count: int = 0

    @contextlib.asynccontextmanager
    async def line():
        print("line opens")
        yield "the line"
        print("line closes")

    async with line() as wire:
        session = AgentSession(llm="openai/gpt-4o-mini")
        count += 1
        await session.start(agent=Agent(instructions=wire), room=ctx.room)
        count += 1
        print(wire, contextlib.nullcontext is not None)
        await tidy()
    ctx.add_shutdown_callback(tidy)
""",
    "a name called call, and late session": """\
async def entrypoint(ctx: JobContext):
    call = parse(ctx.job.metadata)

    def later():
        return [call for call in (session, agent)]

    def hang_up():
        session.say("Bye.")

    agent = Agent(instructions=call.get("name", "nobody"))
    session = AgentSession(llm="openai/gpt-4o-mini")
    await session.start(agent=agent, room=ctx.room)
    hang_up()
    print(len(later()), sorted(call))
""",
    "global counters": """\
calls = 0
PRICE = 2


async def entrypoint(ctx: JobContext):
    global calls
    calls += 1
    count_again()
    session = AgentSession(llm="openai/gpt-4o-mini")
    await session.start(agent=Agent(instructions="x"), room=ctx.room)
    print(calls, PRICE)


def count_again():
    global calls
    calls += 1
""",
    "starred options": """\
async def entrypoint(ctx: JobContext):
    options = {"llm": "openai/gpt-4o-mini"}
    if parse(ctx.job.metadata).get("dial"):
        options["tts"] = "tts/fast"
    session = AgentSession(**options)
    await session.start(agent=Agent(instructions="x"), room=ctx.room)
""",
    "starred options on two paths": """\
async def entrypoint(ctx: JobContext):
    meta = parse(ctx.job.metadata)
    options = {"llm": "openai/gpt-4o-mini"}
    if meta.get("dial"):
        options["tts"] = "tts/fast"
        session = AgentSession(**options, vad="v")
        await session.start(agent=Agent(instructions="out"), room=ctx.room)
        return
    session = AgentSession(**options, vad="w")
    await session.start(agent=Agent(instructions="in"), room=ctx.room)
    print(meta)
""",
    "made by a helper": """\
def make_session(model):
    return AgentSession(llm=model)


async def entrypoint(ctx: JobContext):
    model = "openai/gpt-4o-mini"
    session = make_session(model)

    @session.on("close")
    def closed(event):
        print(model)

    await session.start(agent=Agent(instructions="x"), room=ctx.room)
    print(model)
""",
    "early end between session and start": """\
async def entrypoint(ctx: JobContext):
    meta = parse(ctx.job.metadata)
    session = AgentSession(llm="openai/gpt-4o-mini")
    if meta.get("dial"):
        for i in range(3):
            print(i)
            if i == 1:
                return
    await session.start(agent=Agent(instructions="x"), room=ctx.room)
    print("started")
""",
}
METADATA = [
    {},
    {"dial": "yes", "phone": "+46"},
    {"dial": "yes"},
    {"kind": "b", "name": "Åsa"},
    {"kind": "c"},
]


@pytest.mark.parametrize("name", sorted(BODIES))
def test_generated_main_does_the_same(name: str, tmp_path: Path) -> None:
    body = BODIES[name]
    if "global calls" in body or name == "made by a helper":
        head, _, decorator = HEAD.rpartition("@server")
        first, _, rest = body.partition("async def entrypoint")
        legacy = f"{head}{first}@server{decorator}async def entrypoint{rest}{TAIL}"
    else:
        legacy = HEAD + body + TAIL
    after, result = generate({"main.py": legacy})
    assert split_result(result), [str(f.message) for f in result.findings]
    before_folder, after_folder = write(tmp_path / "before", {"main.py": legacy}), write(tmp_path / "after", after)
    lint(after_folder)
    for metadata in METADATA:
        before = drive(before_folder, metadata=metadata)
        assert before["trace"] or before["printed"], "the scenario must show something"
        assert drive(after_folder, metadata=metadata) == before
    if name == "in a try":
        failing = drive(before_folder, fail="start")
        assert ["raised", "RuntimeError", "no room"] in failing["trace"]
        assert drive(after_folder, fail="start") == failing


@pytest.mark.parametrize("name", sorted(BODIES))
def test_second_run_changes_nothing(name: str) -> None:
    after, _ = generate({"main.py": HEAD + BODIES[name] + TAIL})
    again, result = generate(after)
    assert again == after
    assert result.main is None

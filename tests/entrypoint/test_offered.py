"""A long main module whose agents are LiveKit's own already stays in one piece, and is told how it would not."""

from __future__ import annotations

from lk_migrate.plan import ConvertOptions, make_plan

MAIN = b"""
from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli

server = AgentServer()


class CallHandler:
    def __init__(self, ctx: JobContext):
        self.ctx = ctx

    async def run(self):
        self.session = AgentSession(llm="openai/gpt-4o-mini")
        await self.session.start(agent=Agent(instructions="x"), room=self.ctx.room)


@server.rtc_session()
async def entrypoint(ctx: JobContext):
    await CallHandler(ctx).run()


if __name__ == "__main__":
    cli.run_app(server)
"""
LONG = MAIN + b"".join(b"\n\ndef helper_%d():\n    return %d\n" % (i, i) for i in range(60))


def told(main: bytes, **options: object) -> list[str]:
    plan = make_plan({"main.py": main}, ConvertOptions(**options))  # type: ignore[arg-type]
    return [f"{f.place.path}:{f.place.line} {f.message}" for f in plan.findings if f.rule == "LK150"]


def test_a_long_main_that_stays_says_why() -> None:
    (note,) = told(LONG)
    assert note.startswith("main.py:1 ") and "`lk-migrate convert --main main.py`" in note
    assert not make_plan({"main.py": LONG}, ConvertOptions()).changes


def test_nothing_is_said_of_a_short_one_or_where_it_is_not_wanted() -> None:
    assert told(MAIN) == []
    assert told(LONG, no_main=True) == told(LONG, ignore=("LK15",)) == told(LONG, select=("LK3",)) == []
    assert told(LONG.replace(b"@server.rtc_session()\n", b"")) == []


def test_what_it_says_can_be_done() -> None:
    plan = make_plan({"main.py": LONG}, ConvertOptions(main="main.py"))
    assert plan.main is not None and plan.main.lines_after < 40

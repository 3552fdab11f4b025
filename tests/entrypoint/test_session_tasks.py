"""A session that ran in a task or a function of its own stands in the new main.py, and does what it did."""

from __future__ import annotations

from pathlib import Path

import pytest
from entrypoint_support import HEAD, TAIL, drive, lint, write

from lk_migrate.plan import ConvertOptions, make_plan

LONG = "".join(f"\n\ndef helper_{i}(value):\n    value += {i}\n    return value\n" for i in range(60))
RUNNER = """async def run_session(ctx, meta):
    session = AgentSession(llm="openai/gpt-4o-mini")
    await session.start(agent=Agent(instructions=meta.get("who", "x")), room=ctx.room)
    await session.generate_reply(instructions="Greet.")


async def watch(seen):
    seen.append("watching")


"""
GATHERED = """    seen = []
    await asyncio.gather(run_session(ctx, parse(ctx.job.metadata)), watch(seen))
    print(seen)
"""
TASK = """    task = asyncio.create_task(run_session(ctx, parse(ctx.job.metadata)))
    print("begins")
    await task
"""
BESIDE = """    session = AgentSession(llm="openai/gpt-4o-mini")
    started = asyncio.create_task(session.start(agent=Agent(instructions="x"), room=ctx.room))
    try:
        await asyncio.sleep(0)
        await started
        await session.generate_reply(instructions="Greet.")
    except OSError as error:
        print(error)
"""
FALLBACK = """    try:
        session = AgentSession(llm="openai/gpt-4o")
    except ValueError:
        session = AgentSession(llm="openai/gpt-4o-mini")
    await session.start(agent=Agent(instructions="x"), room=ctx.room)
"""
DESK = '''class Desk:
    """Has a tool, and no framework."""

    def __init__(self):
        self.tools = {"ask": self.ask}

    async def ask(self, what: str) -> str:
        """Ask."""
        return what
'''


def legacy(body: str) -> dict[str, str]:
    head, registered = HEAD.replace("import json", "import asyncio\nimport json").split("@server.rtc_session", 1)
    main = f"{head.rstrip()}{LONG}\n\n{RUNNER}@server.rtc_session{registered}async def entrypoint(ctx: JobContext):\n"
    return {"main.py": f"{main}{body}{TAIL}", "desk.py": DESK}


def converted(files: dict[str, str]) -> dict[str, str]:
    plan = make_plan({p: t.encode() for p, t in files.items()}, ConvertOptions(main="main.py"))
    assert not plan.skipped
    after = {c.path: (c.after or b"").decode() for c in plan.changes}
    return {**files, **after}


@pytest.mark.parametrize("body", [GATHERED, TASK, BESIDE])
def test_the_session_stands_in_main(body: str, tmp_path: Path) -> None:
    before = legacy(body)
    after = converted(before)
    assert "AgentSession(" in after["main.py"] and "session.start(" in after["main.py"], after["main.py"]
    assert "run_call" not in after["main.py"] and "create_task" not in "".join(after.values())
    lint(write(tmp_path / "new", after))
    old, new = (drive(write(tmp_path / n, f), metadata={"who": "you"}) for n, f in (("old", before), ("new", after)))
    assert ["start", "Agent: you" if body != BESIDE else "Agent: x", {}] in old["trace"]
    assert new["trace"] == old["trace"]


def test_one_to_fall_back_on_is_made_by_a_function(tmp_path: Path) -> None:
    after = converted(legacy(FALLBACK))
    assert "    session = make_session()\n" in after["main.py"] and "await session.start(" in after["main.py"]
    assert "except ValueError" in after["call_support.py"] and "    return session\n" in after["call_support.py"]


def test_one_that_is_started_in_an_except_moves_whole_under_a_marker(tmp_path: Path) -> None:
    started = '        await session.start(agent=Agent(instructions="x"), room=ctx.room)\n'
    first, second = FALLBACK.split("    except ValueError:\n")
    second = second.rpartition("    await session.start")[0]
    after = converted(legacy(f"{first}{started}    except ValueError:\n{second}{started}"))
    assert "run_call" in after["main.py"] and "except ValueError" in after["call_flow.py"]
    assert "# TODO(lk-migrate LK151): the entrypoint moved" in after["call_flow.py"]

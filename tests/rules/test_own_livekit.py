"""A project in a folder `livekit/`, started from within it, has the framework beside `agents/` of its own (LK344)."""

from __future__ import annotations

from lk_migrate.plan import ConvertOptions, make_plan

WORKER = b"""\
from agents import Waiter
from livekit.agents import AgentSession, JobContext, WorkerOptions, cli


async def entrypoint(ctx: JobContext) -> None:
    await AgentSession().start(agent=Waiter(), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(WorkerOptions(entrypoint_fnc=entrypoint))
"""


def converted(package: bytes) -> str | None:
    """What becomes of the worker beside this `livekit/agents/__init__.py`; None where it is left alone."""
    plan = make_plan({"livekit/worker.py": WORKER, "livekit/agents/__init__.py": package}, ConvertOptions())
    changes = [c for c in plan.changes if c.path == "livekit/worker.py"]
    return changes[0].after.decode() if changes and changes[0].after is not None else None


def test_what_the_folder_lacks_is_the_frameworks() -> None:
    after = converted(b"from agents.waiter import Waiter\n")
    assert after is not None
    assert "@server.rtc_session()" in after and "WorkerOptions" not in after


def test_what_is_in_the_folder_is_the_projects() -> None:
    """All rules take it for a file of the project, not some of them for one of the framework's."""
    waiter = b"""\
from livekit.agents.pipeline import VoicePipelineAgent
from livekit.plugins import openai


async def entrypoint(ctx):
    agent = VoicePipelineAgent(llm=openai.LLM(), min_endpointing_delay=0.5)
    agent.start(ctx.room)
"""
    files = {
        "livekit/agents/waiter.py": waiter,
        "livekit/agents/__init__.py": b"from agents.waiter import entrypoint\n",
    }
    (change,) = make_plan(files, ConvertOptions()).changes
    assert change.after is not None
    assert b"AgentSession(" in change.after and b"Agent(" in change.after and b"await session.start(" in change.after
    assert not make_plan({**files, change.path: change.after}, ConvertOptions()).changes


def test_a_fork_keeps_its_users() -> None:
    names = (b"AgentSession", b"JobContext", b"WorkerOptions", b"cli")
    assert converted(b"".join(b"class %s: ...\n" % name for name in names)) is None


def test_names_that_may_come_from_elsewhere_are_not_guessed() -> None:
    assert converted(b"from .everything import *\n") is None
    assert converted(b"def __getattr__(name): ...\n") is None

"""Names that the main module has already, and worker options that more than `run_app` needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from entrypoint_support import HEAD, TAIL, drive, generate, lint, split_result, write

OWN_STATE = """\
async def entrypoint(ctx: JobContext):
    state = CallState(json.dumps({"room": "desk"}))
    session = AgentSession(llm="openai/gpt-4o-mini")
    await session.start(agent=Agent(instructions="x"), room=ctx.room)
    print(state.raw)
"""
OWN_CLASS = """class CallState:
    def __init__(self, raw: str) -> None:
        self.raw = raw


"""


def test_a_call_state_of_its_own_is_another_class(tmp_path: Path) -> None:
    legacy = HEAD.replace("def parse", OWN_CLASS + "def parse") + OWN_STATE + TAIL
    after, result = generate({"main.py": legacy})
    assert split_result(result)
    assert "class SharedState:" in after["call_flow.py"] and "class CallState:" in after["call_support.py"]
    lint(write(tmp_path, after))
    assert drive(tmp_path)["printed"] == ['{"room": "desk"}']
    assert generate(after)[1].main is None


RETURNED = """\
from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli
from livekit.agents.worker import ServerOptions


def greet(name: str) -> str:
    return f"Hello {name}"


async def entrypoint(ctx: JobContext):
    name = ctx.room.name
    session = AgentSession()
    await session.start(agent=Agent(instructions="x"), room=ctx.room)
    print(greet(name))


def create_options() -> ServerOptions:
    return ServerOptions(entrypoint_fnc=entrypoint)


if __name__ == "__main__":
    cli.run_app(AgentServer.from_server_options(create_options()))
"""


@pytest.mark.parametrize(
    "made",
    [
        "    return ServerOptions(entrypoint_fnc=entrypoint)\n",
        "    options = ServerOptions(entrypoint_fnc=entrypoint)\n    options.port = 1\n    return options\n",
    ],
)
def test_options_that_a_function_returns_stay(made: str, tmp_path: Path) -> None:
    legacy = RETURNED.replace("    return ServerOptions(entrypoint_fnc=entrypoint)\n", made)
    after, result = generate({"main.py": legacy})
    assert split_result(result)
    assert made in after["main.py"]
    assert "cli.run_app(AgentServer.from_server_options(create_options()))" in after["main.py"]
    lint(write(tmp_path, after))

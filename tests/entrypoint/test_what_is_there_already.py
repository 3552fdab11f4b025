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


def test_an_import_that_the_guard_repeats_stays_at_the_top(tmp_path: Path) -> None:
    legacy = (HEAD + OWN_STATE + TAIL).replace("CallState(", "str(").replace("state.raw", "state, gadgets.SIZE")
    legacy = legacy.replace(
        "import os\n\n", "import os\nimport sys\n\nsys.path.insert(0, os.path.dirname(__file__))\n\n"
    )
    legacy = legacy.replace("LANGUAGE = ", "import gadgets\n\nLANGUAGE = ")
    legacy = legacy.replace("    cli.run_app", "    import sys\n\n    print(sys.argv)\n    cli.run_app")
    after, result = generate({"main.py": legacy, "gadgets.py": "SIZE = 3\n"})
    main = after["main.py"]
    assert split_result(result)
    assert main.count("import sys\n") == 2 and main.count('if __name__ == "__main__":') == 1
    assert main.index("import sys\n") < main.index("sys.path.insert") < main.index("from call_flow import")
    write(tmp_path, after)
    assert drive(tmp_path)["printed"] == ['{"room": "desk"} 3']


def test_an_import_that_is_repeated_stands_before_its_first_use(tmp_path: Path) -> None:
    legacy = (HEAD + OWN_STATE + TAIL).replace("CallState(", "str(").replace("state.raw", "state")
    first = 'import warnings\nwarnings.filterwarnings("ignore", category=UserWarning)\n\n'
    again = 'import warnings\nwarnings.filterwarnings("ignore", category=FutureWarning)\n\n'
    legacy = legacy.replace("LANGUAGE = ", first + "LEVEL = 3\n\n" + again + "LANGUAGE = ")
    after, result = generate({"main.py": legacy})
    assert split_result(result)
    lint(write(tmp_path, after))
    assert drive(tmp_path)["printed"] == ['{"room": "desk"}']

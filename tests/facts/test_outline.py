"""What a file defines is told without LibCST only where nothing else can be meant."""

from __future__ import annotations

import pytest

from lk_migrate.facts.outline import sure_definition

LIVEKIT = b"# livekit\n"  # such files are judged by their bytes alone


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"class Agent(Base):\n    pass\n", "subclass"),
        (b"class Agent:\n    pass\n", "class"),
        (b"class Agent():\n    pass\n", "class"),
        (b"class Agent(metaclass=Meta):\n    pass\n", "subclass"),
        (b"async def Agent():\n    pass\n", "def"),
        (b"class Agent:\n    pass\n\n\nAgent = other(Agent)\n", None),
        (b"from lib import Agent\n\n\nclass Agent(Agent):\n    pass\n", None),
        (b'"""\nclass Agent(Base):\n"""\n', None),
        (b"class Agents(Base):\n    pass\n", None),
    ],
)
@pytest.mark.parametrize("head", [b"", LIVEKIT])
def test_only_what_is_sure_is_told(head: bytes, text: bytes, expected: str | None) -> None:
    assert sure_definition(head + text, "Agent") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"class Agent:\n    pass\n\n\ndef make(*, Agent: type = Agent) -> list[Agent]:\n    ...\n", "class"),
        (b"Agent = {'a': 1}\n", "value"),
        (b"Agent: dict = {}\n", "value"),
        (b"Agent: dict\n", None),
        (b"Agent = agents.Agent\n", None),
        (b"Agent = _Agent\n", None),
        (b"(Agent, b) = pair()\n", None),
        (b"Agent = Agent or 1\nAgent = 2\n", None),
        (b"Agent = 1\nif (Agent := make()):\n    pass\n", None),
        (b"Agent = 1\nfor Agent in x:\n    pass\n", None),
        (b"Agent = 1\nimport Agent.x\n", None),
        (b"Agent = 1\nfrom x import y as Agent\n", None),
        (b"Agent = 1\ntry:\n    import x\nexcept E as Agent:\n    pass\n", None),
        (b"Agent = 1\nmatch x:\n    case {**Agent}:\n        pass\n", None),
        (b"Agent = 1\n\n\ndef f():\n    global other, Agent\n    Agent = 2\n", None),
        (b"if x:\n    Agent = 1\n", None),
        (b"Agent = 1\n(\n", None),
    ],
)
def test_in_doubt_pythons_parser_is_asked_about_files_that_no_rule_reads(text: bytes, expected: str | None) -> None:
    assert sure_definition(text, "Agent") == expected
    if expected is not None:
        assert sure_definition(LIVEKIT + text, "Agent") is None

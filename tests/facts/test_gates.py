"""Turn gates: found by what they do, their limit, and code that still runs without them."""

from __future__ import annotations

import asyncio
import textwrap
from types import SimpleNamespace
from typing import Any

import pytest

from lk_migrate.facts.gates import Gates, find_gates, is_hand_rolled
from lk_migrate.facts.project import Project
from lk_migrate.rewrite.engine import convert_file
from lk_migrate.rules.handrolled.lk101_turn_gate import rule

TOOL = """
    async def note(self, ctx, text):
        gate = self._gate(ctx)
        if gate:
            return gate
        self.notes.append(text)
        return "noted " + text
"""


def desk(gate: str, init: str = "pass", before: str = "", tool: str = TOOL) -> dict[str, bytes]:
    """A project of one class with this gate."""
    code = f"{textwrap.dedent(before)}\nclass Desk:\n    def __init__(self):\n        self.notes = []\n"
    code += textwrap.indent(textwrap.dedent(init), " " * 8) + "\n\n"
    code += textwrap.indent(textwrap.dedent(gate), " " * 4) + tool
    return {"main.py": code.encode()}


def gates_of(files: dict[str, bytes]) -> Gates:
    return Project(files).fact(find_gates)


def converted(files: dict[str, bytes]) -> dict[str, bytes]:
    project = Project(files)
    out = dict(files)
    for path in files:
        result = convert_file(path, project, [rule])
        assert result.skipped is None, result.skipped
        if result.change is not None and result.change.after is not None:
            out[path] = result.change.after
    return out


def built(files: dict[str, bytes]) -> Any:
    names: dict[str, Any] = {}
    exec(compile(files["main.py"], "main.py", "exec"), names)
    return names["Desk"]()


def turn(number: int) -> Any:
    return SimpleNamespace(speech_handle=SimpleNamespace(id=f"speech_{number}"), speech_id=f"speech_{number}")


LAST_ID = """
def _gate(self, ctx):
    if ctx.speech_id != self._last:
        self._last = ctx.speech_id
        self._n = 0
    {0}
"""
STATE = "self._last = None\nself._n = 0"


@pytest.mark.parametrize(
    ("limit", "gate", "init"),
    [
        (1, LAST_ID.format("self._n += 1\n    return 'wait' if self._n > 1 else None"), STATE),
        (2, LAST_ID.format("self._n += 1\n    if self._n >= 3: return 'wait'"), STATE),
        (4, LAST_ID.format("if 4 <= self._n: return 'wait'\n    self._n = self._n + 1"), STATE),
        (3, LAST_ID.format("if self._n > 2: return f'no, {self._n}'\n    self._n += 1\n    return ''"), STATE),
        (
            5,
            LAST_ID.format("if self._n < self._most:\n        self._n += 1\n        return None\n    return 'no'"),
            STATE + "\nself._most = 5",
        ),
        (
            1,
            "def _gate(self, ctx):\n    if ctx.speech_handle.id in self._seen: return 'no'\n"
            "    self._seen.append(ctx.speech_handle.id)\n",
            "self._seen = []",
        ),
        (
            2,
            "def _gate(self, ctx):\n    self._by[ctx.speech_id] += 1\n    return self._by[ctx.speech_id] > 2 and 'a'\n",
            "import collections\nself._by = collections.defaultdict(int)",
        ),
        (
            3,
            "def _gate(self, ctx, most=3):\n    turn = getattr(ctx, 'speech_id', None)\n"
            "    last, n = getattr(self, '_pair', (None, 0))\n    n = n + 1 if turn == last else 1\n"
            "    self._pair = (turn, n)\n    return 'no' if n > most else None\n",
            "pass",
        ),
        (
            2,
            LAST_ID.format("self._n += 1\n    return 'wait' if self._n > 2 else None")
            + "\ndef _start_over(self):\n    self._last = None\n    self._n = 0\n",
            "self._start_over()",
        ),
    ],
)
def test_the_limit_is_what_a_run_shows(limit: int, gate: str, init: str) -> None:
    files = desk(gate, init)
    found = gates_of(files)
    assert [(g.name, g.limit, g.goes) for g in found.all] == [("_gate", limit, True)]
    before = built(files)
    answers = [asyncio.run(before.note(turn(1), str(i))) for i in range(limit + 1)]
    assert [a.startswith("noted") for a in answers] == [True] * limit + [False], "the fixture itself is a gate of N"

    after = built(converted(files))
    assert [asyncio.run(after.note(turn(1), str(i))) for i in range(9)] == [f"noted {i}" for i in range(9)]
    assert set(vars(after)) == {"notes"}, "no state is left"
    assert "_gate" not in converted(files)["main.py"].decode()


@pytest.mark.parametrize(
    "gate",
    [
        "def _gate(self, ctx):\n    self._n += 1\n    return 'no' if self._n > 3 else None\n",  # for ever
        "def _gate(self, ctx):\n    self._n += 1\n    return None if ctx.speech_id else 'no'\n",  # no count
        "def _gate(self, ctx):\n    self._n = ctx.speech_id\n    return self.remote(self._n)\n",  # not knowable
        "def _gate(self, ctx):\n    while True:\n        self._n = ctx.speech_id\n",  # never ends
    ],
)
def test_what_is_no_gate(gate: str) -> None:
    files = desk(gate, "self._n = 0")
    assert gates_of(files).all == ()
    assert converted(files) == files


def test_what_is_asked_and_refuses_nobody_limits_nobody() -> None:
    asked = TOOL.replace("        if gate:\n            return gate\n", "        self.notes.append(gate)\n")
    gate = LAST_ID.format("self._n += 1\n    return 'wait' if self._n > 1 else None")
    assert gates_of(desk(gate, STATE)).gated()
    assert not gates_of(desk(gate, STATE, tool=asked)).gated()


def test_a_limit_from_outside_is_not_guessed() -> None:
    gate = LAST_ID.format("self._n += 1\n    if self._n > MOST: return 'wait'")
    files = desk(gate, STATE, before="import os\nMOST = int(os.getenv('MOST_CALLS', '2'))\n")
    (found,) = gates_of(files).all
    assert found.limit is None and found.goes
    assert b"_gate" not in converted(files)["main.py"]


@pytest.mark.parametrize(
    ("read", "today"),
    [
        ("getattr(ctx, 'speech_id', None)", "caps the call"),
        ("ctx.speech_id", "breaks"),
        ("ctx.speech_handle.id", "works"),
        ("getattr(getattr(ctx, 'speech_handle', None), 'id', None)", "works"),
    ],
)
def test_what_the_gate_does_with_todays_context(read: str, today: str) -> None:
    gate = f"""
    def _gate(self, ctx):
        turn = {read}
        if turn != self._last:
            self._last = turn
            self._n = 0
        self._n += 1
        return "wait" if self._n > 2 else None
    """
    (found,) = gates_of(desk(gate, STATE)).all
    assert (found.trial.today, found.limit) == (today, 2)


def test_each_class_has_its_own_limit() -> None:
    files = {
        "base.py": b"""
class Base:
    most = 3
    _last = None
    def _gate(self, ctx):
        if ctx.speech_id != self._last:
            self._last, self._n = ctx.speech_id, 0
        self._n += 1
        return "no" if self._n > self.most else None

    async def note(self, ctx):
        if gate := self._gate(ctx):
            return gate
""",
        "desks.py": b"""
from base import Base

class Strict(Base):
    most = 1

class Same(Base):
    pass

class Other:
    pass
""",
    }
    project = Project(files)
    gates = project.fact(find_gates)
    desks = project.module("desks.py")
    assert desks is not None
    limits = {name: gates.limit_of(node) for name, node in desks.definitions.items()}  # type: ignore[arg-type]
    assert limits == {"Strict": 1, "Same": 3, "Other": None}
    assert {n.name.value for n in gates.gated()} == {"Base", "Strict", "Same"}


@pytest.mark.parametrize(
    ("elsewhere", "stays"),
    [
        ("def stats(self): return self._n", True),
        ("def stats(self): return getattr(self, '_n')", True),
        ("def stats(self): return getattr(self, '_gate')", True),
        ("def stats(self): return [self._gate]", True),
        ("def stats(self): self._n = 0", False),
        ("def stats(self): self._last = None; self.notes = []", False),
    ],
)
def test_a_gate_that_others_look_into_stays_and_works(elsewhere: str, stays: bool) -> None:
    gate = LAST_ID.format("self._n += 1\n    return 'wait' if self._n > 1 else None") + elsewhere + "\n"
    files = desk(gate, STATE)
    out = converted(files)
    assert (b"def _gate" in out["main.py"]) is stays
    assert (b"TODO(lk-migrate LK101)" in out["main.py"]) is stays
    agent = built(out)
    agent.stats()
    assert asyncio.run(agent.note(turn(1), "a")) == "noted a"


def test_a_gate_that_does_more_than_count_stays() -> None:
    gate = LAST_ID.format("self._n += 1\n    self.hub.send('call')\n    return 'wait' if self._n > 1 else None")
    files = desk(gate, STATE + "\nself.hub = __import__('queue').Queue()")
    out = converted(files)["main.py"].decode()
    assert "def _gate" in out and "it does more than count" in out
    assert "gate = self._gate(ctx)" in out, "the guards stay with it"


def test_a_mixin_of_a_livekit_agent_is_not_hand_rolled() -> None:
    agent = textwrap.dedent("""
        from livekit.agents import Agent, function_tool


        class HangUp:
            {tool}
            async def end(self, ctx):
                return self.x


        class Desk(HangUp, Agent):
            pass
        """)
    assert not is_hand_rolled(Project({"a.py": agent.format(tool="@function_tool").encode()}))
    assert is_hand_rolled(Project({"a.py": agent.format(tool="# the model's").encode()}))

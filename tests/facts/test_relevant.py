"""Which files of a tree are looked at: LiveKit's, what they import, and what imports them."""

from __future__ import annotations

from lk_migrate.facts.relevant import relevant

FILES = {
    "app/agent.py": b"from livekit.agents import Agent\nfrom .base import (  # ours\n    Base,\n)\n"
    b"import lib.clock as c\n",
    "app/base.py": b"from . import deep\n",
    "app/deep.py": b"x = 1\n",
    "app/__init__.py": b"",
    "app/other.py": b"y = 1\n",
    "lib/clock.py": b"def now(): ...\n",
    "lib/unused.py": b"import json\n",
    "lib/__init__.py": b"",
    "run.py": b"from app import agent\n",
    "tool/start.py": b"import app.agent as a, os\n",
    "tool/above.py": b"from tool import \\\n    start\n",
    "tool/same_word.py": b"def an_agent(): agent = 1\n",
    "src/pkg/far.py": b"z = 1\n",
}


def test_what_belongs_together() -> None:
    assert relevant(FILES) == {
        "app/agent.py",
        "app/base.py",
        "app/deep.py",
        "app/__init__.py",
        "lib/clock.py",
        "run.py",
        "tool/start.py",
        "tool/above.py",
    }


def test_what_uses_an_assistant_that_speaks_of_no_livekit() -> None:
    files = {
        "main.py": b"import livekit\nfrom desk import Desk\nimport clock\n",
        "desk.py": b"class Desk:\n    def __init__(self, llm):\n        self.llm, self.instructions = llm, 'x'\n",
        "page.py": b"from desk import Desk\nprint(Desk(1).llm)\n",
        "clock.py": b"x = 1\n",
        "hours.py": b"import clock\n",
    }
    assert relevant(files) == {"main.py", "desk.py", "page.py", "clock.py"}


def test_an_import_behind_a_byte_order_mark() -> None:
    files = {"desk.py": "\ufefffrom gate import Gate\n".encode(), "gate.py": b"import livekit\n"}
    assert relevant(files) == set(files)


def test_what_the_person_names_is_looked_at() -> None:
    assert "src/pkg/far.py" in relevant(FILES, ["src/pkg/far.py"])


def test_a_small_project_without_livekit_is_looked_at_as_a_whole() -> None:
    small = {p: d for p, d in FILES.items() if b"livekit" not in d}
    assert relevant(small) == set(small)
    assert not relevant({f"m{n}.py": b"x = 1\n" for n in range(1_000)})


def test_a_gate_that_says_so_does_not_hide_the_others_of_a_small_project() -> None:
    files = {
        "desk.py": b"from gates import Gate\nfrom repairs import Repairs\n\nclass Desk(Repairs, Gate): ...\n",
        "gates.py": b"class Gate:\n    def _gate(self, ctx): ...\n",
        "repairs.py": b"class Repairs:\n    def _turn_gate(self): ...\n",
    }
    assert relevant(files) == frozenset(files)


def test_packages_under_src() -> None:
    files = {
        "src/pkg/agent.py": b"import livekit\n",
        "scripts/run.py": b"from pkg.agent import x\n",
        "o.py": b"import os\n",
    }
    assert relevant(files) == {"src/pkg/agent.py", "scripts/run.py"}


def test_of_very_many_named_files_those_are_looked_at_that_may_hold_an_assistant() -> None:
    """`convert .` names every file of a project."""
    desk = {"desk.py": b"class Desk:\n    instructions = 'Answer.'\n"}
    few = desk | {f"m{n}.py": b"class Thing: ...\n" for n in range(20)}
    many = desk | {f"m{n}.py": b"class Thing: ...\n" for n in range(300)}
    assert relevant(few | FILES, few) >= set(few)
    assert relevant(many | FILES, many) == relevant(FILES) | {"desk.py"}

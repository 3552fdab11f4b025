"""The converted apps run: `lk-migrate verify` is green, and a caller can book and ask in the clinic's own console."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from conversations import BOOKING, QUESTIONS
from endtoend_support import APPS, BY_HAND, Converted, lk_migrate

from lk_migrate.verify.console import PROMPT, THINKING
from lk_migrate.verify.observations import Observations
from lk_migrate.verify.processes import Children
from lk_migrate.verify.run import Options, prepared
from lk_migrate.verify.standin.script import Call, Request, Say, Script
from lk_migrate.verify.standin.server import serve
from lk_migrate.verify.terminal import Outcome, Terminal, terminal
from lk_migrate.verify.test_bed import stood_in

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("app", APPS)
def test_verify_is_green(app: str, converted: Converted) -> None:
    """Everything but the spoken turns and the worker, which tests/verify covers: they take twice as long again."""
    done = lk_migrate("verify", "--json", "--skip", "voice", "--skip", "worker", cwd=converted(app).folder, timeout=600)
    rows = json.loads(done.stdout)["rows"]
    assert not [row for row in rows if row["status"] == "failed"]
    assert done.returncode == 0, done.stderr
    ran = {row["name"] for row in rows if row["stage"] == "console" and row["status"] == "ok"}
    assert {"greeting", "Ctrl-C"} <= ran
    assert len(ran) >= 3 + 5, "the tools were not called"  # the smallest agent has five


@pytest.mark.parametrize("app", BY_HAND)
def test_a_loop_by_hand_talks(app: str, converted: Converted) -> None:
    """Its new main in a console: it greets as it did, runs its tools, and ends with its shutdown callbacks."""
    skipped = [word for stage in ("static", "voice", "worker", "parity", "environment") for word in ("--skip", stage)]
    done = lk_migrate("verify", "--json", *skipped, cwd=converted(app).folder, timeout=300)
    rows = {row["name"]: row for row in json.loads(done.stdout)["rows"]}
    assert done.returncode == 0 and not [r for r in rows.values() if r["status"] == "failed"], done.stdout
    greeting = {"hotline": "wrong with your bicy", "voicebot": "Harbour Library, how can I help you?"}
    assert greeting[app] in rows["greeting"]["detail"] and rows["Ctrl-C"]["status"] == "ok"


@dataclass
class Caller(Script):
    """A model that does as it is told: for each line of the caller, these tools one after the other, then a word."""

    turns: dict[str, Sequence[Any]] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)

    def reply(self, request: Request) -> Say | Call:
        text = next((t for t in reversed(request.user_turns) if t in self.turns), None)
        if text is None:
            return Say("Clínica Sonrisa, good morning!")
        number = self.done.get(text, 0)
        if number == len(self.turns[text]) or not request.may_call:
            return Say(f"That was {text}")
        self.done[text] = number + 1
        return Call(*self.turns[text][number])


def talk(console: Terminal, text: str) -> None:
    assert console.type_line(text, THINKING, 10) is Outcome.SEEN, console.last_lines()
    assert console.wait_for(f"That was {text}", 20) is Outcome.SEEN, console.last_lines()
    assert console.wait_for(PROMPT, 10) is Outcome.SEEN, console.last_lines()


def test_a_caller_books_and_asks_in_the_console(converted: Converted, tmp_path: Path) -> None:
    """`python main.py console --text`, from the greeting to the reference, then a question; the real tools answer."""
    turns = {f"step {number}.": [call] for number, call in enumerate(BOOKING)}
    turns["where can I park?"] = QUESTIONS[:2]
    turns["everything at once!"] = [["list_topics", {}]] * 9
    script = Caller(turns=turns)
    with prepared(Options(converted("clinic").folder)) as context, serve(script) as server:
        observations = Observations(tmp_path / "events.jsonl")
        environment = {
            **stood_in(context, observations.file, server),
            "CLINIC_NOW": "2025-03-10T09:00",
            "KNOWLEDGE_BASE_ID": "kb-default",
        }
        command = [context.python.path, "main.py", "console", "--text"]
        with terminal(Children(), command, cwd=context.workspace, env=environment) as console:
            assert console.wait_for(PROMPT, 60) is Outcome.SEEN, console.last_lines(20)
            for text in turns:
                talk(console, text)
            console.press_control_c()
            console.read_for(8)
        said = [one["text"] for one in observations.of("item") if one["role"] == "assistant"]
        ran = [(one["tool"], str(one["output"])) for one in observations.of("tool_ran")]

    assert said[0] == "Clínica Sonrisa, good morning!"
    booking = ran[: len(BOOKING)]
    assert [tool for tool, _ in booking] == [tool for tool, _ in BOOKING]
    assert "CS-5E3A77" in booking[-1][1]
    asked = dict(ran[len(BOOKING) :][:2])
    assert asked["query_knowledge_base"].startswith("[location and parking] We are at Calle Mayor 14")
    assert "first hour of parking is free" in asked["get_detailed_info"]
    assert len(ran) - len(BOOKING) - 2 == 5, "the gate of the RAG assistant let five calls through per utterance"

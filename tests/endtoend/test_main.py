"""The generated main.py of the clinic: small, one session, and everything a person had chosen is still chosen."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from endtoend_support import Conversion, Converted

MOST_LINES = 230
#: What makes a model, a voice or a session in the legacy main.py: its literals are decisions of a person.
MAKERS = re.compile(
    r"(openai|deepgram|elevenlabs|silero|noise_cancellation)\.(\w+\.)*\w+|AgentSession|RoomInputOptions|env_(str|float|int|bool)"
)


@pytest.fixture
def clinic(converted: Converted) -> Conversion:
    return converted("clinic")


def module(conversion: Conversion, path: str, *, legacy: bool = False) -> ast.Module:
    tree = conversion.before if legacy else conversion.after
    return ast.parse(tree[path][0])


def calls(tree: ast.AST, pattern: str) -> list[ast.Call]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.Call) and re.fullmatch(pattern, ast.unparse(n.func))]


def literals(tree: ast.AST) -> Iterator[tuple[type, object]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and not isinstance(node.value, bool | None):
            yield type(node.value), node.value


def test_it_is_small(clinic: Conversion) -> None:
    lines = clinic.after["main.py"][0].count(b"\n")
    assert lines <= MOST_LINES
    assert lines == clinic.report["main"]["lines_after"]
    assert clinic.before["main.py"][0].count(b"\n") > 1500


def test_it_makes_one_session(clinic: Conversion) -> None:
    assert len(calls(module(clinic, "main.py"), "AgentSession")) == 1
    for path in clinic.after:
        if path.endswith(".py") and path != "main.py":
            assert not calls(module(clinic, path), r"(.*\.)?AgentSession"), path
    assert len(calls(module(clinic, "main.py", legacy=True), "AgentSession")) == 2


def test_it_is_made_of_todays_api(clinic: Conversion) -> None:
    text = clinic.after["main.py"][0].decode()
    for name in ("AgentServer", "@server.rtc_session", "def prewarm", "cli.run_app(server)", "room_options="):
        assert name in text
    for name in ("WorkerOptions", "RoomInputOptions", "room_input_options", "min_endpointing_delay", "_turn_gate"):
        assert name not in text


def test_models_voices_and_timings_are_the_persons(clinic: Conversion) -> None:
    """Every literal that goes into a model, a voice, a session or its room, and every variable's name."""
    chosen = {
        literal
        for call in calls(module(clinic, "main.py", legacy=True), MAKERS.pattern)
        for argument in [*call.args, *(k.value for k in call.keywords)]
        for literal in literals(argument)
    }
    assert len(chosen) > 30
    support = ("main.py", *clinic.report["main"]["support"])
    found = {literal for path in support for literal in literals(module(clinic, path))}
    assert not chosen - found


def test_the_models_are_chosen_in_main(clinic: Conversion) -> None:
    """A person who looks for the voice looks into main.py (or the flow beside it), not into the helpers."""
    chosen = {
        literal
        for call in calls(module(clinic, "main.py", legacy=True), r"(openai|deepgram|elevenlabs)\.(STT|LLM|TTS)")
        for keyword in call.keywords
        for literal in literals(keyword.value)
    }
    found = {literal for path in ("main.py", "call_flow.py") for literal in literals(module(clinic, path))}
    assert len(chosen) > 15
    assert not chosen - found


def test_every_environment_variable_is_still_read(clinic: Conversion) -> None:
    pattern = r"os\.getenv|os\.environ\.get|env_\w+"

    def names(legacy: bool) -> set[str]:
        tree = clinic.before if legacy else clinic.after
        return {
            call.args[0].value
            for path in tree
            if path.endswith(".py")
            for call in calls(module(clinic, path, legacy=legacy), pattern)
            if call.args and isinstance(call.args[0], ast.Constant)
        }

    assert len(names(legacy=True)) > 15
    assert names(legacy=False) == names(legacy=True)

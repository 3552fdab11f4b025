"""The agent is called, spoken to, heard and interrupted."""

from __future__ import annotations

import io
from array import array
from collections.abc import Callable

import pytest
from rich.console import Console

from lk_migrate.verify import Row, Status, any_failed
from lk_migrate.verify.show import as_table
from lk_migrate.verify.speech import speech
from lk_migrate.verify.voice import _prompt_in

Rows = Callable[[str], list[Row]]


def voice(rows: list[Row]) -> dict[str, Row]:
    return {row.name: row for row in rows if row.stage == "voice"}


@pytest.mark.slow
def test_a_sound_app_is_called_heard_and_interrupted(rows_of: Rows) -> None:
    rows = voice(rows_of("healthy"))
    assert not any_failed(rows.values()), [row for row in rows.values() if row.status is Status.FAILED]
    assert "s of speech are heard" in rows["greeting"].detail
    assert rows["barge-in"].status is Status.OK and "it stops" in rows["barge-in"].detail
    assert rows["hang up"].status is Status.OK


@pytest.mark.slow
def test_a_spoken_turn_goes_through_every_link_in_order(rows_of: Rows) -> None:
    row = voice(rows_of("healthy"))["a spoken turn, book"]
    at = dict(row.steps)
    order = ["speech", "voice activity", "recogniser asked", "model answers", "tool runs", "voice", "heard again"]
    assert [name for name in at if name in order] == order
    assert at["end of speech"] <= at["recogniser asked"]


@pytest.mark.slow
def test_who_answers_is_asked_over_the_protocol(rows_of: Rows) -> None:
    detail = voice(rows_of("healthy"))["agent"].detail
    assert "3 tools" in detail and "33 characters of instructions" in detail


@pytest.mark.slow
def test_an_agent_without_voice_activity_detection_hears_nothing(rows_of: Rows) -> None:
    rows = voice(rows_of("deaf"))
    assert rows["hears"].status is Status.FAILED and "`vad`" in rows["hears"].detail
    assert "barge-in" not in rows


@pytest.mark.slow
def test_an_agent_without_a_voice_is_not_heard(rows_of: Rows) -> None:
    row = voice(rows_of("mute"))["speaks"]
    assert row.status is Status.FAILED
    assert "no speech is heard" in row.detail and "tts_node" in row.detail
    assert "transcript" in dict(row.steps)


@pytest.mark.slow
def test_a_realtime_model_is_replaced_by_three_that_hear_think_and_speak(rows_of: Rows) -> None:
    assert voice(rows_of("providers"))["a spoken turn, speak_slowly"].status is Status.OK


def test_a_prompt_in_the_chat_context_counts_as_instructions() -> None:
    def told(role: str) -> dict[str, object]:
        return {"kind": "message", "role": role, "content": [{"text": "You sell bicycles."}]}

    assert _prompt_in([told("USER"), told("SYSTEM")]) == "You sell bicycles."
    assert not _prompt_in([told("USER"), {"kind": "function_call"}])


def test_the_speech_is_as_long_as_it_should_be_and_neither_silent_nor_clipped() -> None:
    samples = array("h", speech(1.5, 48_000))
    assert 1.3 <= len(samples) / 48_000 <= 1.7
    assert 8_000 < max(samples) < 16_000
    assert speech(1.5, 48_000) == speech(1.5, 48_000)


def test_the_timeline_is_shown() -> None:
    out = io.StringIO()
    row = Row("voice", "a spoken turn", Status.OK, "heard", steps=(("speech", 0.0), ("heard again", 2.25)))
    Console(file=out, width=100).print(as_table([row]))
    assert " 2.25 s ──────────────── heard again" in out.getvalue()

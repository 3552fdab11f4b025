"""What a real recogniser makes of what was said to the agent; here a fake one, and a fake program that speaks."""

from __future__ import annotations

import io
import sys
import wave
from array import array
from pathlib import Path

import pytest

from lk_migrate.verify import Status
from lk_migrate.verify.sound import Sound, as_wav, at_rate, read_wav
from lk_migrate.verify.standin import recogniser
from lk_migrate.verify.standin.script import Script, long_turn_text, spoken_part, turn_text
from lk_migrate.verify.synthesiser import said
from lk_migrate.verify.understood import understood, words_through

SOUND = Sound(16_000, array("h", range(-400, 400)).tobytes())


class Fake:
    name = "fake"

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)

    def transcribe(self, sound: Sound) -> str:
        if not self.texts:
            raise RuntimeError("no more")
        return self.texts.pop(0)


@pytest.fixture
def espeak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only program on PATH: says the same sound whatever it is asked, with a header that promises more."""
    wav = tmp_path / "said.wav"
    wav.write_bytes(as_wav(SOUND)[:40] + (0x7FFFF000).to_bytes(4, "little") + SOUND.samples)
    program = tmp_path / "espeak-ng"
    program.write_text(f"#!/bin/sh\nexec /bin/cat {wav}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return program


def script(*sounds: Sound | None) -> Script:
    """A turn was heard, and then another one."""
    heard = Script()
    heard.transcript = turn_text(1)
    for sound in sounds:
        heard.transcribe(sound)
    heard.transcript = long_turn_text(2)
    heard.transcribe(SOUND)
    return heard


def finds(monkeypatch: pytest.MonkeyPatch, fake: Fake | None) -> None:
    monkeypatch.setattr(recogniser, "find", lambda: fake)


def test_words_come_through(espeak: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finds(monkeypatch, Fake("please use", "the tool"))  # what was said came in two pieces
    row = understood("voice", script(SOUND, SOUND))
    assert row is not None and row.status is Status.OK
    assert row.detail == "said “please use the next tool.”, fake hears “please use the tool”: 4 of 5 words"


@pytest.mark.parametrize("text", ["", "the lease is a fool", "please rest"])
def test_too_few_words_come_through(espeak: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    finds(monkeypatch, Fake(text))
    row = understood("voice", script(SOUND))
    assert row is not None and row.status is Status.SKIPPED and f"hears “{text}”" in row.detail


def test_a_recogniser_that_fails_or_gets_no_wav_is_no_failure_of_the_app(
    espeak: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finds(monkeypatch, Fake())
    row, other = understood("voice", script(SOUND)), understood("voice", script(None))
    assert row is not None and row.status is Status.SKIPPED and "fake fails: RuntimeError: no more" in row.detail
    assert other is not None and other.status is Status.SKIPPED and "no WAV" in other.detail


def test_what_is_missing_is_named(espeak: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("faster_whisper", "pocketsphinx"):
        monkeypatch.setitem(sys.modules, module, None)
    row = understood("voice", script(SOUND))
    assert row is not None and row.status is Status.SKIPPED and "no local recogniser" in row.detail
    espeak.unlink()
    row = understood("voice", script(SOUND))
    assert row is not None and row.status is Status.SKIPPED and "`espeak-ng` on PATH" in row.detail


def test_there_is_no_row_where_nothing_came_to_be_transcribed() -> None:
    assert understood("voice", Script()) is None


def test_words_are_compared_in_their_order() -> None:
    assert words_through("Please use the next tool.", "please use the next tool") == 5
    assert words_through("please use the next tool", "tool next the use please") == 1


def test_the_number_of_a_turn_is_not_said() -> None:
    assert spoken_part(turn_text(12)) == "please use the next tool."


def test_a_sentence_is_said_at_the_rate_that_is_sent(espeak: Path) -> None:
    sentence = said("-v is no option here", 48_000)
    assert sentence is not None and sentence == at_rate(SOUND, 48_000)
    espeak.write_text("#!/bin/sh\nexit 1\n")
    assert said("anything", 48_000) is None
    espeak.unlink()
    assert said("anything", 48_000) is None


def test_more_samples_a_second_lie_between_those_that_are_there() -> None:
    assert list(array("h", at_rate(Sound(10, array("h", [0, 20, -20]).tobytes()), 20).samples)) == [
        0,
        10,
        20,
        0,
        -20,
        -20,
    ]


def test_a_wav_is_read_whatever_its_channels_and_nothing_else_is() -> None:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((2, 2, 8_000, 0, "NONE", ""))
        file.writeframes(array("h", [1, -1, 2, -2, 3, -3]).tobytes())
    assert read_wav(out.getvalue()) == Sound(8_000, array("h", [1, 2, 3]).tobytes())
    assert read_wav(as_wav(SOUND)) == SOUND and SOUND.seconds == 0.05
    assert [read_wav(data) for data in (b"", b"no WAV", as_wav(SOUND)[:20])] == [None] * 3

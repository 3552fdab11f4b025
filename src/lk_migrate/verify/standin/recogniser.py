"""A real recogniser of speech on this machine, if lk-migrate's own environment has one. Nothing is downloaded.

It is asked for a second opinion only: the conversation stays scripted, so that every run is the same.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Protocol

from lk_migrate.verify.sound import Sound, as_wav

_WHISPERS = ("base.en", "base", "small.en", "small", "tiny.en", "tiny")  # what is looked for on the disk


class Recogniser(Protocol):
    """Writes down what is said."""

    name: str

    def transcribe(self, sound: Sound) -> str:
        """The words of it; "" if there are none."""


class Whisper:
    """faster-whisper, with a model that it downloaded some day."""

    def __init__(self) -> None:
        from faster_whisper import WhisperModel, download_model

        for model in _WHISPERS:
            try:
                folder = Path(download_model(model, local_files_only=True))
                if not (folder / "tokenizer.json").exists():  # it would be downloaded
                    continue
                self._model: Any = WhisperModel(str(folder), device="cpu", compute_type="int8")
            except (OSError, ValueError, RuntimeError):  # not here, or not whole
                continue
            self.name = f"faster-whisper, {model}"
            return
        raise ImportError("no model of it is on the disk")

    def transcribe(self, sound: Sound) -> str:
        segments, _ = self._model.transcribe(io.BytesIO(as_wav(sound)), language="en")
        return " ".join(segment.text.strip() for segment in segments)


class PocketSphinx:
    """pocketsphinx, which brings its own model of American English."""

    name = "pocketsphinx"

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder: Any = Decoder

    def transcribe(self, sound: Sound) -> str:
        decoder = self._decoder(samprate=sound.rate, loglevel="FATAL")
        decoder.start_utt()
        decoder.process_raw(sound.samples, full_utt=True)
        decoder.end_utt()
        best = decoder.hyp()
        return str(best.hypstr) if best is not None else ""


def find() -> Recogniser | None:
    """The best that is installed. Takes a second or two where one is."""
    for recogniser in (Whisper, PocketSphinx):
        try:
            return recogniser()
        except ImportError:
            continue
    return None

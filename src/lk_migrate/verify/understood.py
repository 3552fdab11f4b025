"""A row of the voice stage: whether what the agent sent to be transcribed can still be understood."""

from __future__ import annotations

import re
import time
from difflib import SequenceMatcher

from lk_migrate.verify import synthesiser
from lk_migrate.verify.rows import Row, Status
from lk_migrate.verify.sound import Sound
from lk_migrate.verify.standin import recogniser
from lk_migrate.verify.standin.recogniser import Recogniser
from lk_migrate.verify.standin.script import Script, spoken_part

_NAME = "understood"
_ENOUGH = 0.5  # of the words
_RECOGNISERS = "`pip install pocketsphinx` beside lk-migrate, or faster-whisper with a model on the disk"
_NO_SENTENCE = f"scripted: a real recogniser needs a sentence, so `espeak-ng` on PATH (and {_RECOGNISERS})"
_NO_RECOGNISER = f"scripted: no local recogniser is installed ({_RECOGNISERS})"


def understood(stage: str, script: Script) -> Row | None:
    """The first sentence that was said, as a real recogniser hears it; None if nothing came to be transcribed."""
    uploads = [one for one in script.served if one.kind == "transcription"]
    if not uploads:
        return None
    if synthesiser.program() is None:
        return Row(stage, _NAME, Status.SKIPPED, _NO_SENTENCE)
    hears = recogniser.find()
    if hears is None:
        return Row(stage, _NAME, Status.SKIPPED, _NO_RECOGNISER)
    said = uploads[0].text
    sounds = [one.sound for one in uploads if one.text == said and one.sound is not None]
    if not sounds:
        return Row(stage, _NAME, Status.SKIPPED, "what the agent sends to be transcribed is no WAV of 16 bits")
    return heard(stage, hears, spoken_part(said), sounds)


def heard(stage: str, hears: Recogniser, said: str, sounds: list[Sound]) -> Row:
    """What a recogniser makes of a sentence that came in one or more pieces."""
    begun = time.monotonic()
    try:
        text = " ".join(filter(None, map(hears.transcribe, sounds)))
    except Exception as error:  # somebody else's library, and nothing hangs on it
        return Row(stage, _NAME, Status.SKIPPED, f"{hears.name} fails: {type(error).__name__}: {error}")
    through, words = words_through(said, text), len(_words(said))
    detail = f"said “{said}”, {hears.name} hears “{text}”: {through} of {words} words"
    if through < _ENOUGH * words:
        return Row(stage, _NAME, Status.SKIPPED, f"{detail}, too few to tell anything")
    return Row(stage, _NAME, Status.OK, detail, seconds=time.monotonic() - begun)


def words_through(said: str, heard: str) -> int:
    """How many words of what was said were heard, in their order."""
    blocks = SequenceMatcher(None, _words(said), _words(heard), autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())

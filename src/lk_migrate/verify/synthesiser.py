"""A sentence that a recogniser can understand, said by eSpeak if the machine has it."""

from __future__ import annotations

import shutil
import subprocess

from lk_migrate.verify.sound import Sound, at_rate, read_wav

_PROGRAMS = ("espeak-ng", "espeak")
_SECONDS = 10.0  # more than it takes for a sentence


def program() -> str | None:
    """Where eSpeak is."""
    return next(filter(None, map(shutil.which, _PROGRAMS)), None)


def said(sentence: str, rate: int) -> Sound | None:
    """The sentence in American English at `rate` samples a second; None without eSpeak, or where it fails."""
    espeak = program()
    if espeak is None:
        return None
    command = [espeak, "-v", "en-us", "--stdout", "--", sentence]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    sound = read_wav(done.stdout)
    return at_rate(sound, rate) if done.returncode == 0 and sound is not None and sound.samples else None

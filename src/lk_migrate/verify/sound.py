"""Sound as it is sent about: mono, 16 bits a sample, as WAV or plain."""

from __future__ import annotations

import io
import wave
from array import array
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sound:
    """`samples` of one channel, `rate` of them a second."""

    rate: int
    samples: bytes

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / 2 / self.rate


def read_wav(data: bytes) -> Sound | None:
    """The first channel of a WAV file; None where it is something else. A length that the header overstates, as
    a program writes it that does not know the end yet, does no harm."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            if file.getsampwidth() != 2:
                return None
            frames, channels, rate = file.readframes(file.getnframes()), file.getnchannels(), file.getframerate()
    except (wave.Error, EOFError):
        return None
    whole = array("h", frames[: len(frames) // (2 * channels) * 2 * channels])
    return Sound(rate, whole[::channels].tobytes())


def as_wav(sound: Sound) -> bytes:
    """A WAV file of it."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.rate)
        file.writeframes(sound.samples)
    return out.getvalue()


def at_rate(sound: Sound, rate: int) -> Sound:
    """The same with more samples a second, on straight lines between those that are there."""
    samples = array("h", sound.samples)
    if sound.rate == rate or not samples:
        return Sound(rate, sound.samples)
    last = len(samples) - 1
    out = array("h")
    for n in range(len(samples) * rate // sound.rate):
        whole, part = divmod(n * sound.rate, rate)
        first, second = samples[whole], samples[min(whole + 1, last)]
        out.append(first + (second - first) * part // rate)
    return Sound(rate, out.tobytes())

"""Something that sounds like a person speaking, made from nothing: formant synthesis of a few syllables.

A glottal pulse train through three resonators (Klatt, J. Acoust. Soc. Am. 67, 1980; formants of the vowels by
Peterson and Barney, 1952), with bursts of noise for consonants. Voice activity detectors take it for speech, and
it belongs to nobody. Pure and deterministic; 16-bit mono samples.
"""

from __future__ import annotations

import math
import random
from array import array
from functools import lru_cache

#: The first three formants of a vowel, in Hz.
_VOWELS = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
_BANDWIDTHS = (80.0, 100.0, 140.0)  # Hz
_SYLLABLE = 0.19  # seconds: about five a second, as people speak
_CONSONANT = 0.05  # seconds of it
_PITCH = 125.0  # Hz, falling by a fifth over a sentence
_LOUDNESS = 0.35  # of full scale, at the peak
_PHRASE = "aeioaueaoi"


def speech(seconds: float, rate: int) -> bytes:
    """About so many seconds of speech, rounded to whole syllables, at `rate` samples a second."""
    syllables = max(1, round(seconds / _SYLLABLE))
    return _spoken(syllables, rate)


@lru_cache(maxsize=32)
def _spoken(syllables: int, rate: int) -> bytes:
    noise = random.Random(syllables)
    samples: list[float] = []
    phase = 0.0
    for number in range(syllables):
        vowel = _VOWELS[_PHRASE[number % len(_PHRASE)]]
        voiced, phase = _voiced(vowel, number / max(syllables, 2), rate, phase, noise)
        samples += _burst(rate, noise) + voiced
    peak = max(abs(sample) for sample in samples)
    return array("h", (int(sample / peak * _LOUDNESS * 32767) for sample in samples)).tobytes()


def _burst(rate: int, noise: random.Random) -> list[float]:
    count = int(_CONSONANT * rate)
    return [noise.gauss(0, 0.03) * math.sin(math.pi * n / count) for n in range(count)]


def _voiced(
    formants: tuple[int, ...], position: float, rate: int, phase: float, noise: random.Random
) -> tuple[list[float], float]:
    """One vowel, `position` (0 to 1) of the way through the sentence; the phase of the voice goes on."""
    count = int((_SYLLABLE - _CONSONANT) * rate)
    pitch = _PITCH * (1 - 0.2 * position)
    source: list[float] = []
    for n in range(count):
        phase += pitch * (1 + 0.03 * math.sin(2 * math.pi * 5 * n / rate)) / rate
        phase -= int(phase)
        # Open for 60 % of a period (Rosenberg's pulse, differentiated), and a breath of noise.
        flow = math.sin(math.pi * phase / 0.6) * math.cos(math.pi * phase / 0.6) if phase < 0.6 else 0.0
        source.append((flow + noise.gauss(0, 0.01)) * math.sin(math.pi * n / count) ** 0.5)
    for frequency, bandwidth in zip(formants, _BANDWIDTHS, strict=True):
        source = _resonate(source, frequency, bandwidth, rate)
    peak = max(abs(sample) for sample in source) or 1.0
    return [sample / peak for sample in source], phase


def _resonate(samples: list[float], frequency: float, bandwidth: float, rate: int) -> list[float]:
    """Klatt's second-order resonator."""
    c = -math.exp(-2 * math.pi * bandwidth / rate)
    b = 2 * math.exp(-math.pi * bandwidth / rate) * math.cos(2 * math.pi * frequency / rate)
    a = 1 - b - c
    first = second = 0.0
    out: list[float] = []
    for sample in samples:
        first, second = a * sample + b * first + c * second, first
        out.append(first)
    return out

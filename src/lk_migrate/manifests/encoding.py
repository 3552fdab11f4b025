"""Bytes of a manifest as text and back, every byte kept.

pip reads UTF-8 and, by their byte order marks, UTF-16 files as `pip freeze > requirements.txt` makes them in Windows
PowerShell. Bytes that are no UTF-8 pass through as surrogates.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Encoded:
    """A decoded file: `text` is without the byte order mark, line ends are as they were."""

    data: bytes
    text: str
    bom: bytes
    codec: str

    def encode(self, text: str) -> bytes:
        """Another text in the same encoding."""
        return self.bom + text.encode(self.codec, _errors(self.codec))


def decode(data: bytes) -> Encoded:
    """The text of a manifest; never raises."""
    bom, codec = next(((b, c) for b, c in _BOMS if data.startswith(b)), (b"", "utf-8"))
    try:
        text = data[len(bom) :].decode(codec, _errors(codec))
    except UnicodeDecodeError:  # a broken UTF-16 file: nothing in it will be recognised
        return Encoded(data, data.decode("latin-1"), b"", "latin-1")
    return Encoded(data, text, bom, codec)


def _errors(codec: str) -> str:
    return "surrogateescape" if codec == "utf-8" else "strict"

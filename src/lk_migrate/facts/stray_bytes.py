"""UTF-8 with stray bytes of another encoding: Python imports such a file as long as they stand in comments.

`import` compiles the bytes, and CPython's tokenizer does not decode comments then (`python file.py` does, and
refuses). The codec shows each stray byte as one private-use character and writes it back as it was.
"""

from __future__ import annotations

import ast
import codecs
import re
from typing import Any

#: The codec's name; `tree.encoding` of a file that needs it.
STRAY = "utf-8-stray"
#: Stray byte 0x80 + n is shown as this character + n; a file that uses these characters itself is not taken.
_FIRST = 0xF780
_SHOWN = re.compile(f"[{chr(_FIRST)}-{chr(_FIRST + 0x7F)}]+")


def has_stray_bytes(data: bytes) -> bool:
    """Whether Python compiles a file that is no valid UTF-8, and our codec can carry it."""
    try:
        ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return _SHOWN.search(data.decode("utf-8", "ignore")) is None


def _show(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    bad = error.object[error.start : error.end]
    return "".join(chr(_FIRST + byte - 0x80) for byte in bad), error.end


def _decode(data: Any, errors: str = "strict") -> tuple[str, int]:
    return bytes(data).decode("utf-8", STRAY), len(data)


def _encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
    parts, at = [], 0
    for shown in _SHOWN.finditer(text):
        parts += [text[at : shown.start()].encode(), bytes(ord(c) - _FIRST + 0x80 for c in shown.group())]
        at = shown.end()
    return b"".join([*parts, text[at:].encode()]), len(text)


def _find(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") != STRAY:
        return None
    return codecs.CodecInfo(_encode, _decode, name=STRAY)


codecs.register_error(STRAY, _show)
codecs.register(_find)

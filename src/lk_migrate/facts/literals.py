"""What a string of the program says."""

from __future__ import annotations

import libcst as cst


def string_value(text: cst.SimpleString) -> str | bytes:
    """Its value: for most strings what stands between the quotes; LibCST's `evaluated_value` asks Python's parser."""
    raw = text.value
    if raw[0] not in "\"'" or "\\" in raw or "\r" in raw:
        return text.evaluated_value
    quotes = 3 if raw.startswith(('"""', "'''")) else 1
    return raw[quotes:-quotes]


def text_of(node: cst.CSTNode | None) -> str | None:
    """What a plain string literal says; None for bytes, and for what is no such literal."""
    value = string_value(node) if isinstance(node, cst.SimpleString) else None
    return value if isinstance(value, str) else None

"""The lines of a source file, numbered as Python and LibCST number them."""

from __future__ import annotations

import re

_END = re.compile(r"\r\n|\n|\r")


def source_lines(text: str) -> list[str]:
    """`str.splitlines` but for form feeds and separators, at which no line of Python ends."""
    lines = _END.split(text) if "\r" in text else text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines

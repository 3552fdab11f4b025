"""The lines of a statement, told by indentation alone: good enough to show, without parsing."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

#: A longer block is cut: it is shown to explain, not to copy.
_MOST = 25


def block(lines: Sequence[str], start: int, end: int | None = None) -> str:
    """The statement that begins at `start` (0-based) with all that is indented below it, dedented.

    `end` (exclusive): lines that belong to it in any case. Decorators bring their function along.
    """
    if start >= len(lines):
        return ""
    indent = _indent(lines[start])
    last = max(start + 1, end or 0)
    while last < len(lines) and last - start < _MOST:
        line = lines[last]
        decorated = lines[last - 1].lstrip().startswith("@") and _indent(line) == indent
        closing = _indent(line) == indent and line.lstrip()[:1] in (")", "]", "}")
        if line.strip() and _indent(line) <= indent and not decorated and not closing:
            break
        last += 1
    shown = list(lines[start : min(last, start + _MOST)])
    while shown and not shown[-1].strip():
        shown.pop()
    return textwrap.dedent("\n".join(shown))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())

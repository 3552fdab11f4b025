"""Python source as HTML, line by line, with classes for strings, comments, keywords.

One regular expression over the whole file: strings over several lines come out right, and 200 files take no time
(a general highlighter needs ten seconds for them).
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from markupsafe import Markup, escape

_KEYWORDS = "|".join(sorted(keyword.kwlist))
_TOKEN = re.compile(
    rf"""
    (?P<c>\#[^\n]*)
  | (?P<s>(?i:\b[rbuf]{{1,2}})?(?:\"\"\"(?:\\.|[^\\])*?(?:\"\"\"|\Z)|'''(?:\\.|[^\\])*?(?:'''|\Z)
        |\"(?:\\.|[^\\\n\"])*(?:\"|$)|'(?:\\.|[^\\\n'])*(?:'|$)))
  | (?P<d>^[ \t]*@[\w.]+)
  | (?P<k>\b(?:{_KEYWORDS})\b)
  | (?P<n>\b\d[\w.]*)
  | (?P<w>\b\w+)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)

Span = tuple[int, int, str]


def python_spans(lines: Sequence[str]) -> list[list[Span]]:
    """For each line: (start, end, class) of what is set off; `f` is the name of a function or class."""
    starts, offset = [], 0
    for line in lines:
        starts.append(offset)
        offset += len(line) + 1
    found: list[list[Span]] = [[] for _ in lines]
    row, defining = 0, False
    for match in _TOKEN.finditer("\n".join(lines)):
        kind = match.lastgroup or ""
        if kind == "w":
            if not defining:
                continue
            kind = "f"
        defining = kind == "k" and match.group() in ("def", "class")
        begin, end = match.span()
        while row + 1 < len(starts) and starts[row + 1] <= begin:
            row += 1
        at = row
        while at < len(lines) and starts[at] < end:
            low, high = max(begin, starts[at]), min(end, starts[at] + len(lines[at]))
            if low < high:
                found[at].append((low - starts[at], high - starts[at], kind))
            at += 1
    return found


def line_html(line: str, spans: Sequence[Span] = (), mark: tuple[int, int] | None = None) -> Markup:
    """One line; `mark` is the part that changed."""
    cuts = {0, len(line), *(n for start, end, _ in spans for n in (start, end)), *(mark or ())}
    edges = sorted(n for n in cuts if 0 <= n <= len(line))
    parts: list[str] = []
    for low, high in pairwise(edges):
        kind = next((k for start, end, k in spans if start <= low and high <= end), "")
        text = str(escape(_visible(line[low:high])))
        text = f'<b class="{kind}">{text}</b>' if kind else text
        parts.append(f"<mark>{text}</mark>" if mark and mark[0] <= low and high <= mark[1] else text)
    return Markup("".join(parts))


@cache
def _control() -> dict[int, str]:
    return {n: "·" for n in (*range(32), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)) if n != 9}


def _visible(text: str) -> str:
    """Control characters, and those that turn the reading direction, as a dot."""
    return text.translate(_control()).encode("utf-8", "replace").decode("utf-8")

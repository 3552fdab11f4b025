"""No comment is lost: the old file's comments stand in the new one, but for those that went with what was removed."""

from __future__ import annotations

import io
import re
import tokenize
from collections import Counter
from collections.abc import Collection

_TAIL = re.compile(r"#.*")


def lost_comments(before: str, after: str, gone: Collection[int]) -> list[tuple[int, str]]:
    """The comments of `before` that are not in `after`, each with its 1-based line.

    `gone`: lines whose comments went on purpose. Texts that `tokenize` cannot read say nothing.
    """
    # What follows the first `#` of a line may be the end of a string; as long as nothing of it is lost, who cares.
    if not _tails(before) - _tails(after):
        return []
    try:
        old, new = _comments(before), Counter(text for _, text in _comments(after))
    except (tokenize.TokenError, SyntaxError, UnicodeError):
        return []
    kept = [(line, text) for line, text in old if line not in gone]
    missing = Counter(text for _, text in kept) - new
    lost = []
    for line, text in kept:
        if missing[text]:
            missing[text] -= 1
            lost.append((line, text))
    return lost


def _tails(text: str) -> Counter[str]:
    return Counter(tail.rstrip() for tail in _TAIL.findall(text))


def _comments(text: str) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(text, newline="").readline)
    return [(t.start[0], t.string.rstrip()) for t in tokens if t.type == tokenize.COMMENT]

"""No comment is lost: the old file's comments stand in the new one, but for those that went with what was removed."""

from __future__ import annotations

import io
import re
import tokenize
from collections import Counter
from collections.abc import Collection

_TAIL = re.compile(r"#.*")


def lost_comment(before: str, after: str, gone: Collection[int]) -> int | None:
    """The 1-based line of a comment of `before` that is not in `after`, None when all of them are.

    `gone`: lines whose comments went on purpose. Texts that `tokenize` cannot read say nothing.
    """
    # What follows the first `#` of a line may be the end of a string; as long as nothing of it is lost, who cares.
    if not _tails(before) - _tails(after):
        return None
    try:
        old, new = _comments(before), Counter(text for _, text in _comments(after))
    except (tokenize.TokenError, SyntaxError, UnicodeError):
        return None
    kept = Counter(text for line, text in old if line not in gone)
    missing = kept - new
    return next((line for line, text in old if text in missing and line not in gone), None)


def _tails(text: str) -> Counter[str]:
    return Counter(tail.rstrip() for tail in _TAIL.findall(text))


def _comments(text: str) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(text, newline="").readline)
    return [(t.start[0], t.string.rstrip()) for t in tokens if t.type == tokenize.COMMENT]

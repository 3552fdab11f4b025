"""No comment is lost: the old file's comments stand in the new one, but for those that went with what was removed."""

from __future__ import annotations

import io
import re
import tokenize
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterator
from difflib import SequenceMatcher

_TAIL = re.compile(r"#.*")


def lost_comments(before: str, after: str, gone: Collection[int]) -> list[tuple[int, str]]:
    """The comments of `before` that are not in `after`, each with its 1-based line.

    `gone`: lines whose comments went on purpose. Texts that `tokenize` cannot read say nothing.
    """
    # What follows the first `#` of a line may be the end of a string; as long as nothing of it is lost, who cares.
    if not _tails(before) - _tails(after):
        return []
    try:
        old, new = _comments(before), [text for _, text in _comments(after)]
    except (tokenize.TokenError, SyntaxError, UnicodeError):
        return []
    kept = [(line, text) for line, text in old if line not in gone]
    missing = Counter(text for _, text in kept) - Counter(new)
    return sorted(_missed(kept, new, missing)) if missing else []


def _missed(kept: list[tuple[int, str]], new: list[str], missing: Counter[str]) -> Iterator[tuple[int, str]]:
    """The comments that are meant by `missing`: of several alike, those whose neighbours are gone, too."""
    matcher = SequenceMatcher(None, [text for _, text in kept], new, autojunk=False)
    found_again = {i for block in matcher.get_matching_blocks() for i in range(block.a, block.a + block.size)}
    for i in sorted(range(len(kept)), key=lambda i: (i in found_again, i)):
        line, text = kept[i]
        if missing[text]:
            missing[text] -= 1
            yield line, text


def _tails(text: str) -> Counter[str]:
    return Counter(tail.rstrip() for tail in _TAIL.findall(text))


#: A string in any of its four kinds of quotes (a prefix does not change where it ends), or a comment.
_STRING_OR_COMMENT = re.compile(
    r"'{3}(?:[^\\]|\\.)*?'{3}"
    r'|"{3}(?:[^\\]|\\.)*?"{3}'
    r"|'(?:[^'\\\r\n]|\\(?:\r\n|.))*'"
    r'|"(?:[^"\\\r\n]|\\(?:\r\n|.))*"'
    r"|#[^\r\n]*",
    re.S,
)
_LINE_END = re.compile(r"\r\n|\n|\r")


def _comments(text: str) -> list[tuple[int, str]]:
    """Each comment with its line: what `tokenize` says, which takes twenty times as long before Python 3.12."""
    found: list[tuple[int, str]] = []
    ends = [match.end() for match in _LINE_END.finditer(text)]
    for match in _STRING_OR_COMMENT.finditer(text):
        word, start = match.group(), match.start()
        if word[0] == "#":
            found.append((bisect_right(ends, start) + 1, word.rstrip()))
        elif "{" in word and _may_nest(word, text[max(0, start - 2) : start]):
            return _tokenized(text)
    return found


def _may_nest(word: str, prefix: str) -> bool:
    """Whether the text is an f-string that seems to end inside its braces.

    Since Python 3.12 there may be quotes and comments in there: then one has to read in earnest.
    """
    return prefix.rstrip("rR")[-1:] in ("f", "F", "t", "T") and (word.count("{") != word.count("}") or "#" in word)


def _tokenized(text: str) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(text, newline="").readline)
    return [(t.start[0], t.string.rstrip()) for t in tokens if t.type == tokenize.COMMENT]

"""Thousands of files searched for a word."""

from __future__ import annotations

from collections.abc import Collection, Mapping

#: So many files are searched at once.
_AT_ONCE = 64


#: What may stand between the parts of an expression: `(agent  # ours\n  .chat_ctx)`. A bracket may close in it.
GAP = rb"(?:[\s\\()]|#[^\n]*\n)*"


def files_with(files: Mapping[str, bytes], words: Collection[bytes]) -> set[str]:
    """The paths of the files (path → bytes) in which one of these words stands; no word holds a NUL.

    Dozens are asked at once: where most have none, asking each costs as much again as the search.
    """
    paths = list(files)
    found: set[str] = set()
    for at in range(0, len(paths), _AT_ONCE):
        some = paths[at : at + _AT_ONCE]
        together = b"\0".join([files[path] for path in some])
        here = [word for word in words if word in together]
        found.update(path for path in some if any(word in files[path] for word in here))
    return found

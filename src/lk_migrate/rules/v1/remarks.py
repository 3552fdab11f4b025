"""Comments that speak of a statement which is taken out: they go with it, all others stay."""

from __future__ import annotations

import re

import libcst as cst


def remarks(node: cst.CSTNode, about: re.Pattern[str]) -> tuple[cst.EmptyLine, ...]:
    """The comment lines right above `node` (to the next blank line), if one of them matches `about`; else none."""
    block: list[cst.EmptyLine] = []
    for line in reversed(getattr(node, "leading_lines", ())):
        if line.comment is None:
            break
        block.insert(0, line)
    speaks = any(line.comment is not None and about.search(line.comment.value) for line in block)
    return tuple(block) if speaks else ()

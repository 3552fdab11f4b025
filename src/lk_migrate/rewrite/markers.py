"""Markers and switches in comments: `# TODO(lk-migrate LK101): …` and `# lk-migrate: ignore[LK101]`."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

import libcst as cst

_IGNORE = re.compile(r"#\s*lk-migrate:\s*ignore(?:\[([\w,\s]+)\])?")
_MARKER = re.compile(r"#\s*TODO\(lk-migrate (LK\d+)\)")
_WIDTH = 100


def marker_lines(rule: str, message: str) -> list[cst.EmptyLine]:
    """The marker as comment lines, wrapped; continuation lines are indented so that they read as one remark."""
    lines = textwrap.wrap(f"TODO(lk-migrate {rule}): {' '.join(message.split())}", _WIDTH)
    texts = [f"# {line}" if i == 0 else f"#   {line}" for i, line in enumerate(lines)]
    return [cst.EmptyLine(comment=cst.Comment(text)) for text in texts]


def enumerated(names: Sequence[str]) -> str:
    """As a message says them: `a`, `b` and `c`."""
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} and {last}" if others else last


def has_marker(statement: cst.CSTNode, rule: str, tree: cst.Module | None = None) -> bool:
    """Whether a marker of this rule stands above `statement` already.

    `tree`: the file; the lines above its first statement are the file's header, not the statement's.
    """
    lines = list(getattr(statement, "leading_lines", ()))
    if tree is not None and tree.body and tree.body[0] is statement:
        lines = [*tree.header, *lines]
    return any(
        line.comment is not None and (m := _MARKER.match(line.comment.value)) and m.group(1) == rule for line in lines
    )


def parted(lines: Sequence[cst.EmptyLine]) -> tuple[list[cst.EmptyLine], list[cst.EmptyLine]]:
    """The lines above a statement, before its first marker and from there on."""
    first = (i for i, line in enumerate(lines) if line.comment is not None and _MARKER.match(line.comment.value))
    at = next(first, len(lines))
    return list(lines[:at]), list(lines[at:])


def ignored_rules(statement: cst.CSTNode) -> frozenset[str] | None:
    """The rule ids that comments at `statement` switch off; None when nothing is, {"*"} when all are."""
    comments = [line.comment for line in getattr(statement, "leading_lines", ())]
    trailing = getattr(statement, "trailing_whitespace", None)
    if trailing is None and isinstance(statement, cst.BaseCompoundStatement):
        trailing = getattr(getattr(statement, "body", None), "header", None)  # (a `match` has no body)
    if isinstance(trailing, cst.TrailingWhitespace):
        comments.append(trailing.comment)
    for comment in comments:
        match = _IGNORE.search(comment.value) if comment is not None else None
        if match:
            ids = match.group(1)
            return frozenset(i.strip() for i in ids.split(",")) if ids else frozenset({"*"})
    return None

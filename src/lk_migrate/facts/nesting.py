"""Whether a file is nested too deeply for LibCST, whose parser overflows the stack (and ends the process) on such.

CPython refuses more than 200 open brackets; LibCST takes some thousand, then crashes, and a chain of as many operators
takes it minutes (its time grows with the square). Files that people write come nowhere near; the question is cheap.
"""

from __future__ import annotations

import ast
import re

#: CPython's own limit (MAXSTACK in Parser/tokenizer).
_BRACKETS = 200
#: Levels of a syntax tree. LibCST needs seconds for a thousand, and overflows its stack at some thousand.
_LEVELS = 1_000
#: A file with a line as long, or with as many `elif`, is looked at by `ast` first.
_LONG, _MANY = 2_000, 500

_BRACKET = re.compile(rb"[()\[\]{}]")
_ROUND = bytes.maketrans(b"[]{}", b"()()")
_NO_BRACKETS = bytes(b for b in range(256) if b not in b"()[]{}")


def is_too_deep(data: bytes) -> bool:
    """Whether LibCST must not be asked to parse `data`."""
    brackets = _bracket_depth(data)
    if brackets <= _BRACKETS and data.count(b"elif") <= _MANY and all(len(n) < _LONG for n in data.splitlines()):
        return False
    try:
        tree = ast.parse(data)
    except (RecursionError, MemoryError):
        return True
    except (SyntaxError, ValueError):
        return brackets > _BRACKETS
    return _levels(tree) > _LEVELS


def _bracket_depth(data: bytes) -> int:
    """The most brackets open at once, those in strings and comments counted, too; at most so many, if that is few."""
    left, most = data.translate(_ROUND, _NO_BRACKETS), 0
    while left and most <= _BRACKETS:  # pair by pair, from the inside
        less = left.replace(b"()", b"")
        if len(less) == len(left):
            most += left.count(b"(")
            break
        left, most = less, most + 1
    if most <= _BRACKETS:
        return most
    depth = deepest = 0
    for bracket in _BRACKET.findall(data):
        if bracket in b"([{":
            depth += 1
            deepest = max(deepest, depth)
        elif depth:
            depth -= 1
    return deepest


def _levels(tree: ast.AST) -> int:
    count, level = 0, [tree]
    while level and count <= _LEVELS:
        count += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return count

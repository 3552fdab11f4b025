"""Python's own reading of a file, which several questions are put to."""

from __future__ import annotations

import ast
from functools import lru_cache


@lru_cache(maxsize=2)
def read_syntax(data: bytes) -> ast.Module:
    """`ast.parse(data)`. Raises `SyntaxError` for whatever this Python cannot read."""
    try:
        return ast.parse(data)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error)) from error


def syntax_of(data: bytes) -> ast.Module | None:
    """The same, None for what this Python cannot read."""
    try:
        return read_syntax(data)
    except SyntaxError:
        return None

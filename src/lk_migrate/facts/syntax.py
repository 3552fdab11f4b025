"""Python's own reading of a file, which several questions are put to."""

from __future__ import annotations

import ast
from functools import lru_cache


@lru_cache(maxsize=16)
def read_syntax(data: bytes) -> ast.Module:
    """`ast.parse(data)`. Raises `SyntaxError` for whatever this Python cannot read."""
    try:
        return ast.parse(data)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error)) from error

"""Python's own reading of a file, which several questions are put to."""

from __future__ import annotations

import ast
import warnings
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


def compile_error(source: bytes | ast.Module) -> str | None:
    """Why Python would not compile it, None if it would.

    More than parsing: an argument given twice, or a `return` outside of functions, parses. What was parsed already
    takes a quarter less than its bytes.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the code does oddly, it did before
            compile(source, "<file>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"{error.msg}, line {error.lineno}"
    except ValueError as error:
        return str(error)
    except (RecursionError, MemoryError):
        return None  # nested too deeply to be told
    return None

"""LibCST's parser, without a second look at what it has just made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import libcst as cst


def parse(source: bytes | str, encoding: str | None = None) -> cst.Module:
    """The tree of a file's bytes or text; `encoding`: what text is to be printed in.

    Raises `libcst.ParserSyntaxError`, `UnicodeError` or `SyntaxError` for what cannot be parsed.
    """
    with _unvalidated():
        if encoding is None:
            return cst.parse_module(source)
        return cst.parse_module(source, cst.PartialParserConfig(encoding=encoding))


@contextmanager
def _unvalidated() -> Iterator[None]:
    """Nodes made meanwhile are not asked whether they are well formed: what is read from a text is.

    That question is a fifth of a parse (docs/performance.md). Nodes that rules make are asked, as ever.
    """
    global _trusting
    before, _trusting = _trusting, True
    try:
        yield
    finally:
        _trusting = before


_trusting = False
_validate = cst.CSTNode.__post_init__


def _unless_trusted(node: cst.CSTNode) -> None:
    """In the place of `CSTNode.__post_init__`, once and for all: what Python has learned of a class, the places of its
    attributes too, it forgets whenever the class or one above it is changed."""
    if not _trusting:
        _validate(node)


cst.CSTNode.__post_init__ = _unless_trusted  # type: ignore[method-assign, assignment]


def give_back() -> None:
    """Give the system what the parser has taken and freed: three times the size of its trees, which glibc keeps for
    other C code, and which Python's own allocator never sees (docs/performance.md)."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], object] | None:
    """glibc's function of this name; None where the C library has none (or Python no ctypes)."""
    try:
        import ctypes

        return ctypes.CDLL(None).malloc_trim  # type: ignore[no-any-return]
    except (ImportError, OSError, AttributeError, TypeError):
        return None

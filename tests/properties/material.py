"""What generated files are made of: statements of our own rule fixtures and legacy apps, and of the standard library.

A snippet is one file, cut into its top-level statements, each with the comments above it.
"""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

_FIXTURES = Path(__file__).parents[2] / "fixtures"
_NO_CODE = frozenset({"findings.txt", "README.md"})
Snippet = tuple[str, ...]


@cache
def legacy_by_rule() -> Mapping[str, tuple[Snippet, ...]]:
    """Rule → what it changes or has something to say about, a snippet for each file of its fixtures."""
    return _by_rule(lambda path: ".before." in path.name or "before" in path.parts)


@cache
def untouched_by_rule() -> Mapping[str, tuple[Snippet, ...]]:
    """Rule → what it leaves alone: what looks like its business and is not, and what it makes of legacy code."""
    return _by_rule(lambda path: ".same." in path.name or ".after." in path.name or "after" in path.parts)


def _by_rule(wanted: Callable[[Path], bool]) -> Mapping[str, tuple[Snippet, ...]]:
    found = {}
    for folder in sorted((_FIXTURES / "rules").iterdir()):
        files = [p for p in sorted(folder.rglob("*.py")) if wanted(p.relative_to(folder))]
        if snippets := cut(p.read_bytes() for p in files):
            found[folder.name] = snippets
    return found


@cache
def apps() -> tuple[Snippet, ...]:
    """The files of the legacy apps."""
    return cut(p.read_bytes() for p in sorted((_FIXTURES / "legacy").rglob("*.py")))


@cache
def whole_apps() -> tuple[Mapping[str, bytes], ...]:
    """The legacy apps: the hand-rolled among them get a new main module."""
    return _read(sorted((_FIXTURES / "legacy").iterdir()))


@cache
def library() -> tuple[Snippet, ...]:
    """The standard library's smaller modules."""
    folder = Path(sysconfig.get_path("stdlib"))
    files = sorted(p for p in folder.glob("*.py") if 200 < p.stat().st_size < 40_000)
    return cut(p.read_bytes() for p in files)


@cache
def projects() -> tuple[Mapping[str, bytes], ...]:
    """The fixtures of several files, manifests among them."""
    return _read(p for p in sorted((_FIXTURES / "rules").glob("*/*/before")) if p.is_dir())


def _read(folders: Iterable[Path]) -> tuple[Mapping[str, bytes], ...]:
    return tuple(
        {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if _is_code(p)}
        for folder in folders
    )


def _is_code(path: Path) -> bool:
    return path.is_file() and path.name not in _NO_CODE and "__pycache__" not in path.parts


def cut(files: Iterable[bytes]) -> tuple[Snippet, ...]:
    """Those that Python can read, as snippets."""
    return tuple(parts for data in files if (parts := _statements(data)))


def _statements(data: bytes) -> Snippet:
    try:
        text = data.decode()
        tree = ast.parse(text)
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return ()
    lines, found, last = text.splitlines(), [], 0
    for node in tree.body:
        end = node.end_lineno or node.lineno
        if end > last:
            found.append("\n".join(lines[last:end]))
            last = end
    return tuple(found)

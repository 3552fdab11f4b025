"""Whether a converted file may be written: it is Python if what was read is, and differs only where a finding says so.

These run in production: a file that fails one is left as it was, and reported.
"""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterable
from pathlib import Path

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.syntax import compile_error, read_syntax
from lk_migrate.model import Fate
from lk_migrate.rewrite.comments import lost_comments
from lk_migrate.rewrite.imports import is_import_line
from lk_migrate.rewrite.ledger import Touch
from lk_migrate.rewrite.meant import Touched, lines_of, only_what_we_meant
from lk_migrate.rewrite.statements import Statement, from_ast, from_cst

_BUG = "this is a bug in lk-migrate"


class NotWhatWeMeant(Exception):
    """A conversion that must not be written: it is no Python, changes more than was meant, or loses a comment."""


class LostComments(NotWhatWeMeant):
    """Comments that no edit was to take and that are nowhere in the output: (1-based line, text)."""

    def __init__(self, comments: list[tuple[int, str]]) -> None:
        super().__init__(f"the comment of line {comments[0][0]} would be lost; {_BUG}")
        self.comments = comments


def check(module: Module, after: bytes, touches: Iterable[Touch]) -> None:
    """Raises `NotWhatWeMeant` when `after` is no Python, or more changed than `touches` (by node of `module`) say."""
    problem = _not_what_we_meant(module, after, touches)
    if problem is not None:
        raise NotWhatWeMeant(f"{problem}; {_BUG}")


def blame(error: Exception) -> str:
    """An exception of ours as half a sentence: what, and where, so that it can be reported."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "lk_migrate" in f.filename] or frames
    where = f" in {Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else ""
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{what}{where}; {_BUG}"


def _not_what_we_meant(module: Module, after: bytes, touches: Iterable[Touch]) -> str | None:
    new = Module(module.path, module.name, after, module.tree)
    if module.syntax is None:
        return _by_libcst(module, after, touches)
    try:
        new_tree = read_syntax(after)
    except SyntaxError as error:
        return f"the conversion would not parse ({error})"
    problem = compile_error(new_tree)
    if problem is not None and compile_error(module.syntax) is None:
        return f"the conversion would not compile ({problem})"
    return _changed(from_ast(module.syntax, module.text), from_ast(new_tree, new.text), module, touches)


def _by_libcst(module: Module, after: bytes, touches: Iterable[Touch]) -> str | None:
    """The same where this Python is older than the file's syntax (or cannot say so for another reason)."""
    try:
        new = Module.parse(module.path, after)
    except cst.ParserSyntaxError as error:
        return f"the conversion would not parse (line {error.raw_line})"
    except Exception as error:  # LibCST's native parser may fail in its own ways
        return f"the conversion would not parse ({error})"
    return _changed(from_cst(module), from_cst(new), module, touches)


def _changed(
    before: tuple[Statement, ...], after: tuple[Statement, ...], module: Module, touches: Iterable[Touch]
) -> str | None:
    try:
        line = only_what_we_meant(before, after, touched_lines(module, touches))
    except RecursionError:
        return "its conversion is nested too deeply to be checked"
    if line is None:
        return None
    return f"line {line} would change though no finding speaks of it"


def check_comments(module: Module, after: bytes, touches: Iterable[Touch], taken: Collection[int]) -> None:
    """Raises `LostComments` when `after` lacks a comment that no edit was to take.

    A comment may go with the statement that it stands in, or with the name that is imported no longer.
    `taken`: lines whose comments go on purpose.
    """
    gone = set(taken)
    for touch in touches:
        if (touch.whole and touch.fate is Fate.REMOVED) or is_import_line(touch.node):
            gone.update(range(module.first_line(touch.node), module.span(touch.node).end_line + 1))
    new = Module(module.path, module.name, after, module.tree)
    lost = lost_comments(module.text, new.text, gone)
    if lost:
        raise LostComments(lost)


_WITH_BLOCKS = (cst.BaseSuite, cst.BaseCompoundStatement, cst.SimpleStatementLine, cst.BaseSmallStatement)
_CLAUSES = (cst.Else, cst.Finally, cst.ExceptHandler, cst.ExceptStarHandler, cst.MatchCase)


def touched_lines(module: Module, touches: Iterable[Touch]) -> Touched:
    """Where in the legacy file the touched statements begin. Markers change no statement."""
    whole: list[tuple[int, int]] = []
    header: set[int] = set()
    for touch in touches:
        if touch.fate is Fate.MARKER:
            continue
        node = touch.node
        if isinstance(node, cst.Module):
            header.add(0)
            continue
        span = module.span(node)
        header.add(span.line)
        body = getattr(node, "body", None)
        line = node if isinstance(node, cst.SimpleStatementLine) else body
        if isinstance(line, (cst.SimpleStatementLine, cst.SimpleStatementSuite)):
            # Each of those on it, which need not begin on its first line (or on the one of the header).
            header.update(module.span(small).line for small in line.body)
        if touch.whole and isinstance(node, (*_WITH_BLOCKS, *_CLAUSES)):
            whole.append((module.first_line(node), span.end_line))
    return Touched(lines_of(whole), frozenset(header))

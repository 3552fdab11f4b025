"""What holds for every input whatever: checked on one input at a time, by the tests and by bench/fuzz.py."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections import Counter

from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.model import Fate
from lk_migrate.rewrite.engine import FileResult, convert_file
from lk_migrate.rules.registry import all_rules


class Broken(Exception):
    """An input for which a law does not hold; the message says which."""


def converted(data: bytes, path: str = "main.py") -> FileResult:
    """The file through all rules."""
    return convert_file(path, Project({path: data}), all_rules())


def check_laws(data: bytes) -> str:
    """Raises `Broken`. Returns what became of the input: changed, settled (see `_settles`), same, unreadable."""
    result = converted(data)
    if result.skipped is not None:
        ours = "bug in lk-migrate" in result.skipped.reason or "would be lost" in result.skipped.reason
        if ours and not _is_no_program(data):
            raise Broken(result.skipped.reason)
        return "unreadable"
    if result.change is None:
        return "same"
    after = result.change.after or b""
    _check_python(data, after)
    _check_bytes(data, after)
    _check_comments(data, after, result)
    again = converted(after)
    if again.skipped is not None:
        raise Broken(f"its conversion is skipped: {again.skipped.reason}")
    if again.change is not None:
        return _settles(data, after, again.change.after or b"")
    return "changed"


def _settles(data: bytes, first: bytes, second: bytes) -> str:
    """A second run may find more to do in a file that could not run: a name was used without an import, and the first
    run brought it; or Python would not compile the file. The third run then has nothing to do.
    """
    came = _imported(first) - _imported(data)
    if not any(_mentions(data, name) for name in came) and not _is_no_program(data):
        raise Broken("not idempotent")
    if converted(second).change is not None:
        raise Broken("not settled by a second run")
    return "settled"


def _imported(data: bytes) -> set[str]:
    """What the file imports, by its own name (the local one may be new)."""
    return {i.target.rpartition(".")[2] for i in Module.parse("main.py", data).imports}


def _mentions(data: bytes, name: str) -> bool:
    return re.search(rb"(?<![\w.])%s(?!\w)" % name.encode(), data) is not None


def _check_python(before: bytes, after: bytes) -> None:
    if _compiles(before) is None and (problem := _compiles(after)) is not None:
        raise Broken(f"does not compile: {problem}")


def _is_no_program(data: bytes) -> bool:
    """Whether it is the right syntax and yet nothing that could run: an argument given twice, a `return` in a class."""
    try:
        ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False  # newer syntax, perhaps
    return _compiles(data) is not None


def _compiles(data: bytes) -> str | None:
    """None, or why not: `ast` alone takes an argument twice, or `await` outside a coroutine."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, "main.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return str(error)
    return None


def _check_bytes(before: bytes, after: bytes) -> None:
    bom = b"\xef\xbb\xbf"
    if before.startswith(bom) != after.startswith(bom):
        raise Broken("the byte order mark came or went")
    if before.count(b"\n") == before.count(b"\r\n") > 0 and after.count(b"\n") != after.count(b"\r\n"):
        raise Broken("CRLF got mixed")
    if b"\r" not in before and b"\r" in after:
        raise Broken("a carriage return came from nowhere")


def _check_comments(before: bytes, after: bytes, result: FileResult) -> None:
    """What is gone stood on lines that the ledger does not call kept."""
    old, new = _comments(before), Counter(text for _, text in _comments(after))
    told = {n for e in result.ledger if e.fate is not Fate.KEPT for n in range(e.place.line - 1, e.place.end_line + 1)}
    gone = Counter(text for _, text in old) - new
    for line, text in old:
        if text in gone and line in told:
            gone[text] -= 1
    if +gone:
        raise Broken(f"comments lost: {list(+gone)[:3]}")


def _comments(data: bytes) -> list[tuple[int, str]]:
    try:
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")  # as Python reads them
        tokens = list(tokenize.tokenize(io.BytesIO(lines).readline))
    except (tokenize.TokenError, SyntaxError, UnicodeError):
        return []
    return [(t.start[0], t.string.rstrip()) for t in tokens if t.type == tokenize.COMMENT]

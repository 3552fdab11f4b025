"""Dockerfiles: the packages that `pip install` and `uv pip install` lines name.

Only the words of a package are changed; the command around it is the shell's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from lk_migrate.manifests.requirement import Requirement, Spot, parse
from lk_migrate.manifests.requirements_txt import logical_lines

_INSTALL = re.compile(r"\b(?:pip3?(?:\.\d+)?|uv\s+pip)\s+(?:-\S+\s+)*install\b")
_WORD = re.compile(r"(?P<quote>[\"'])(?P<quoted>[^\"'\n]*)(?P=quote)|(?P<bare>[^\s\"'\\;&|]+)|(?P<stop>&&|\|\||[;|&])")
_VALUED_OPTIONS = """
    -i -f -t -c -r -e --index-url --extra-index-url --find-links --target --prefix --requirement --constraint
    --editable --platform --python-version --root --trusted-host
"""
#: Options that take the next word.
_VALUED = frozenset(_VALUED_OPTIONS.split())


def read(text: str) -> tuple[Requirement, ...]:
    """The packages named in install commands."""
    found: list[Requirement] = []
    for number, start, end, line in logical_lines(text):
        if line.lstrip().startswith("#"):
            continue
        for command in _INSTALL.finditer(line):
            found += _packages(text, number, start, start + command.end(), end)
    return tuple(found)


def _packages(text: str, number: int, line_start: int, start: int, end: int) -> list[Requirement]:
    found: list[Requirement] = []
    installs = 0
    for at, stop, word, quote in _words(text, start, end):
        installs += 1
        lead = f" {quote}"
        blank = re.compile(r"(?:[ \t]*\\\r?\n)?[ \t]*\Z").search(text, start, at - len(quote))
        drop_start = blank.start() if blank else at
        spot = Spot(at, stop, drop_start, stop + len(quote), stop + len(quote), lead, quote)
        requirement = parse(word, number + text.count("\n", line_start, at), spot)
        if requirement is not None:
            found.append(requirement)
    return found if installs > 1 else [replace(r, removable=False) for r in found]


def _words(text: str, start: int, end: int) -> Iterator[tuple[int, int, str, str]]:
    """Start, end, text, quote of each thing that the command installs, until the command ends."""
    skip = False
    for match in _WORD.finditer(_without_comments(text[:end]), start):
        word = match["quoted"] or match["bare"]
        if match["stop"]:
            return
        if not word:
            continue
        if word.startswith("-") and not match["quote"]:
            skip = word in _VALUED
            if word in ("-r", "--requirement", "-e", "--editable"):
                yield match.start(), match.start(), "", ""
        elif skip:
            skip = False
        else:
            group = "quoted" if match["quote"] else "bare"
            yield match.start(group), match.end(group), word, match["quote"] or ""


def _without_comments(text: str) -> str:
    """Comment lines inside a continued command are blanked, so that positions stay."""
    return re.sub(r"^[ \t]*#[^\n]*", lambda m: " " * len(m[0]), text, flags=re.M)

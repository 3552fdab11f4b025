"""The order of import statements in a generated module: standard library, packages, the project's own."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence

from lk_migrate.entrypoint.assemble import wrapped_import

_OWN = 2
_FROM = re.compile(r"^from (\S+) import \(?([^()#]*)\)?$", re.S)


def merged(lines: Iterable[str]) -> list[str]:
    """One statement per module where the statements are plain `from x import a, b`; the rest as it is."""
    found: list[str] = []
    at: dict[str, int] = {}
    for line in lines:
        match = _FROM.match(line)
        module = match.group(1) if match else ""
        if match is None or module not in at:
            if match is not None:
                at[module] = len(found)
            found.append(line)
            continue
        first = _FROM.match(found[at[module]])
        assert first is not None
        new = [n for n in _names(match.group(2)) if n not in _names(first.group(2))]
        if new:
            found[at[module]] = wrapped_import(module, [*_names(first.group(2)), *new])
    return found


def _names(text: str) -> list[str]:
    return [n.strip() for n in text.replace("\n", " ").split(",") if n.strip()]


def grouped(lines: Sequence[str], is_local: Callable[[str], bool]) -> list[str]:
    """`lines` in isort's three groups, a blank line between them.

    The project's own keep their order: what one does when it is imported, another may need.
    """
    groups: dict[int, list[str]] = {0: [], 1: [], _OWN: []}
    for line in merged(lines):
        module = _statement(line).split()[1]
        top = module.split(".")[0]
        groups[0 if top in sys.stdlib_module_names else _OWN if not top or is_local(module) else 1].append(line)
    out: list[str] = []
    for number, group in groups.items():
        if group and out:
            out.append("")
        out.extend(group if number == _OWN else sorted(group, key=_isort_key))
    return out


def _isort_key(line: str) -> tuple[bool, str]:
    """`import x` before `from x import y`, each by module."""
    statement = _statement(line)
    return statement.startswith("from "), statement.split()[1].lower()


def _statement(line: str) -> str:
    """An import without the comments above it."""
    while line.startswith("#"):
        line = line.partition("\n")[2]
    return line

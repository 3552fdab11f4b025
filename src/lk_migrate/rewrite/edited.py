"""A plan with a person's own version of one of its new files."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from dataclasses import replace

from lk_migrate.ledger import packed
from lk_migrate.model import FileChange, Place, Plan
from lk_migrate.rewrite.lines import line_map, moved_place
from lk_migrate.rewrite.locate import text


def with_edit(plan: Plan, path: str, data: bytes) -> Plan:
    """The plan that writes `data` to `path`; findings and the ledger point to where their lines stand now.

    Raises SyntaxError or ValueError for Python that does not parse.
    """
    if path.endswith(".py"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the person's strings
            ast.parse(data)
    before = next(c for c in plan.changes if c.path == path)
    lines = line_map(text(before.after), text(data))
    return replace(
        plan,
        changes=tuple(FileChange(path, c.before, data) if c is before else c for c in plan.changes),
        findings=tuple(replace(f, to=_moved(f.to, path, lines)) for f in plan.findings),
        ledger=packed(replace(e, to=_moved(e.to, path, lines)) for e in plan.ledger),
    )


def _moved(to: Place | None, path: str, lines: Mapping[int, int]) -> Place | None:
    """Where it stands now; what the person rewrote stays where it was, as near as can be said."""
    if to is None or to.path != path:
        return to
    return moved_place(to, lines, path) or _near(to, lines)


def _near(to: Place, lines: Mapping[int, int]) -> Place:
    above = max((n for n in lines if n < to.line), default=None)
    line = lines[above] + 1 if above is not None else 1
    return Place(to.path, line, line)

"""The ledger: every statement of a legacy file, and what became of it.

A *unit* is a simple statement line, the header of a compound statement, or a run of comment lines. Rules say what
they did to units; whatever nobody touched must stand in the output word for word, or the file is not written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.source_lines import source_lines
from lk_migrate.facts.walk import statements
from lk_migrate.model import Fate, LedgerEntry, Place


class Unaccounted(Exception):
    """A statement that nobody touched is missing from the output. `lines` are its 1-based numbers."""

    def __init__(self, path: str, lines: list[int]) -> None:
        super().__init__(
            f"{path}: line {lines[0]} would be lost (and {len(lines) - 1} more)"
            if lines[1:]
            else f"{path}: line {lines[0]} would be lost"
        )
        self.path = path
        self.lines = lines


@dataclass(frozen=True)
class Unit:
    """A statement or header with the lines it stands on; `node` is None for comment lines."""

    node: cst.CSTNode | None
    line: int
    end_line: int


@dataclass(frozen=True)
class Touch:
    """What an edit did to the units of a node: `whole` covers everything below it, too."""

    node: cst.CSTNode
    fate: Fate
    rule: str
    why: str
    whole: bool
    to: Place | None = None


_HEADED = (cst.BaseCompoundStatement, cst.Else, cst.ExceptHandler, cst.ExceptStarHandler, cst.Finally)


def units(module: Module) -> list[Unit]:
    """All units of a file in source order; together they cover every line that is not blank."""
    found: list[Unit] = []
    taken: set[int] = set()
    lines = source_lines(module.text)
    for node in module.index.find(module.tree, cst.SimpleStatementLine, *_HEADED):
        if type(node) is cst.SimpleStatementLine:
            span = module.span(node)
            found.append(Unit(node, span.line, span.end_line))
        else:
            body = getattr(node, "body", None)
            start = module.first_line(node)
            found.append(Unit(node, start, max(start, _header_end(module, node, body, lines))))
    found.sort(key=lambda u: (u.line, u.end_line))
    for unit in found:
        taken.update(range(unit.line, unit.end_line + 1))
    comments: list[Unit] = []
    for number, line in enumerate(lines, 1):
        if number in taken or not line.strip(_BLANK):
            continue
        if comments and comments[-1].end_line == number - 1:
            comments[-1] = Unit(None, comments[-1].line, number)
        else:
            comments.append(Unit(None, number, number))
    return sorted([*found, *comments], key=lambda u: (u.line, u.end_line))


def _header_end(module: Module, node: cst.CSTNode, body: cst.CSTNode | None, lines: list[str]) -> int:
    span = module.span(node)
    if isinstance(body, cst.IndentedBlock) and body.body:
        first = body.body[0]
        end = module.first_line(first) - 1
        # Comments and blank lines between the header and its first statement are not the header's.
        while end > span.line and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
            end -= 1
        return end
    if isinstance(body, cst.SimpleStatementSuite):
        return module.span(body).end_line
    return span.line


def account(
    module: Module,
    touches: Iterable[Touch],
    after: Mapping[str, str],
    taken: Mapping[int, Touch] | None = None,
) -> list[LedgerEntry]:
    """One entry per unit of `module`; a run of comments of which an edit took a part has one per part.

    `after`: path → text of every file that may hold what was this one's. `taken`: lines of comments that an edit
    took out on purpose → that edit. Raises `Unaccounted` when an untouched line is in none of the texts.
    """
    taken, touches = taken or {}, list(touches)
    by_node: dict[cst.CSTNode, Touch] = {}
    for touch in touches:
        for node in module.index.below(touch.node) if touch.whole else (touch.node,):
            known = by_node.get(node)
            if known is None or _RANK[touch.fate] >= _RANK[known.fate]:
                by_node[node] = touch
    stock = {path: {_bare(line) for line in source_lines(text)} for path, text in after.items()}
    everything = frozenset[str]().union(*stock.values())
    home = stock.get(module.path, set())
    lines = [_bare(line) for line in source_lines(module.text)]
    entries: list[LedgerEntry] = []
    lost: list[int] = []
    enclosing = _covering(module, touches)
    for unit in _parted(units(module), taken):
        place = Place(module.path, unit.line, unit.end_line)
        comment = taken.get(unit.line) or enclosing.get(unit.line)
        found = by_node.get(unit.node) if unit.node is not None else comment
        if found is not None:
            entries.append(LedgerEntry(place, found.fate, found.rule, found.why, found.to))
            continue
        own = lines[unit.line - 1 : unit.end_line]
        lost += [number for number, line in enumerate(own, unit.line) if line and line not in everything]
        at_home = all(line in home for line in own if line)
        entries.append(LedgerEntry(place, Fate.KEPT if at_home else Fate.MOVED))
    if lost:
        raise Unaccounted(module.path, lost)
    return entries


def _parted(found: Iterable[Unit], taken: Mapping[int, Touch]) -> Iterator[Unit]:
    """The units, runs of comments parted where an edit took some of their lines."""
    for unit in found:
        if unit.node is not None:
            yield unit
            continue
        numbers = range(unit.line, unit.end_line + 1)
        for _, part in groupby(numbers, key=lambda n: id(taken.get(n))):
            run = list(part)
            yield Unit(None, run[0], run[-1])


def import_touches(module: Module, after: cst.Module) -> list[Touch]:
    """One touch per import statement of `module` that does not stand in `after` as it was.

    Imports are edited for the file as a whole, by no single rule: the edit is accounted for here.
    """
    unchanged = {id(statement) for statement in statements(after, cst.Import, cst.ImportFrom)}
    touches = []
    for statement in (*module.index.of(cst.Import), *module.index.of(cst.ImportFrom)):
        line = module.index.parents.get(statement)
        if line is None or id(statement) in unchanged:
            continue
        why = "imports follow the names in use"
        if isinstance(line, cst.SimpleStatementSuite):  # `if ready: import x`, on one line or continued
            touches.append(Touch(statement, Fate.REWRITTEN, "", why, whole=False))
            line = module.index.parents[line]
        touches.append(Touch(line, Fate.REWRITTEN, "", why, whole=False))
    return touches


#: White space, and the backslash of a line that is continued without having begun.
_BLANK = " \t\f\v\\"

_RANK = {Fate.KEPT: 0, Fate.MOVED: 1, Fate.REWRITTEN: 2, Fate.MARKER: 3, Fate.REMOVED: 4}


def _bare(line: str) -> str:
    return line.strip(_BLANK)


def _covering(module: Module, touches: Iterable[Touch]) -> dict[int, Touch]:
    """Line → the whole-subtree touch that covers it (for comments inside removed or replaced code)."""
    covered: dict[int, Touch] = {}
    for touch in touches:
        if touch.whole:
            span = module.span(touch.node)
            for number in range(span.line, span.end_line + 1):
                covered.setdefault(number, touch)
    return covered

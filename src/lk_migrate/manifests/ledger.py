"""The ledger of the manifests: what became of each of their lines.

A manifest is data, so that its unit is the line; blank ones do not count, as in the code's ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lk_migrate.facts.source_lines import source_lines
from lk_migrate.model import Action, Fate, FileChange, Finding, LedgerEntry, Place
from lk_migrate.rewrite.locate import text
from lk_migrate.rewrite.same_lines import same_lines

_FATES = {Action.REMOVED: Fate.REMOVED, Action.MOVED: Fate.MOVED, Action.REWRITTEN: Fate.REWRITTEN}


def manifest_ledger(changes: Iterable[FileChange], findings: Iterable[Finding]) -> Iterator[LedgerEntry]:
    """One entry per line of each changed manifest, in order. A created one had no line."""
    acts = [f for f in findings if f.action in _FATES]
    for change in changes:
        if change.before is None:
            continue
        old, new = source_lines(text(change.before)), source_lines(text(change.after))
        same = dict(same_lines(old, new))
        mine = [f for f in acts if f.place.path == change.path]
        for number, line in enumerate(old, 1):
            place = Place(change.path, number, number)
            if number - 1 in same:
                at = same[number - 1] + 1
                if line.strip():
                    yield LedgerEntry(place, Fate.KEPT, to=Place(change.path, at, at))
            elif line.strip():
                yield _touched(place, mine)


def _touched(place: Place, findings: list[Finding]) -> LedgerEntry:
    """By the finding at this line; the change of a list over several lines is told at one of them."""
    near = min(findings, key=lambda f: (abs(f.place.line - place.line), f.rule), default=None)
    if near is None:
        return LedgerEntry(place, Fate.REWRITTEN, why="written anew")
    at = near.place.line <= place.line <= near.place.end_line
    return LedgerEntry(place, _FATES[near.action] if at else Fate.REWRITTEN, near.rule, near.message)

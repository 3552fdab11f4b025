"""A plan that knows where its code stands afterwards: `to` of every finding and ledger entry.

Rules know the legacy place only. Where it is in the new files is found once, at the end, from the texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

from lk_migrate.facts.searched import files_with
from lk_migrate.facts.source_lines import source_lines
from lk_migrate.ledger import changed
from lk_migrate.model import Action, Fate, FileChange, Finding, LedgerEntry, Place, Plan
from lk_migrate.rewrite.trace import Trace, trace

_MARKER = re.compile(r"\s*# TODO\(lk-migrate (LK\d+)\): ?(.*)")
_MORE = re.compile(r"\s*#   (\S.*)")


@dataclass(frozen=True)
class Marker:
    """A marker in a file; `place` are its comment lines."""

    rule: str
    message: str
    place: Place


def located_alone(
    change: FileChange | None, findings: Sequence[Finding], ledger: Sequence[LedgerEntry]
) -> tuple[tuple[Finding, ...], Sequence[LedgerEntry]]:
    """The same for one file from which nothing goes to another."""
    plan = located(Plan("", (change,) if change is not None else (), tuple(findings), tuple(ledger)))
    return plan.findings, plan.ledger


def located(plan: Plan, known: Collection[str] = ()) -> Plan:
    """The plan with every `to` that can be known. Legacy places are never touched.

    `known`: paths of files that `located_alone` answered for. Asked again only where a note, or what is left for a
    person, has no place: it was added since. (A rewritten place may be gone.)
    """
    added = {f.place.path for f in plan.findings if f.to is None and f.action in (Action.TODO, Action.NOTE)}
    done = frozenset(known) - added
    changes = {c.path: c for c in plan.changes}
    created = {c.path: text(c.after) for c in plan.changes if c.before is None and c.after is not None}
    split = plan.main.path if plan.main is not None else None

    @cache
    def of(path: str) -> Trace | None:
        change = changes.get(path)
        if change is None or change.before is None:
            return None
        after = {path: text(change.after)} if change.after is not None else {}
        if path == split:
            after |= {p: t for p, t in created.items() if p.endswith(".py")}
        return trace(text(change.before), after) if after else None

    marked = (c for c in plan.changes if c.after is not None and c.path not in done)
    markers = [m for c in marked for m in find_markers(c.path, text(c.after))]
    findings = iter(
        _with_markers([_located(f, of, changes) for f in plan.findings if f.place.path not in done], markers)
    )
    return replace(
        plan,
        findings=tuple(f if f.place.path in done else next(findings) for f in plan.findings),
        ledger=changed(plan.ledger, partial(_entry, of=of), done),
    )


def text(data: bytes | None) -> str:
    """The bytes as text that can be compared line by line, whatever their encoding."""
    return (data or b"").decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def find_markers(path: str, content: str) -> Iterator[Marker]:
    """The markers that stand in a file."""
    lines = source_lines(content)
    for number, line in enumerate(lines):
        match = _MARKER.match(line)
        if match is None:
            continue
        words, end = [match.group(2)], number
        while end + 1 < len(lines) and (more := _MORE.match(lines[end + 1])):
            words.append(more.group(1))
            end += 1
        yield Marker(match.group(1), " ".join(words), Place(path, number + 1, end + 1))


def still_marked(files: Mapping[str, bytes], findings: Sequence[Finding]) -> list[Finding]:
    """What earlier conversions left for a person and the rules do not meet any more: the markers that still stand."""
    known = {(f.place.path, f.rule, "".join(f.message.split())) for f in findings if f.action is Action.TODO}
    marked = sorted(p for p in files_with(files, (b"TODO(lk-migrate LK",)) if p.endswith(".py"))
    return [
        Finding(m.rule, Action.TODO, m.place, m.message)
        for path in marked
        for m in find_markers(path, text(files[path]))
        if (path, m.rule, "".join(m.message.split())) not in known
    ]


def _located(finding: Finding, of: Callable[[str], Trace | None], changes: Mapping[str, FileChange]) -> Finding:
    if finding.to is not None or finding.action is Action.REMOVED:
        return finding
    place = finding.place
    if place.path not in changes:
        return replace(finding, to=place)
    known = of(place.path)
    if known is None:
        return finding
    return replace(finding, to=known.place(place.line, place.line) or known.place(place.line, place.end_line))


def _with_markers(findings: Sequence[Finding], markers: Sequence[Marker]) -> tuple[Finding, ...]:
    """What is left for a person stands at its marker; of several equal ones, at the nearest that is free."""
    free = list(markers)
    placed: list[Finding] = []
    for finding in findings:
        if finding.action is Action.TODO:
            mine = [m for m in free if m.rule == finding.rule and _same(m.message, finding.message)]
            if mine:
                near = min(mine, key=lambda m: _distance(m.place, finding.to))
                if len(mine) > 1:
                    free.remove(near)
                finding = replace(finding, to=near.place)
        placed.append(finding)
    return tuple(placed)


def _same(one: str, other: str) -> bool:
    return "".join(one.split()) == "".join(other.split())


def _distance(marker: Place, code: Place | None) -> tuple[bool, int]:
    return (code is None or marker.path != code.path, abs(marker.line - code.line) if code is not None else 0)


def _entry(entry: LedgerEntry, of: Callable[[str], Trace | None]) -> LedgerEntry:
    if entry.fate is Fate.REMOVED:
        return entry
    known = of(entry.place.path)
    to = known.place(entry.place.line, entry.place.end_line) if known is not None else None
    if to is None:
        return entry
    fate = entry.fate
    if fate in (Fate.KEPT, Fate.MOVED):
        fate = Fate.KEPT if to.path == entry.place.path else Fate.MOVED
    # (most statements stay where they are: one object for both places is less to hold, and to send)
    return LedgerEntry(entry.place, fate, entry.rule, entry.why, entry.place if to == entry.place else to)

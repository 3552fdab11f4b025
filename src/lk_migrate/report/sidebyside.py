"""A file before and after, line beside line: what the HTML report shows. Long stretches without a change are folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from lk_migrate.facts.source_lines import source_lines
from lk_migrate.model import FileChange, Finding, LedgerEntry, Place, Plan
from lk_migrate.rewrite.locate import text
from lk_migrate.rewrite.trace import trace

#: Lines around a change that are shown.
_CONTEXT = 3
#: A stretch shorter than this is not worth folding.
_FOLD = 6
_ALIKE = 0.5


@dataclass(frozen=True)
class Row:
    """One row. Lines are 0-based indexes, None on the side that has nothing; `origin`: the legacy file, if another.

    A row with `said` is no code, but a remark in place of lines that are not shown: the legacy `stretch`, now at `to`.
    """

    old: int | None = None
    new: int | None = None
    same: bool = False
    origin: str = ""
    said: str = ""
    to: Place | None = None
    stretch: Place | None = None
    findings: tuple[Finding, ...] = ()


class Pages:
    """The rows of each change of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.old = {c.path: source_lines(text(c.before)) for c in plan.changes if c.before is not None}
        self.new = {c.path: source_lines(text(c.after)) for c in plan.changes if c.after is not None}
        self._findings: dict[tuple[str, bool], dict[int, list[Finding]]] = {}
        for finding in plan.findings:
            place, new = (finding.to, True) if finding.to is not None else (finding.place, False)
            self._findings.setdefault((place.path, new), {}).setdefault(place.line - 1, []).append(finding)
        self._origins = self._follow()

    def rows(self, change: FileChange) -> list[Row]:
        """All rows of one file, findings at their lines, folded."""
        split = self.plan.main is not None and change.path in (self.plan.main.path, *self.plan.main.support)
        rows = list(self._split_rows(change.path) if split else self._plain_rows(change.path))
        return _folded([self._with_findings(r, change.path) for r in rows])

    def _with_findings(self, row: Row, path: str) -> Row:
        new = self._findings.get((path, True), {}).get(row.new, []) if row.new is not None else []
        at = row.origin or path
        if row.stretch is not None:
            legacy = self._findings.get((at, False), {})
            inside = (
                f for n, found in legacy.items() if row.stretch.line <= n + 1 <= row.stretch.end_line for f in found
            )
            return replace(row, findings=tuple(dict.fromkeys(inside)))
        old = self._findings.get((at, False), {}).get(row.old, []) if row.old is not None else []
        return replace(row, findings=tuple(dict.fromkeys([*new, *old]))) if new or old else row

    def _plain_rows(self, path: str) -> Iterator[Row]:
        old, new = self.old.get(path, []), self.new.get(path, [])
        head = _common(old, new)
        tail = _common(old[head:][::-1], new[head:][::-1])
        middle = SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
        yield from (Row(n, n, same=True) for n in range(head))
        for tag, a, b, c, d in middle.get_opcodes():
            if tag == "equal":
                yield from (Row(head + a + n, head + c + n, same=True) for n in range(b - a))
            else:
                yield from _paired(old, new, range(head + a, head + b), range(head + c, head + d))
        yield from (Row(len(old) - n, len(new) - n, same=True) for n in range(tail, 0, -1))

    def _follow(self) -> dict[tuple[str, int], int]:
        """For a main module that was taken apart: (new path, line) → legacy line."""
        main = self.plan.main
        if main is None or main.path not in self.old:
            return {}
        after = {p: "\n".join(self.new[p]) for p in (main.path, *main.support) if p in self.new}
        found = trace("\n".join(self.old[main.path]), after)
        return {spot: line for line, spot in sorted(found.spots.items(), reverse=True)}

    def _split_rows(self, path: str) -> Iterator[Row]:
        """Each new line beside the legacy line that it was; in the main module also what went elsewhere."""
        main = self.plan.main
        assert main is not None
        legacy = self.old[main.path]
        origin = "" if path == main.path else main.path
        leaving = _leaving(self.plan.ledger, main.path) if path == main.path else []
        for number, line in enumerate(self.new.get(path, [])):
            was = self._origins.get((path, number))
            while leaving and was is not None and leaving[0].place.line - 1 < was:
                yield _gone(leaving.pop(0))
            same = was is not None and legacy[was].strip() == line.strip()
            yield Row(was, number, same=same or not line.strip(), origin=origin)
        yield from (_gone(entry) for entry in leaving)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines both begin with."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _leaving(ledger: Sequence[LedgerEntry], path: str) -> list[LedgerEntry]:
    """The stretches of the legacy main module that are not in the new one, in order, by where they went."""
    stretches: list[LedgerEntry] = []
    previous: LedgerEntry | None = None
    for entry in sorted((e for e in ledger if e.place.path == path), key=lambda e: e.place.line):
        leaves = entry.to is None or entry.to.path != path
        if leaves and previous is not None and (joined := _joined(previous, entry)) is not None:
            stretches[-1] = previous = joined
        elif leaves:
            stretches.append(entry)
            previous = entry
        else:
            previous = None
    return stretches


def _joined(one: LedgerEntry, other: LedgerEntry) -> LedgerEntry | None:
    """Both as one stretch when they went to one file, or were removed for one reason."""
    place = Place(one.place.path, one.place.line, other.place.end_line)
    if one.to is not None and other.to is not None and one.to.path == other.to.path:
        return replace(one, place=place, to=replace(one.to, line=min(one.to.line, other.to.line)))
    if one.to is None and other.to is None and (one.rule, one.why) == (other.rule, other.why):
        return replace(one, place=place)
    return None


def _gone(entry: LedgerEntry) -> Row:
    lines = entry.place.end_line - entry.place.line + 1
    what = f"line {entry.place.line}" if lines == 1 else f"lines {entry.place.line}–{entry.place.end_line}"
    if entry.to is not None:
        return Row(said=f"{what} went to {entry.to}", to=entry.to, stretch=entry.place)
    return Row(said=f"{what} {entry.fate.value}: {entry.why or entry.rule}", stretch=entry.place)


def _paired(old: Sequence[str], new: Sequence[str], mine: range, yours: range) -> Iterator[Row]:
    """Lines of a changed block: those that are alike beside each other, in order."""
    if len(mine) * len(yours) > 2500:
        yield from (Row(old=n) for n in mine)
        yield from (Row(new=n) for n in yours)
        return
    at = mine.start
    for number in yours:
        matcher = SequenceMatcher(autojunk=False, b=new[number].strip())
        match = None
        for candidate in range(at, mine.stop):
            matcher.set_seq1(old[candidate].strip())
            if matcher.real_quick_ratio() > _ALIKE and matcher.quick_ratio() > _ALIKE and matcher.ratio() > _ALIKE:
                match = candidate
                break
        if match is None:
            yield Row(new=number)
            continue
        yield from (Row(old=n) for n in range(at, match))
        yield Row(match, number)
        at = match + 1
    yield from (Row(old=n) for n in range(at, mine.stop))


def _folded(rows: Sequence[Row]) -> list[Row]:
    """Only what changed, with some lines around it; the rest as a remark."""
    wanted = [bool(r.said or r.findings) or not r.same for r in rows]
    shown = [any(wanted[max(0, n - _CONTEXT) : n + _CONTEXT + 1]) for n in range(len(rows))]
    result: list[Row] = []
    n = 0
    while n < len(rows):
        end = n
        while end < len(rows) and not shown[end]:
            end += 1
        if end - n >= _FOLD:
            result.append(Row(said=_unchanged(rows[n:end])))
            n = end
        else:
            end = max(end, n + 1)
            result.extend(rows[n:end])
            n = end
    return result


def _unchanged(rows: Iterable[Row]) -> str:
    listed = list(rows)
    old = [r.old for r in listed if r.old is not None]
    where = next((r.origin for r in listed if r.origin), "")
    if where and old:
        return f"{len(listed)} lines as they were in {where}, from line {min(old) + 1} on"
    return f"{len(listed)} lines as they were"


def changed_part(old: str, new: str) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The columns in which two lines differ, None when nearly everything does."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    shorter, longer = sorted((old, new), key=len)
    if start + end == len(shorter):  # only added or only removed: from the beginning of a word, if that is the same
        while start and _inside_word(longer, start) and longer[start - 1] == longer[len(longer) - end - 1]:
            start, end = start - 1, end + 1
    if start + end < 0.3 * max(len(old.strip()), len(new.strip()), 1):
        return None
    return (start, len(old) - end), (start, len(new) - end)


def _inside_word(line: str, at: int) -> bool:
    return line[at - 1].isalnum() and line[at].isalnum() if 0 < at < len(line) else False

"""What `convert --interactive` asks: one question per place that a *review* rule would change.

What can only be done everywhere or nowhere is one question: a rule that moves several files together (a turn gate and
its guards), a rule about manifests, the new main.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from lk_migrate.entrypoint.rules import rules as generator
from lk_migrate.model import Action, Finding, Plan, Safety
from lk_migrate.report.excerpt import Sources
from lk_migrate.rules.registry import all_rules

#: The new main.py stands for everything that its generator does.
MAIN = "LK150"
_CONTEXT = 3
#: Lines of a hunk that are shown before and after the place.
_BEFORE, _AFTER = 7, 15
#: What makes no sense without the other: a session's limit is for a gate that is gone.
_WITH = {"LK101": frozenset({"LK102"})}

#: A rule at a place; path "" and line 0: everywhere.
Key = tuple[str, str, int]


@dataclass(frozen=True)
class Question:
    """One answer is wanted for all of `findings`, which are of `rule`."""

    rule: str
    findings: tuple[Finding, ...]
    everywhere: bool

    @property
    def key(self) -> Key:
        first = self.findings[0].place
        return (self.rule, "", 0) if self.everywhere else (self.rule, first.path, first.line)


@dataclass(frozen=True)
class Declined:
    """What the person does not want: `rules` anywhere, rules at `places`, a new main."""

    rules: frozenset[str] = frozenset()
    places: frozenset[Key] = frozenset()
    main: bool = False

    def without(self, question: Question) -> Declined:
        """This, and the question's answer is no."""
        if question.rule == MAIN:
            return Declined(self.rules, self.places, True)
        if question.everywhere:
            rules = self.rules | {question.rule} | _WITH.get(question.rule, frozenset())
            return Declined(rules, self.places, self.main)
        return Declined(self.rules, self.places | {question.key}, self.main)


def questions(plan: Plan) -> list[Question]:
    """In the order of the rules, then of the files. Markers and notes change nothing and are not asked about."""
    together = {r.id for r in all_rules() if r.moves_together or not r.handlers}
    review = {r.id for r in all_rules() if r.safety is Safety.REVIEW}
    made = {r.id for r in generator} if plan.main is not None else set()
    groups: dict[Key, list[Finding]] = {}
    for finding in sorted(plan.findings, key=lambda f: (f.rule, f.place.path, f.place.line)):
        if finding.action in (Action.TODO, Action.NOTE):
            continue
        if finding.rule in made:
            groups.setdefault((MAIN, "", 0), []).append(finding)
        elif finding.rule in review:
            everywhere = finding.rule in together
            at = ("", 0) if everywhere else (finding.place.path, finding.place.line)
            groups.setdefault((finding.rule, *at), []).append(finding)
    return [Question(key[0], tuple(found), everywhere=not key[1]) for key, found in sorted(groups.items())]


@dataclass(frozen=True)
class Hunk:
    """Lines that change together around a place, each with its sign as in a patch.

    `old` and `new` are the numbers of the first of them; `above` and `below`: how many lines of it are not shown.
    """

    path: str
    old: int
    new: int
    lines: tuple[str, ...]
    above: int = 0
    below: int = 0


@dataclass
class Hunks:
    """The hunks of a plan's files."""

    plan: Plan
    _sources: Sources = field(init=False)
    _of: dict[str, list[_Rows]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sources = Sources(self.plan)

    def at(self, findings: Iterable[Finding]) -> list[Hunk]:
        """What is to be seen of each finding: none is shown twice, in their order."""
        found: list[Hunk] = []
        covered: dict[tuple[str, int], range] = {}
        for finding in findings:
            for number, rows in enumerate(self._in(finding.place.path)):
                at = next((i for i, row in enumerate(rows) if _is_at(row, finding)), None)
                if at is None or at in covered.get((finding.place.path, number), ()):
                    continue
                window = range(max(0, at - _BEFORE), min(len(rows), at + _AFTER))
                covered[finding.place.path, number] = window
                found.append(_hunk(finding.place.path, rows, window))
        return found

    def _in(self, path: str) -> list[_Rows]:
        if path not in self._of:
            old, new = self._sources.lines(path, new=False), self._sources.lines(path, new=True)
            groups = SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT) if old != new else ()
            self._of[path] = [list(_rows(old, new, group)) for group in groups]
        return self._of[path]


#: Old line, new line (0: on the other side only), and the text with its sign.
_Rows = list[tuple[int, int, str]]


def _rows(
    old: list[str], new: list[str], group: list[tuple[str, int, int, int, int]]
) -> Iterator[tuple[int, int, str]]:
    for tag, a, b, c, d in group:
        if tag == "equal":
            yield from ((a + n + 1, c + n + 1, f" {old[a + n]}") for n in range(b - a))
        else:
            yield from ((n + 1, 0, f"-{old[n]}") for n in range(a, b))
            yield from ((0, n + 1, f"+{new[n]}") for n in range(c, d))


def _is_at(row: tuple[int, int, str], finding: Finding) -> bool:
    old, new, text = row
    place, to = finding.place, finding.to
    here = to is not None and to.path == place.path and to.line == new
    return text[0] != " " and (place.line <= old <= place.end_line or here)


def _hunk(path: str, rows: _Rows, window: range) -> Hunk:
    shown = [rows[i] for i in window]
    old = next((old for old, _, _ in shown if old), 0)
    new = next((new for _, new, _ in shown if new), 0)
    return Hunk(path, old, new, tuple(text for _, _, text in shown), window.start, len(rows) - window.stop)

"""What `convert --interactive` asks: one question per place that a *review* rule would change.

What can only be done everywhere or nowhere is one question: a rule that moves several files together (a turn gate and
its guards), a rule about manifests, the new main.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from lk_migrate.entrypoint.rules import rules as generator
from lk_migrate.model import Action, Finding, Plan, Safety
from lk_migrate.report.excerpt import Sources
from lk_migrate.rules.registry import all_rules

#: The new main.py stands for everything that its generator does.
MAIN = "LK150"
_CONTEXT = 3
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
    """Lines that change together, with some around them: each with its sign, as in a patch."""

    path: str
    old: int
    new: int
    lines: tuple[str, ...]


@dataclass
class Hunks:
    """The hunks of a plan's files."""

    plan: Plan
    _sources: Sources = field(init=False)
    _of: dict[str, list[tuple[range, range, Hunk]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sources = Sources(self.plan)

    def at(self, findings: Iterable[Finding]) -> list[Hunk]:
        """The hunks in which findings stand, each once, in their order."""
        found: dict[Hunk, None] = {}
        for finding in findings:
            place, to = finding.place, finding.to
            for old, new, hunk in self._in(place.path):
                if place.line in old or (to is not None and to.path == place.path and to.line in new):
                    found.setdefault(hunk)
        return list(found)

    def _in(self, path: str) -> list[tuple[range, range, Hunk]]:
        if path not in self._of:
            old, new = self._sources.lines(path, new=False), self._sources.lines(path, new=True)
            groups = SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT) if old != new else ()
            self._of[path] = [_hunk(path, old, new, group) for group in groups]
        return self._of[path]


def _hunk(
    path: str, old: list[str], new: list[str], group: list[tuple[str, int, int, int, int]]
) -> tuple[range, range, Hunk]:
    lines: list[str] = []
    for tag, a, b, c, d in group:
        if tag == "equal":
            lines += [f" {line}" for line in old[a:b]]
        else:
            lines += [f"-{line}" for line in old[a:b]] + [f"+{line}" for line in new[c:d]]
    first, last = group[0], group[-1]
    hunk = Hunk(path, first[1] + 1, first[3] + 1, tuple(lines))
    return range(first[1] + 1, last[2] + 1), range(first[3] + 1, last[4] + 1), hunk

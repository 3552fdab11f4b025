"""One group of files (facts/groups.py) through the rules: what becomes of each, and what the plan must know of them.

A `Settled` outcome holds no tree, so that a group's memory is free as soon as it is converted, and so that it can
come from another process (workers.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from lk_migrate.facts.agent_class import Role
from lk_migrate.facts.agent_limits import agent_limits
from lk_migrate.facts.agents import find_agents
from lk_migrate.facts.gates import is_hand_rolled
from lk_migrate.facts.importers import forgotten, release
from lk_migrate.facts.parsing import give_back
from lk_migrate.facts.project import Project
from lk_migrate.manifests.imports import imported_modules
from lk_migrate.model import Action, Fate, Finding, LedgerEntry, Skipped
from lk_migrate.options import ConvertOptions
from lk_migrate.rewrite.engine import FileResult, convert_file
from lk_migrate.rewrite.locate import located_alone
from lk_migrate.rewrite.together import HeldBack, held_back

#: Bytes of a group from which on it takes megabytes to parse, and is worth the 5 ms to give them back.
_LONG = 50_000


@dataclass(frozen=True)
class FoundAgent:
    """A class that a session runs; no bases, no mixins. `gate`: see facts/agent_limits.py."""

    name: str
    path: str
    tools: tuple[str, ...]
    gate: int | None


@dataclass(frozen=True)
class Survey:
    """What a group has to say about the project as a whole, before anything is converted."""

    agents: tuple[FoundAgent, ...]
    hand_rolled: bool


@dataclass(frozen=True)
class Outcome:
    """What the rules make of a group's files, and what these import then (manifests/imports.py).

    `held`: what was not done, because of a file that was left as it was.
    """

    survey: Survey
    results: tuple[FileResult, ...]
    held: HeldBack
    skipped: tuple[Skipped, ...]
    imports: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def paths(self) -> frozenset[str]:
        """The group's files."""
        return frozenset(r.path for r in self.results)


@dataclass(frozen=True)
class Settled(Outcome):
    """The outcome of a group that nothing else will touch: its places are known."""


#: The files of a group: path → bytes.
Group = Mapping[str, bytes]
Part = TypeVar("Part")


class Converter(Protocol):
    """How groups, and the files of a group, are converted: one after the other or several at once (workers.py).

    What they become comes in any order; `told` is called with each path.
    """

    def groups(
        self,
        groups: Sequence[Group],
        options: ConvertOptions,
        told: Callable[[str], None],
        meanwhile: Callable[[], object],
    ) -> list[Settled]:
        """What becomes of each group. `meanwhile`: what else this process has to do, while others are at work."""

    def files(
        self, sizes: Mapping[str, int], convert: Callable[[str], Part], told: Callable[[str], None]
    ) -> Iterable[Part]:
        """What `convert` makes of each path (→ its size in bytes); it may have to travel between processes."""


class OneByOne:
    """The `Converter` that does everything here."""

    def groups(
        self,
        groups: Sequence[Group],
        options: ConvertOptions,
        told: Callable[[str], None],
        meanwhile: Callable[[], object],
    ) -> list[Settled]:
        """See `Converter`."""
        outcomes = [convert_group(group, options, told, self) for group in groups]
        meanwhile()
        return outcomes

    def files(
        self, sizes: Iterable[str], convert: Callable[[str], Part], told: Callable[[str], None]
    ) -> Iterable[Part]:
        """See `Converter`."""
        for path in sizes:
            told(path)
            yield convert(path)


def convert_group(files: Group, options: ConvertOptions, told: Callable[[str], None], converter: Converter) -> Settled:
    """The `files` of one group through the rules, none of them as a main module that is written anew.

    `told`: is called with each path before it is converted.
    """
    project = Project(files, options.targets, options.plugins)
    outcome = by_rules(project, options, None, told, converter)
    project.forget()
    return settled(outcome, options)


def settled(outcome: Outcome, options: ConvertOptions) -> Settled:
    """The outcome with all that can be said of the group by itself, and without its trees."""
    results = []
    for result in outcome.results:
        known = result.findings, result.ledger
        traced = options.traced or _stays_open(*known)
        findings, ledger = located_alone(result.change, *known) if traced else (result.findings, ())
        results.append(replace(result, findings=findings, ledger=ledger, tree=None))
    return Settled(outcome.survey, tuple(results), outcome.held, outcome.skipped, outcome.imports)


def _stays_open(findings: Sequence[Finding], ledger: Sequence[LedgerEntry]) -> bool:
    """Whether anything moves, or is there for a person to look at: a summary speaks of these by their places."""
    return any(f.action in (Action.TODO, Action.NOTE) for f in findings) or any(e.fate is Fate.MOVED for e in ledger)


def survey(project: Project) -> Survey:
    """What the plan has to know of a group."""
    limits = project.fact(agent_limits).classes
    agents = (a for a in find_agents(project) if a.role is Role.AGENT)
    return Survey(
        tuple(
            FoundAgent(
                agent.name,
                agent.module.path,
                (*(t.name for t in agent.all_tools), *(t.name for t in agent.inline_tools)),
                limits.get(agent.node),
            )
            for agent in agents
        ),
        is_hand_rolled(project),
    )


@dataclass(frozen=True)
class _Converted:
    """What becomes of a file. `imports`: what it imports then; `forgotten`: see `facts/importers.py`; `skipped`: the
    files that were found to be unreadable meanwhile."""

    result: FileResult
    imports: frozenset[str]
    forgotten: frozenset[tuple[str, str]]
    skipped: Mapping[str, Skipped]


def by_rules(
    project: Project, options: ConvertOptions, main: str | None, told: Callable[[str], None], converter: Converter
) -> Outcome:
    """Every file through the rules; `main` is written anew afterwards, so that some leave it alone."""
    rules = options.rules
    for_main = [r for r in rules if not r.kept_main_only and not r.before_new_main]
    for_rest = [r for r in rules if not r.new_main_only and not r.before_new_main]
    declined = _by_path(options.declined)

    def converted(path: str, held: Collection[str] = ()) -> _Converted:
        off = options.without.get(path, ())
        mine = for_main if path == main else for_rest
        wanted = [r for r in mine if r.id not in held and not r.id.startswith(off)] if held or off else mine
        result = convert_file(path, project, wanted, declined.get(path, ()))
        if path != main:  # (which is asked again)
            project.forget_places(path)
        after = result.change.after or b"" if result.change is not None else project.files[path]
        return _Converted(
            # Only what a new main module is made of is looked at again.
            result if main is not None else replace(result, tree=None),
            # Asked now, because Python's reading of the new bytes is at hand.
            imported_modules({path: after}).get(path, frozenset()),
            forgotten(project, path, after) if result.change is not None and after else frozenset(),
            project.skipped,
        )

    found = survey(project)
    if sum(map(len, project.files.values())) >= _LONG:
        give_back()  # nearly all that is to be parsed has been
    order = sorted(project.files, key=lambda p: (p == main, p))  # (main's new tree is read on)
    sizes = {path: len(project.files[path]) for path in order}
    known: dict[str, _Converted] = {}
    for each in (OneByOne() if main is not None else converter).files(sizes, converted, told):
        known[each.result.path] = each
        project.skipped.update(each.skipped)
    held: dict[str, dict[str, str]] = {}
    while more := held_back(project, [each.result for each in known.values()], rules):
        for path, because in more.items():
            held.setdefault(path, {}).update(because)
            known[path] = converted(path, held[path])
    for path in sorted(release(project, {path: each.forgotten for path, each in known.items()})):
        known[path] = converted(path, held.get(path, ()))
    results = tuple(known[path].result for path in order)
    skipped = {s.path: s for s in [*project.skipped.values(), *(r.skipped for r in results if r.skipped)]}
    imports = {path: known[path].imports for path in order}
    return Outcome(found, results, held, tuple(skipped.values()), imports)


def _by_path(declined: Iterable[tuple[str, str, int]]) -> dict[str, set[tuple[str, int]]]:
    found: dict[str, set[tuple[str, int]]] = {}
    for rule, path, line in declined:
        found.setdefault(path, set()).add((rule, line))
    return found

"""From a project's bytes to a plan. Pure: reading came before, backing up and writing come after.

files → groups that can know of each other → rules, group by group → a new main.py, when the project is hand-rolled →
manifests → summary, ledger
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from lk_migrate.conversion import (
    Converter,
    FoundAgent,
    OneByOne,
    Outcome,
    Settled,
    Survey,
    by_rules,
    settled,
    survey,
)
from lk_migrate.entrypoint import SHORT
from lk_migrate.facts.groups import groups
from lk_migrate.facts.project import Project
from lk_migrate.facts.relevant import relevant
from lk_migrate.ledger import joined
from lk_migrate.manifests.declared import declared_plugins
from lk_migrate.manifests.imports import imported_modules
from lk_migrate.manifests.ledger import manifest_ledger
from lk_migrate.model import Action, AgentSummary, Edition, FileChange, Finding, Place, Plan
from lk_migrate.options import ConvertOptions, Progress, unwatched
from lk_migrate.project.root import main_candidates
from lk_migrate.rewrite.engine import FileResult
from lk_migrate.rewrite.locate import located, still_marked
from lk_migrate.rewrite.together import explained, why_not_here
from lk_migrate.rules.registry import Rule

__all__ = ["ConvertOptions", "Progress", "make_plan", "overlay", "unwatched"]


def make_plan(
    files: Mapping[str, bytes],
    options: ConvertOptions,
    root: str = ".",
    progress: Progress = unwatched,
    convert: Converter | None = None,
) -> Plan:
    """What a conversion of these files (path → bytes; Python files and manifests) would do.

    `convert`: how its files are converted (workers.py has other ways than one by one). Nothing is written, imported or
    run. A file that cannot be converted is in `skipped`, with the reason.
    """
    python = {p: d for p, d in files.items() if p.endswith(".py")}
    options = replace(options, plugins=declared_plugins(files))
    wanted = relevant(python, [*options.targets, *([options.main] if options.main else [])])
    known = {p: python[p] for p in sorted(wanted)}
    with ExitStack() as done:
        converted = _by_rules(known, options, progress, convert or OneByOne(), done)
    plan = _with_manifests(converted, files, options.rules)
    plan = replace(plan, findings=(*plan.findings, *still_marked(files, plan.findings)))
    progress("where every line went", 0, 0)
    spoken = any(b"livekit" in data for data in files.values())
    agents = _summaries(known, converted.agents, plan)
    return located(replace(plan, root=root, agents=agents, speaks_of_livekit=spoken), converted.settled)


@dataclass(frozen=True)
class _ByRules:
    """The rules' part of a plan. `imports`: path → what the file imports then; `settled`: whose places are known."""

    plan: Plan
    agents: tuple[FoundAgent, ...]
    imports: Mapping[str, frozenset[str]]
    settled: frozenset[str]

    def instead(self, plan: Plan) -> _ByRules:
        """The same with another plan; what has another change there is no longer known."""
        before = {c.path: c for c in self.plan.changes}
        touched = {c.path for c in plan.changes if before.get(c.path) != c}
        imports = {p: found for p, found in self.imports.items() if p not in touched}
        return replace(self, plan=plan, imports=imports, settled=self.settled - touched)


def _by_rules(
    files: Mapping[str, bytes], options: ConvertOptions, progress: Progress, convert: Converter, done: ExitStack
) -> _ByRules:
    """The files group by group, and the new main module when there is to be one.

    Whether one is written depends on all groups; the group that it is likely in is therefore read last.
    `done`: forgets what was parsed, when it is left.
    """

    def opened(paths: Iterable[str]) -> Project:
        project = Project(_of(files, paths), options.targets, options.plugins)
        done.callback(project.forget)
        return project

    told = _counted(progress, len(files))
    parts = groups(files)
    home = _expected_home(files, parts, options)
    project = opened(home)

    early: list[Settled] = []

    def alone() -> Settled:
        """The group that was kept, when no new main is written: a loop of its own stays then."""
        nonlocal project
        from lk_migrate.facts.sessionless import is_replaced

        if not early and project.fact(is_replaced):
            project = opened(home).suppose(is_replaced, False)
        return early.pop() if early else settled(by_rules(project, options, None, told, convert), options)

    def likely() -> None:
        """The same, where nothing in it speaks for a new main."""
        if not survey(project).hand_rolled and options.main is None:
            early.append(alone())

    outcomes = convert.groups([_of(files, part) for part in parts if part != home], options, told, likely)
    surveys = [*(o.survey for o in outcomes), survey(project)]
    agents = tuple(sorted((a for s in surveys for a in s.agents), key=lambda a: a.path))

    def near(path: str) -> Project:
        """The group of the file at `path`."""
        part = next((part for part in parts if path in part), ())
        return project if part == home else opened(part)

    main = _main_path(files, near, surveys, options)
    if main is not None and main not in project.files:
        outcomes = [o for o in (*outcomes, alone()) if main not in o.paths]
        project = near(main)
    if main is None:
        offered = () if any(s.hand_rolled for s in surveys) else tuple(_offered(project, home, options))
        kept = _gathered([*outcomes, alone()], options, agents)
        return replace(kept, plan=replace(kept.plan, findings=(*kept.plan.findings, *offered)))
    if early:  # another group is hand-rolled: what was found out while this one's main was kept is of no use
        early.clear()
        project = opened(home)
    made = by_rules(project, options, main, told, convert)
    with_main = _gathered([*outcomes, made], options, agents)
    stuck = _stuck(with_main, main)
    progress(f"a new {main}", 0, 0)
    why: tuple[Finding, ...]
    if stuck is not None:
        why = (Finding("LK150", Action.NOTE, Place(main, 1, 1), why_not_here(stuck)),)
    else:
        trees = {r.path: r.tree for r in made.results if r.tree is not None}
        after = project.after(overlay(files, with_main.plan.changes), trees)
        done.callback(after.forget)
        from lk_migrate.newmain import with_new_main

        new = with_new_main(with_main.plan, after, project, main, agents, options.rules)
        if isinstance(new, Plan):
            return with_main.instead(new)
        why = new
    without = _gathered([*outcomes, alone()], options, agents)
    return without.instead(replace(without.plan, findings=(*without.plan.findings, *why)))


def _of(files: Mapping[str, bytes], paths: Iterable[str]) -> dict[str, bytes]:
    return {path: files[path] for path in paths}


def _counted(progress: Progress, total: int) -> Callable[[str], None]:
    """Told of each file that is being converted; one that is converted again is not counted again."""
    done: set[str] = set()

    def told(path: str) -> None:
        progress(path, len(done), total)
        done.add(path)

    return told


def _expected_home(
    files: Mapping[str, bytes], parts: Sequence[tuple[str, ...]], options: ConvertOptions
) -> tuple[str, ...]:
    """The group in which the main module is that may be written anew, as far as names and lengths tell."""
    long = (p for p in main_candidates(files, sorted(options.targets)) if _line_count(files[p]) > SHORT)
    main = options.main or next(long, None)
    return next((part for part in parts if main in part), parts[-1] if parts else ())


def _gathered(outcomes: Sequence[Outcome], options: ConvertOptions, agents: tuple[FoundAgent, ...]) -> _ByRules:
    results = sorted((r for o in outcomes for r in o.results), key=lambda r: r.path)
    skipped = sorted((s for o in outcomes for s in o.skipped), key=lambda s: s.path)
    held = {path: because for o in outcomes for path, because in o.held.items()}
    plan = Plan(
        root=".",
        changes=tuple(r.change for r in results if r.change is not None),
        findings=(*(f for r in results for f in r.findings), *explained(held)),
        ledger=joined(r.ledger for r in results),
        skipped=tuple(skipped),
        editions=_editions(results, options.rules),
    )
    imports = {path: found for o in outcomes for path, found in o.imports.items()}
    done = frozenset(path for o in outcomes if isinstance(o, Settled) for path in o.paths)
    return _ByRules(plan, agents, imports, done)


def _stuck(converted: _ByRules, main: str) -> str | None:
    """The file that is left as it was and without which there is no new main: the main module's, or an agent's."""
    needed = {main, *(a.path for a in converted.agents)}
    return next((s.path for s in converted.plan.skipped if s.path in needed), None)


def overlay(files: Mapping[str, bytes], changes: Iterable[FileChange]) -> dict[str, bytes]:
    """The files as they would be after `changes`."""
    after = dict(files)
    for change in changes:
        if change.after is None:
            after.pop(change.path, None)
        else:
            after[change.path] = change.after
    return after


def _with_manifests(converted: _ByRules, files: Mapping[str, bytes], rules: Sequence[Rule]) -> Plan:
    """The plan with requirements and the like brought to the target, when any code here uses LiveKit's agents."""
    # Not before most trees are gone: what reads requirements takes a megabyte. (Other processes do without it.)
    from lk_migrate.manifests.plan import plan_manifests

    plan, known = converted.plan, converted.imports
    after = overlay(files, plan.changes)
    # (files that no rule looks at do not speak of LiveKit: facts/relevant.py)
    changed = {c.path: c.after for c in plan.changes if c.after is not None and c.path not in known}
    imports = {**imported_modules(changed), **known}
    imports = {path: found for path, found in imports.items() if found and path in after}
    made = plan_manifests(after, imports, {r.id for r in rules})
    return replace(
        plan,
        changes=(*plan.changes, *made.changes),
        findings=(*plan.findings, *made.findings),
        ledger=joined((plan.ledger, manifest_ledger(made.changes, made.findings))),
    )


def _main_path(
    files: Mapping[str, bytes], near: Callable[[str], Project], surveys: Sequence[Survey], options: ConvertOptions
) -> str | None:
    """The main module to write anew: the one that was named, else the likeliest of a hand-rolled project."""
    if options.no_main:
        return None
    if options.main is None and not any(s.hand_rolled for s in surveys):
        return None
    from lk_migrate.entrypoint.generate import needs_new_main

    if options.main is not None:
        return options.main if needs_new_main(near(options.main), options.main) else None
    places = sorted(options.targets or {a.path for s in surveys for a in s.agents})
    return next((p for p in main_candidates(files, places) if needs_new_main(near(p), p)), None)


def _offered(project: Project, home: Sequence[str], options: ConvertOptions) -> Iterator[Finding]:
    """That a long main module could be taken apart, where nothing grew by hand but it."""
    unwanted = options.select or (options.ignore and "LK150".startswith(options.ignore))
    if options.no_main or options.main is not None or unwanted:
        return
    from lk_migrate.facts.entrypoint import find_entrypoint

    for path in main_candidates(home, sorted(options.targets)):
        module = project.module(path) if _line_count(project.files[path]) > SHORT else None
        if module is not None and find_entrypoint(project, module) is not None:
            message = (
                "left in one piece, because its agents are LiveKit's own already: "
                f"`lk-migrate convert --main {path}` makes a short one of it"
            )
            yield Finding("LK150", Action.NOTE, Place(path, 1, 1), message)
            return


def _editions(results: Iterable[FileResult], rules: Sequence[Rule]) -> dict[str, tuple[Edition, ...]]:
    """Which editions' rules met something in a file."""
    edition = {rule.id: rule.edition for rule in rules}
    found: dict[str, tuple[Edition, ...]] = {}
    for result in results:
        met = {edition[f.rule] for f in result.findings if f.rule in edition}
        if met:
            found[result.path] = tuple(sorted(met, key=list(Edition).index))
    return found


def _summaries(files: Mapping[str, bytes], agents: Iterable[FoundAgent], plan: Plan) -> tuple[AgentSummary, ...]:
    """The assistant classes that changed, with their lines before and after."""
    after = {c.path: c.after or b"" for c in plan.changes}
    return tuple(
        AgentSummary(a.name, a.path, a.tools, a.gate, _line_count(files[a.path]), _line_count(after[a.path]))
        for a in agents
        if a.path in after
    )


def _line_count(data: bytes) -> int:
    return len(data.splitlines())

"""From a project's bytes to a plan. Pure: reading came before, backing up and writing come after.

files → groups that can know of each other → rules, group by group → a new main.py, when the project is hand-rolled →
manifests → summary, ledger
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from lk_migrate.conversion import (
    Converter,
    ConvertOptions,
    FoundAgent,
    Outcome,
    Progress,
    Survey,
    by_rules,
    one_by_one,
    survey,
    unwatched,
)
from lk_migrate.entrypoint.edits import WHOLE
from lk_migrate.entrypoint.gates import AgentForMain
from lk_migrate.entrypoint.generate import SHORT, generate_entrypoint, needs_new_main
from lk_migrate.facts.groups import groups
from lk_migrate.facts.project import Project
from lk_migrate.facts.relevant import relevant
from lk_migrate.manifests.imports import imported_modules
from lk_migrate.manifests.ledger import manifest_ledger
from lk_migrate.manifests.plan import plan_manifests
from lk_migrate.model import Action, AgentSummary, Edition, FileChange, Finding, LedgerEntry, Place, Plan
from lk_migrate.project.root import main_candidates
from lk_migrate.rewrite.compose import compose
from lk_migrate.rewrite.engine import FileResult, convert_file
from lk_migrate.rewrite.lines import line_map, moved_place
from lk_migrate.rewrite.locate import located, still_marked
from lk_migrate.rewrite.together import explained, why_not_here
from lk_migrate.rules.registry import Rule

__all__ = ["ConvertOptions", "Progress", "make_plan", "overlay", "unwatched"]


def make_plan(
    files: Mapping[str, bytes],
    options: ConvertOptions,
    root: str = ".",
    progress: Progress = unwatched,
    convert: Converter = one_by_one,
) -> Plan:
    """What a conversion of these files (path → bytes; Python files and manifests) would do.

    `convert`: how its groups of files are converted (workers.py has another way). Nothing is written, imported or
    run. A file that cannot be converted is in `skipped`, with the reason.
    """
    python = {p: d for p, d in files.items() if p.endswith(".py")}
    wanted = relevant(python, [*options.targets, *([options.main] if options.main else [])])
    known = {p: python[p] for p in sorted(wanted)}
    plan, agents = _by_rules(known, options, progress, convert)
    plan = _with_manifests(plan, files, options.rules)
    plan = replace(plan, findings=(*plan.findings, *still_marked(files, plan.findings)))
    progress("where every line went", 0, 0)
    spoken = any(b"livekit" in data for data in files.values())
    return located(replace(plan, root=root, agents=_summaries(known, agents, plan), speaks_of_livekit=spoken))


def _by_rules(
    files: Mapping[str, bytes], options: ConvertOptions, progress: Progress, convert: Converter
) -> tuple[Plan, tuple[FoundAgent, ...]]:
    """The rules' part of the plan, group by group, and the new main module when there is to be one.

    Whether one is written depends on all groups; the group that it is likely in is therefore read last.
    """
    told = _counted(progress, len(files))
    parts = groups(files)
    home = _expected_home(files, parts, options)
    outcomes = convert([_of(files, part) for part in parts if part != home], options, told)
    project = Project(_of(files, home), options.targets)
    surveys = [*(o.survey for o in outcomes), survey(project)]
    agents = tuple(sorted((a for s in surveys for a in s.agents), key=lambda a: a.path))

    def near(path: str) -> Project:
        """The group of the file at `path`."""
        part = next((part for part in parts if path in part), ())
        return project if part == home else Project(_of(files, part), options.targets)

    main = _main_path(files, near, surveys, options)
    if main is not None and main not in project.files:
        outcomes = [o for o in (*outcomes, by_rules(project, options, None, told)) if main not in o.paths]
        project = near(main)
    if main is None:
        return _gathered([*outcomes, by_rules(project, options, None, told)], options), agents
    made = by_rules(project, options, main, told)
    plan = _gathered([*outcomes, made], options)
    stuck = _stuck(agents, plan, main)
    progress(f"a new {main}", 0, 0)
    if stuck is None:
        trees = {r.path: r.tree for r in made.results if r.tree is not None}
        after = project.after(overlay(files, plan.changes), trees)
        new = _with_new_main(plan, after, project, main, agents, options.rules)
        if new is not None:
            return new, agents
    plan = _gathered([*outcomes, by_rules(project, options, None, told)], options)
    if stuck is not None:
        note = Finding("LK150", Action.NOTE, Place(main, 1, 1), why_not_here(stuck))
        plan = replace(plan, findings=(*plan.findings, note))
    return plan, agents


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


def _gathered(outcomes: Sequence[Outcome], options: ConvertOptions) -> Plan:
    results = sorted((r for o in outcomes for r in o.results), key=lambda r: r.path)
    skipped = sorted((s for o in outcomes for s in o.skipped), key=lambda s: s.path)
    held = {path: because for o in outcomes for path, because in o.held.items()}
    return Plan(
        root=".",
        changes=tuple(r.change for r in results if r.change is not None),
        findings=(*(f for r in results for f in r.findings), *explained(held)),
        ledger=tuple(e for r in results for e in r.ledger),
        skipped=tuple(skipped),
        editions=_editions(results, options.rules),
    )


def _stuck(agents: Iterable[FoundAgent], plan: Plan, main: str) -> str | None:
    """The file that is left as it was and without which there is no new main: the main module's, or an agent's."""
    needed = {main, *(a.path for a in agents)}
    return next((s.path for s in plan.skipped if s.path in needed), None)


def overlay(files: Mapping[str, bytes], changes: Iterable[FileChange]) -> dict[str, bytes]:
    """The files as they would be after `changes`."""
    after = dict(files)
    for change in changes:
        if change.after is None:
            after.pop(change.path, None)
        else:
            after[change.path] = change.after
    return after


def _with_new_main(
    plan: Plan, after: Project, project: Project, path: str, agents: Sequence[FoundAgent], rules: Sequence[Rule]
) -> Plan | None:
    """The plan with the main module taken apart and generated anew; None when it stays in one piece.

    `project`: the main module's group, `after`: what the plan makes of it.
    """
    readied = _readied(plan, after, project, path, [r for r in rules if r.before_new_main])
    found = _generated(*readied, project, path, agents) if readied is not None else None
    if found is not None and not any(f.rule == WHOLE for f in found.findings):
        return found
    return _generated(plan, after, project, path, agents)


def _readied(
    plan: Plan, after: Project, project: Project, path: str, rules: Sequence[Rule]
) -> tuple[Plan, Project] | None:
    """The main module after the rules that make it easier to take apart; None when these have nothing to do."""
    result = convert_file(path, after, rules)
    if result.change is None or result.change.after is None:
        return None
    lines = _line_map(project, after, path)
    changes = {c.path: c for c in plan.changes}
    changes[path] = replace(result.change, before=project.files[path])
    readied = replace(
        plan,
        changes=tuple(changes[p] for p in sorted(changes)),
        findings=(*plan.findings, *_legacy(result.findings, lines, path)),
        ledger=_merged(plan.ledger, result.ledger, lines, path),
    )
    trees = {path: result.tree} if result.tree is not None else {}
    return readied, after.after({**after.files, path: result.change.after}, trees)


def _generated(plan: Plan, after: Project, project: Project, path: str, agents: Iterable[FoundAgent]) -> Plan | None:
    new = generate_entrypoint(after, path, [AgentForMain(a.name, a.path, a.gate) for a in agents])
    if new.main is None:
        return None
    lines = _line_map(project, after, path)
    changes = {c.path: c for c in plan.changes}
    for change in new.changes:
        before = changes[change.path].before if change.path in changes else change.before
        changes[change.path] = replace(change, before=before)
    return replace(
        plan,
        changes=tuple(changes[p] for p in sorted(changes)),
        findings=(*plan.findings, *_legacy(new.findings, lines, path)),
        ledger=_merged(plan.ledger, new.ledger, lines, path),
        main=replace(new.main, lines_before=_line_count(project.files[path])),
    )


def _with_manifests(plan: Plan, files: Mapping[str, bytes], rules: Sequence[Rule]) -> Plan:
    """The plan with requirements and the like brought to the target, when any code here uses LiveKit's agents."""
    after = overlay(files, plan.changes)
    made = plan_manifests(after, imported_modules(after), {r.id for r in rules})
    return replace(
        plan,
        changes=(*plan.changes, *made.changes),
        findings=(*plan.findings, *made.findings),
        ledger=(*plan.ledger, *manifest_ledger(made.changes, made.findings)),
    )


def _main_path(
    files: Mapping[str, bytes], near: Callable[[str], Project], surveys: Sequence[Survey], options: ConvertOptions
) -> str | None:
    """The main module to write anew: the one that was named, else the likeliest of a hand-rolled project."""
    if options.no_main:
        return None
    if options.main is not None:
        return options.main if needs_new_main(near(options.main), options.main) else None
    if not any(s.hand_rolled for s in surveys):
        return None
    places = sorted(options.targets or {a.path for s in surveys for a in s.agents})
    return next((p for p in main_candidates(files, places) if needs_new_main(near(p), p)), None)


def _line_map(project: Project, after: Project, path: str) -> dict[int, int]:
    """Line of the legacy main module → the same line in what the rules made of it."""
    old, new = project.module(path), after.module(path)
    return line_map(old.text, new.text) if old is not None and new is not None else {}


def _merged(
    first: Sequence[LedgerEntry], second: Sequence[LedgerEntry], lines: Mapping[int, int], path: str
) -> tuple[LedgerEntry, ...]:
    """One ledger for the main module out of what the rules did and what the generator did with their result."""
    mine = [e for e in first if e.place.path == path]
    if not mine:
        return (*first, *second)
    return (*(e for e in first if e.place.path != path), *compose(mine, second, lines))


def _legacy(found: Iterable[Finding], lines: Mapping[int, int], path: str) -> Iterable[Finding]:
    """The generator's findings, which speak of what the rules made of `path`, at their places in the legacy file."""
    back = {there: here for here, there in lines.items()}
    return (replace(f, place=moved_place(f.place, back, path) or f.place) if f.place.path == path else f for f in found)


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

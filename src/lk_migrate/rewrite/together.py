"""What must change together changes together, or not at all.

A turn gate is defined in one file and asked in others; a class is renamed where it stands and where it is used.
When a safety check keeps one file as it was, the rules that reach across files must not do their half in the rest;
and where it speaks 0.x still, no rule of 0.x does its part: half of a program cannot be of 0.x.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lk_migrate.facts.project import Project
from lk_migrate.model import Action, Edition, Finding, Place
from lk_migrate.rewrite.engine import FileResult
from lk_migrate.rules.registry import Rule

#: path → rule id → the file that was left as it was, and because of which the rule does not run here.
HeldBack = Mapping[str, Mapping[str, str]]


def held_back(project: Project, results: Iterable[FileResult], rules: Sequence[Rule]) -> HeldBack:
    """What must not be done, because a file that it belongs together with is left as it was.

    Files belong together when one imports the other, also by way of a third one.
    """
    together = frozenset(r.id for r in rules if r.moves_together)
    of_0x = frozenset(r.id for r in rules if r.edition is Edition.V0)
    stuck = {r.path: r.wanted_by & together for r in results if r.skipped is not None and r.wanted_by & together}
    stuck = {path: wanted | of_0x if wanted & of_0x else wanted for path, wanted in stuck.items()}
    if not stuck:
        return {}
    done = {r.path: {f.rule for f in r.findings if f.action is not Action.NOTE} for r in results}
    near = _neighbours(project)
    held: dict[str, dict[str, str]] = {}
    for path in sorted(stuck):
        for other in _reached(path, near):
            for rule in stuck[path] & done.get(other, set()):
                held.setdefault(other, {}).setdefault(rule, path)
    return held


def explained(held: HeldBack) -> Iterable[Finding]:
    """One note per file and rule."""
    for path, rules in sorted(held.items()):
        for rule, because in sorted(rules.items()):
            yield Finding(rule, Action.NOTE, Place(path, 1, 1), why_not_here(because))


def why_not_here(because: str) -> str:
    """The sentence for a person."""
    return f"not done here: it belongs together with {because}, which is left as it was."


def _neighbours(project: Project) -> Mapping[str, set[str]]:
    """path → the files that it imports, and that import it."""
    near: dict[str, set[str]] = {}
    for module in project.modules():
        for item in module.imports:
            for name in (item.target, item.target.rpartition(".")[0]):
                other = project.path_of(name, module.path)
                if other is not None and other != module.path:
                    near.setdefault(module.path, set()).add(other)
                    near.setdefault(other, set()).add(module.path)
    return near


def _reached(start: str, near: Mapping[str, set[str]]) -> set[str]:
    found, stack = {start}, [start]
    while stack:
        fresh = near.get(stack.pop(), set()) - found
        found |= fresh
        stack.extend(fresh)
    return found - {start}

"""What a rule is, and how the rules are found: one file each, importing it registers it.

A rule's file reads as its documentation: the docstring's first line says what it changes, the rest why, with
the LiveKit version that changed it. Its before/after fixtures stand in `fixtures/rules/<ID>/`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Container, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from lk_migrate.facts.among import Among, every
from lk_migrate.model import Edition, Safety

if TYPE_CHECKING:
    from lk_migrate.facts.project import Project
    from lk_migrate.rewrite.changes import Change
    from lk_migrate.rewrite.file import File
    from lk_migrate.rewrite.leftovers import Leftover

Handler = Callable[[Any, "File"], "Iterator[Change]"]
Finisher = Callable[[cst.Module, "File"], "Iterator[Leftover]"]


@dataclass
class Rule:
    """One kind of change.

    `triggers`: a file is looked at only when one of these byte strings stands in it (or always, if empty).
    `paths`: for rules about facts that span files: the paths that they concern (a memoised fact; default: any).
    `kept_main_only`: what it does is the generator's in a main module that is written anew.
    `new_main_only`: it is for a main module that is written anew, and for no other file.
    `before_new_main`: the same, after all other rules, where the new one is the better for it.
    `across_files`: what it does in one file may depend on what it does in another (hand-rolled classes always do, and
    so does all of 0.x, whose objects are handed from file to file).
    `since`: the livekit-agents release that made the change necessary ("" for hand-rolled code).
    """

    id: str
    edition: Edition
    doc: str
    triggers: tuple[bytes, ...] = ()
    since: str = ""
    safety: Safety = Safety.SAFE
    paths: Callable[[Project], Collection[str]] | None = None
    kept_main_only: bool = False
    new_main_only: bool = False
    before_new_main: bool = False
    across_files: bool = False
    handlers: list[tuple[type[cst.CSTNode], Handler, Among]] = field(default_factory=list)
    finishers: list[Finisher] = field(default_factory=list)

    @property
    def moves_together(self) -> bool:
        """Whether doing it in some files of a program but not in all may break the program."""
        return self.across_files or self.edition in (Edition.HANDROLLED, Edition.V0)

    @property
    def summary(self) -> str:
        """One sentence: what it changes."""
        return self.doc.strip().partition("\n")[0].strip()

    @property
    def why(self) -> str:
        """The paragraphs after the summary."""
        return self.doc.strip().partition("\n")[2].strip()

    def on(self, *kinds: type[cst.CSTNode], among: Among = every) -> Callable[[Handler], Handler]:
        """Register a handler for nodes of exactly these types; it yields changes (rewrite/changes.py).

        `among`: which of them it is asked about (facts/among.py); what it says of the others does not count.
        """

        def register(handler: Handler) -> Handler:
            self.handlers.extend((kind, handler, among) for kind in kinds)
            return handler

        return register

    def finish(self, finisher: Finisher) -> Finisher:
        """Register what looks at the finished file once (rewrite/leftovers.py)."""
        self.finishers.append(finisher)
        return finisher

    def wants(self, data: Container[bytes]) -> bool:
        """Whether a file with these bytes is worth parsing for this rule; never for one that only reads manifests."""
        if not self.handlers:
            return False
        if not self.triggers:
            return True
        for trigger in self.triggers:  # noqa: SIM110 - asked for every rule and file; a generator costs more
            if trigger in data:
                return True
        return False

    def concerns(self, project: Project, path: str) -> bool:
        """Whether the project's facts have anything to say about this file."""
        return self.paths is None or path in project.fact(self.paths)


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule of the `rules` package, by id. A module offers one as `rule`, or several as `rules`."""
    package = importlib.import_module("lk_migrate.rules")
    found: list[Rule] = []
    for info in pkgutil.walk_packages(package.__path__, "lk_migrate.rules."):
        if info.ispkg or info.name.endswith(".registry"):
            continue
        module = importlib.import_module(info.name)
        found.extend(getattr(module, "rules", ()) or [r for r in [getattr(module, "rule", None)] if r is not None])
    ids = [r.id for r in found]
    if len(set(ids)) != len(ids):
        raise ValueError(f"two rules share an id: {sorted(i for i in ids if ids.count(i) > 1)}")
    return tuple(sorted(found, key=lambda r: r.id))


def select_rules(select: tuple[str, ...] = (), ignore: tuple[str, ...] = ()) -> tuple[Rule, ...]:
    """The rules whose id begins with one of `select` (default: all), minus those of `ignore`."""
    return tuple(
        r for r in all_rules() if (not select or r.id.startswith(select)) and not (ignore and r.id.startswith(ignore))
    )

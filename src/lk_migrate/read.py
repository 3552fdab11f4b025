"""From the disk to a plan's input: which project, which files, their bytes. The only stage that reads for convert."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lk_migrate.model import Plan, Skipped, UserError
from lk_migrate.options import ConvertOptions, Progress, unwatched
from lk_migrate.project.config import Settings, load_settings
from lk_migrate.project.discover import convertible_files, python_files
from lk_migrate.project.git import git_state
from lk_migrate.project.paths import display, is_inside
from lk_migrate.project.root import root_for
from lk_migrate.project.source import SourceFile, read_source
from lk_migrate.workers import converter


@dataclass(frozen=True)
class ReadProject:
    """A project's files as they are on the disk. `targets`: the files under the paths that the person named."""

    root: Path
    settings: Settings
    files: dict[str, bytes]
    targets: frozenset[str]
    skipped: tuple[Skipped, ...]

    @property
    def is_dirty(self) -> bool:
        """Whether git knows of uncommitted changes."""
        state = git_state(self.root)
        return state is not None and state.dirty

    def plan(
        self,
        select: Sequence[str] | None = None,
        ignore: Sequence[str] | None = None,
        main: str | None = None,
        no_main: bool = False,
        progress: Progress = unwatched,
        declined: Collection[tuple[str, str, int]] = (),
        jobs: int | None = None,
        *,
        traced: bool = True,
    ) -> Plan:
        """What a conversion would do; a flag beats a setting. Raises UserError for a main that is not there.

        `jobs`: so many processes at most; None: as the setting says, without one as many as pay. `traced`: see
        `ConvertOptions`.
        """
        wanted = self._main(main) if main is not None else self.settings.main
        options = ConvertOptions(
            targets=self.targets,
            select=tuple(select or self.settings.select),
            ignore=tuple(ignore or self.settings.ignore),
            main=wanted,
            no_main=no_main,
            declined=frozenset(declined),
            without=self._without(),
            traced=traced,
        )
        with _without_collector(), converter(jobs or self.settings.jobs, self.files) as convert:
            # Not before other processes are started, which import as much at the same time.
            from lk_migrate.plan import make_plan

            plan = make_plan(self.files, options, str(self.root), progress, convert)
        return replace(plan, skipped=(*self.skipped, *plan.skipped))

    def _without(self) -> dict[str, tuple[str, ...]]:
        if not self.settings.per_file_ignores:
            return {}
        from pathspec import GitIgnoreSpec

        found: dict[str, tuple[str, ...]] = {}
        for pattern, rules in self.settings.per_file_ignores:
            for path in GitIgnoreSpec.from_lines([pattern]).match_files(self.files):
                found[path] = (*found.get(path, ()), *rules)
        return found

    def _main(self, main: str) -> str:
        for place in (Path.cwd() / main, self.root / main):
            if place.is_file() and is_inside(self.root, place.resolve()):
                path = place.resolve().relative_to(self.root).as_posix()
                if path in self.files:
                    return path
        raise UserError(f"--main {display(main)}: there is no such Python file in {display(self.root)}.")


@contextmanager
def _without_collector() -> Iterator[None]:
    """No search for cyclic garbage meanwhile: trees are hundreds of thousands of objects without a cycle.

    A sixth of a conversion went into looking through them again and again (docs/performance.md). What is there then is
    never looked through again: it is the plan, which stays to the end.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()
            gc.enable()


def read_project(explicit_root: Path | None, paths: Sequence[Path], progress: Progress = unwatched) -> ReadProject:
    """Find the project around `paths` (the current folder's, without any) and read what a conversion may touch.

    Raises UserError for a path that is missing, no Python, or outside the project.
    """
    progress("looking for files", 0, 0)
    root = root_for(paths, explicit_root)
    settings = load_settings(root)
    named = python_files(root, list(paths), settings) if paths else None
    found = convertible_files(root, settings)
    files: dict[str, bytes] = {}
    skipped = {s.path: s for s in found.skipped}
    wanted = sorted({*found.files, *(named.files if named else ())})
    for number, path in enumerate(wanted):
        progress(f"reading {path}", number, len(wanted))
        source = read_source(root, path)
        if isinstance(source, SourceFile):
            files[path] = source.data
        elif path.endswith(".py"):
            skipped[path] = source
    targets = frozenset(named.files) if named else frozenset()
    return ReadProject(root, settings, files, targets, tuple(skipped.values()))

"""From a project that was read to the plan that a person wants, with progress while it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lk_migrate.cli.progress import progress
from lk_migrate.cli.streams import Streams
from lk_migrate.model import Plan

if TYPE_CHECKING:
    from lk_migrate.read import ReadProject
    from lk_migrate.report.questions import Declined


def opened(root: Path | None, paths: Sequence[Path] | None, streams: Streams) -> ReadProject:
    """The project around `paths`, read. Raises UserError as `read_project` does."""
    from lk_migrate.read import read_project

    with progress(streams) as tell:
        return read_project(root, paths or [], tell)


@dataclass(frozen=True)
class Wish:
    """The flags that say what to convert."""

    select: Sequence[str] | None = None
    ignore: Sequence[str] | None = None
    main: str | None = None
    no_main: bool = False
    jobs: int | None = None

    def planned(self, project: ReadProject, streams: Streams) -> Plan:
        """What a conversion would do."""
        with progress(streams) as tell:
            return project.plan(self.select, self.ignore, self.main, self.no_main, tell, jobs=self.jobs)

    def asked(self, project: ReadProject, streams: Streams) -> Plan:
        """The same, less what the person says no to."""
        import typer

        from lk_migrate.cli.interactive import Walk

        def plan_for(declined: Declined) -> Plan:
            ignore = [*(self.ignore or project.settings.ignore), *sorted(declined.rules)]
            no_main = self.no_main or declined.main
            with progress(streams) as tell:
                return project.plan(self.select, ignore, self.main, no_main, tell, declined.places, self.jobs)

        def ask(prompt: str) -> str:
            return str(typer.prompt(prompt, default="", show_default=False, prompt_suffix="", err=True))

        return Walk(plan_for, ask, streams).plan()

"""`lk-migrate scan`: what is here, for which edition, and what convert would do. Writes nothing."""

from __future__ import annotations

from lk_migrate.cli.options import Common, Jobs, Paths
from lk_migrate.cli.planning import opened
from lk_migrate.cli.progress import progress
from lk_migrate.cli.streams import Streams
from lk_migrate.model import ExitCode


def scan(common: Common, paths: Paths = None, jobs: Jobs = None) -> int:
    """Show what is here, for which edition, and what convert would do.

    One row per file that has something to do: its edition, how many places are automatic, how many would be left
    to a person, and the rules that would act.
    """
    from lk_migrate.report.data import report
    from lk_migrate.report.masked import masked_words

    streams = Streams(common)
    project = opened(common.root, paths, streams)
    with progress(streams) as tell:
        # (the table says nowhere which line became which)
        plan = masked_words(project.plan(progress=tell, jobs=jobs, traced=common.json))
    if common.json:
        streams.result_json(report(plan))
        return ExitCode.DONE
    from lk_migrate.report.overview import show_overview

    show_overview(plan, len(project.files), streams.out)
    if plan.changes:
        streams.say("\nNext: lk-migrate convert --diff, or lk-migrate convert")
    return ExitCode.DONE

"""`lk-migrate scan`: what is here, for which edition, and what convert would do. Writes nothing."""

from __future__ import annotations

from collections import Counter

from lk_migrate.cli.options import Common, Paths
from lk_migrate.cli.streams import Streams
from lk_migrate.model import Action, ExitCode, Plan


def scan(common: Common, paths: Paths = None) -> int:
    """Show what is here, for which edition, and what convert would do.

    One row per file that has something to do: its edition, the rules that would act, how many places are
    automatic, and how many would be left to a person.
    """
    from lk_migrate.read import read_project
    from lk_migrate.report.data import report

    streams = Streams(common)
    project = read_project(common.root, paths or [])
    plan = project.plan()
    if common.json:
        streams.result_json(report(plan))
        return ExitCode.DONE
    _show(plan, len(project.files), streams)
    return ExitCode.DONE


def _show(plan: Plan, files: int, streams: Streams) -> None:
    from rich.table import Table

    rows = {f.place.path for f in plan.findings}
    streams.result(f"{plan.root}: {files} files read, {len(rows)} with something to say.")
    if rows:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("file", overflow="fold")
        table.add_column("edition", overflow="fold")
        table.add_column("rules", overflow="fold", ratio=1)
        table.add_column("automatic", justify="right")
        table.add_column("for you", justify="right")
        for path in sorted(rows):
            findings = [f for f in plan.findings if f.place.path == path]
            kinds = Counter(
                "todo" if f.action is Action.TODO else "auto" for f in findings if f.action is not Action.NOTE
            )
            rules = Counter(f.rule for f in findings)
            table.add_row(
                path,
                " + ".join(e.value for e in plan.editions.get(path, ())) or "–",
                ", ".join(f"{rule}×{n}" if n > 1 else rule for rule, n in sorted(rules.items())),
                str(kinds["auto"]),
                str(kinds["todo"]) if kinds["todo"] else "–",
            )
        streams.out.print(table)
    for skipped in plan.skipped:
        streams.warn(f"{skipped.path} {skipped.reason}.")
    automatic = sum(f.action not in (Action.TODO, Action.NOTE) for f in plan.findings)
    if plan.changes:
        streams.result(
            f"convert would change {len(plan.changes)} files: {automatic} places by itself, {len(plan.todo)} left to you."
        )
        streams.say("Next: lk-migrate convert --diff, or lk-migrate convert")
    else:
        streams.result("There is nothing to convert.")

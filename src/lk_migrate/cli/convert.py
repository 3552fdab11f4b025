"""`lk-migrate convert`: read the project, plan, show or back up and write."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lk_migrate.cli.completion import rule_ids
from lk_migrate.cli.options import Common, Jobs, Paths
from lk_migrate.cli.outputs import Outputs, warn_of_secrets
from lk_migrate.cli.planning import Wish, opened
from lk_migrate.cli.report import write_last
from lk_migrate.cli.streams import Streams
from lk_migrate.model import ExitCode, FileChange, Plan, UserError
from lk_migrate.project.paths import display

if TYPE_CHECKING:
    from lk_migrate.project.snapshot import Backup

Rules = Annotated[
    list[str] | None,
    typer.Option(metavar="RULE", help="Rule ids or prefixes; may be repeated.", autocompletion=rule_ids),
]


def convert(
    common: Common,
    paths: Paths = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, write nothing.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show the changes as a patch, write nothing.")] = False,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Ask about each place that a review rule would change.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if there is something to do.")] = False,
    select: Rules = None,
    ignore: Rules = None,
    main: Annotated[str | None, typer.Option(metavar="PATH", help="The entrypoint. [default: found]")] = None,
    no_main: Annotated[bool, typer.Option("--no-main", help="Do not generate a new main.py.")] = False,
    jobs: Jobs = None,
    no_backup: Annotated[bool, typer.Option("--no-backup", help="Do not keep a snapshot first.")] = False,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write an HTML report.")] = None,
    sarif: Annotated[Path | None, typer.Option("--sarif", metavar="FILE", help="Write SARIF 2.1.0.")] = None,
    patch: Annotated[Path | None, typer.Option("--patch", metavar="FILE", help="Write the changes as a patch.")] = None,
    github: Annotated[bool, typer.Option("--github", help="Annotate the lines, as GitHub Actions shows them.")] = False,
) -> int:
    """Rewrite agents, generate main.py, account for every line.

    PATHS are where the agents are (default: anywhere); the project around them is understood as a whole.
    """
    from lk_migrate.project.lock import exclusive
    from lk_migrate.report.masked import masked
    from lk_migrate.report.present import after_conversion, before_conversion

    streams = Streams(common)
    outputs = Outputs(report, sarif, patch, github)
    wish = Wish(select, ignore, main, no_main, jobs)
    if common.json and diff:
        raise UserError("--json and --diff both want stdout; give one of them.")
    if interactive and (dry_run or diff or check):
        raise UserError("--interactive writes what you answer; --dry-run, --diff and --check write nothing: give one.")
    if interactive and not streams.can_ask:
        raise UserError("--interactive asks a person at a terminal, without --json or --quiet; here is none.")
    if dry_run or diff or check:
        project = opened(common.root, paths, streams)
        plan = wish.planned(project, streams)
        outputs.write(plan, before_conversion, streams)
        return _preview(plan, streams, diff=diff, check=check)
    project = opened(common.root, paths, streams)
    with exclusive(project.root, "convert") as recovery:
        if recovery:
            streams.warn(str(recovery))
            project = opened(common.root, paths, streams)
        if project.is_dirty:
            streams.say("git: there are uncommitted changes; commit them first if you want to tell yours from ours.")
        plan = wish.asked(project, streams) if interactive else wish.planned(project, streams)
        backup = _apply(project.root, plan, no_backup, streams)
    if report is not None and not plan.changes and write_last(project.root, report, streams):
        outputs = replace(outputs, report=None)
    outputs.write(plan, after_conversion, streams)
    return _show_result(masked(plan), backup, streams)


def _preview(plan: Plan, streams: Streams, *, diff: bool, check: bool) -> int:
    from lk_migrate.report.data import report
    from lk_migrate.report.masked import masked

    changes, plan = plan.changes, masked(plan)
    if streams.common.json:
        streams.result_json(report(plan))
    elif diff:
        _show_patch(changes, streams)
        for skipped in plan.skipped:
            streams.warn(f"{display(skipped.path)} {skipped.reason}.")
    elif not plan.changes and not plan.findings and not plan.skipped:
        streams.result("Nothing to convert: no hand-rolled agent and no old LiveKit API was found.")
    else:
        _show(plan, streams, applied=False)
        if plan.changes:
            streams.say("\nNothing was written. Next: lk-migrate convert (or --diff, to see the changes)")
    if check:
        return ExitCode.FAILED if plan.changes or plan.todo else ExitCode.DONE
    return _code(plan)


def _show_patch(changes: tuple[FileChange, ...], streams: Streams) -> None:
    """Coloured and masked for a person at a terminal; in a pipe the bytes that `git apply` takes, as they are."""
    from lk_migrate.report.diff import patch
    from lk_migrate.report.masked import masked_changes

    if sys.stdout.isatty():
        from lk_migrate.report.patch_terminal import show_patch

        show_patch(patch(masked_changes(changes)), streams.out)
        return
    sys.stdout.buffer.write(patch(changes))
    warn_of_secrets(changes, "what was written to stdout", streams)


def _apply(root: Path, plan: Plan, no_backup: bool, streams: Streams) -> Backup | None:
    from lk_migrate.project.backup import create_backup
    from lk_migrate.project.writer import apply_changes
    from lk_migrate.report.masked import masked
    from lk_migrate.report.record import save

    if not plan.changes:
        return None
    goes = [c.path for c in plan.changes if c.before is not None]
    backup = None if no_backup else create_backup(root, goes, reason="convert")
    apply_changes(root, plan.changes, backup)
    save(root, masked(plan), backup.id if backup else None)
    return backup


def _show_result(plan: Plan, backup: Backup | None, streams: Streams) -> int:
    from lk_migrate.report.data import report
    from lk_migrate.report.terminal import show_left

    if streams.common.json:
        streams.result_json(report(plan) | {"backup": backup.id if backup else None})
        return _code(plan)
    if not plan.changes:
        for skipped in plan.skipped:
            streams.warn(f"{display(skipped.path)} {skipped.reason}.")
        streams.result("Nothing changed." if plan.skipped else f"Nothing to change: {plan.why_nothing}")
        show_left(plan, streams.out)
        return _code(plan)
    _show(plan, streams, applied=True)
    if backup is not None:
        streams.say(f"\nThe old files are in backup {backup.id}: `lk-migrate restore` brings them back.")
    streams.say("Next: lk-migrate verify")
    return _code(plan)


def _show(plan: Plan, streams: Streams, *, applied: bool) -> None:
    """File by file, what is worth knowing, what is left, and the summary last: it is what stays on the screen."""
    from lk_migrate.report.terminal import show_findings, show_left, show_notes, show_summary

    show_findings(plan, streams.out, every=streams.common.verbose)
    if not streams.common.verbose:
        show_notes(plan, streams.out)
    show_left(plan, streams.out)
    show_summary(plan, streams.out, applied=applied)


def _code(plan: Plan) -> int:
    return ExitCode.LEFTOVERS if plan.todo else ExitCode.DONE

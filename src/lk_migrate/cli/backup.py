"""`lk-migrate backup`: take, list and check snapshots."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lk_migrate.cli.options import Common, Paths
from lk_migrate.cli.streams import Streams
from lk_migrate.model import ExitCode, UserError
from lk_migrate.project.backup import create_backup
from lk_migrate.project.config import load_settings
from lk_migrate.project.discover import Found, convertible_files, project_files
from lk_migrate.project.lock import exclusive
from lk_migrate.project.paths import display
from lk_migrate.project.root import root_for
from lk_migrate.project.snapshot import Backup, check_backup, list_backups, load_backup


def backup(
    common: Common,
    paths: Paths = None,
    every: Annotated[bool, typer.Option("--all", help="Every file that git would not ignore.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="Show the snapshots that there are.")] = False,
    check: Annotated[str | None, typer.Option("--check", metavar="ID", help="Read a snapshot's bytes again.")] = None,
) -> int:
    """Take a snapshot that restores byte for byte.

    Of PATHS; without any, of what convert may touch: the Python files, and those that name dependencies.
    """
    if sum((bool(paths), every, listing, check is not None)) > 1:
        raise UserError("PATHS, --all, --list and --check are four different jobs; give one of them.")
    streams = Streams(common)
    root = root_for(paths or [], common.root)
    if listing:
        return _list(root, streams)
    if check is not None:
        return _check(load_backup(root, check), streams)
    return _create(root, paths or [], every, streams)


def summary(made: Backup) -> dict[str, Any]:
    """A snapshot as `--json` shows it."""
    return {
        "id": made.id,
        "created": made.created,
        "reason": made.reason,
        "folder": str(made.folder),
        "files": len(made.entries),
        "bytes": made.size,
        "lk_migrate": made.version,
        "git": {"commit": made.git.commit, "dirty": made.git.dirty} if made.git else None,
    }


def _create(root: Path, paths: list[Path], every: bool, streams: Streams) -> int:
    found = _find(root, paths, every)
    if not found.files:
        raise UserError(f"there is nothing to back up in {display(root)}; set --root to the project's folder.")
    with exclusive(root, "backup") as recovery:
        if recovery:
            streams.warn(str(recovery))
        for skipped in found.skipped:
            streams.warn(f"{display(skipped.path)} is not in the backup: {skipped.reason}.")
        made = create_backup(root, found.files)
    if streams.common.json:
        streams.result_json(summary(made) | {"paths": [entry.path for entry in made.entries]})
    else:
        streams.result(f"{made.id}: {_count(len(made.entries))}, {_size(made.size)}, of {display(root)}")
        streams.say(f"`lk-migrate restore {made.id}` brings them back.")
    return ExitCode.DONE


def _find(root: Path, paths: list[Path], every: bool) -> Found:
    settings = load_settings(root)
    return project_files(root, paths, settings) if paths or every else convertible_files(root, settings)


def _list(root: Path, streams: Streams) -> int:
    found = list_backups(root)
    if streams.common.json:
        damaged = [{"id": skipped.path, "reason": skipped.reason} for skipped in found.damaged]
        streams.result_json({"backups": [summary(made) for made in found.backups], "damaged": damaged})
        return ExitCode.DONE
    for made in found.backups:
        git = f"{made.git.commit[:9] or 'no commit'}{' + changes' if made.git.dirty else ''}" if made.git else ""
        row = f"{made.id}  {made.reason:<8}{_count(len(made.entries)):>12}{_size(made.size):>10}  {git}"
        streams.result(row.rstrip())
    for skipped in found.damaged:
        streams.warn(skipped.reason)
    if not found.backups and not found.damaged:
        streams.say(f"no backups yet in {display(root)}.")
    return ExitCode.DONE


def _check(made: Backup, streams: Streams) -> int:
    damaged = check_backup(made)
    if streams.common.json:
        rows = [{"path": skipped.path, "reason": skipped.reason} for skipped in damaged]
        streams.result_json(summary(made) | {"damaged": rows})
    else:
        for skipped in damaged:
            streams.result(f"{display(skipped.path)}: {skipped.reason}")
        verdict = f"{len(damaged)} damaged" if damaged else "every byte is as it was kept"
        streams.say(f"{made.id}: {_count(len(made.entries))} read, {verdict}.")
    return ExitCode.FAILED if damaged else ExitCode.DONE


def _count(files: int) -> str:
    return f"{files} file{'' if files == 1 else 's'}"


def _size(count: int) -> str:
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"

"""`lk-migrate restore`: give the old bytes back."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from lk_migrate.cli.options import Common
from lk_migrate.cli.streams import Streams
from lk_migrate.model import ExitCode, UserError
from lk_migrate.project.lock import exclusive
from lk_migrate.project.paths import display
from lk_migrate.project.restore import Do, Restored, RestorePlan, apply_restore, plan_restore
from lk_migrate.project.root import find_root
from lk_migrate.project.snapshot import Backup, find_backups, load_backup
from lk_migrate.project.transaction import pending

_VERBS = {
    Do.CREATE: "brought back",
    Do.REPLACE: "replaced",
    Do.ATTRIBUTES: "mode or time set",
    Do.REMOVE: "removed",
}


def restore(
    common: Common,
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID] [PATHS]...", help="A snapshot (default: the newest), files."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, do nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also remove created files that were edited since.")] = False,
) -> int:
    """Give the old bytes back: what the snapshot holds, and whatever lk-migrate wrote since.

    What that overwrites or removes is kept in a snapshot of its own first.
    """
    streams = Streams(common)
    root = find_root(Path.cwd(), common.root)
    if dry_run:
        if pending(root):
            streams.warn("an earlier command was interrupted; the next one that writes finishes or undoes it.")
        plan = _plan(root, what or [])
        _show(plan, None, streams)
        return ExitCode.DONE
    with exclusive(root, "restore") as recovery:
        if recovery:
            streams.warn(str(recovery))
        plan = _plan(root, what or [])
        if plan.edited and not force and streams.can_ask:
            names = ", ".join(map(display, plan.edited))
            force = typer.confirm(f"Remove {names}, which convert created and was edited since?", err=True)
        done = apply_restore(plan, force=force)
    _show(plan, done, streams)
    return ExitCode.DONE


def _plan(root: Path, what: list[str]) -> RestorePlan:
    backup, names = _choose(root, what)
    return plan_restore(backup, [_in_project(root, name) for name in names])


def _choose(root: Path, what: list[str]) -> tuple[Backup, list[str]]:
    """The first word is an id when a snapshot has it; otherwise all words are paths."""
    if not what:
        return load_backup(root), []
    first = what[0]
    if first == "latest" or find_backups(root, first) or not _could_be_path(root, first):
        return load_backup(root, first), what[1:]
    return load_backup(root), what


def _could_be_path(root: Path, word: str) -> bool:
    return "/" in word or "." in word or os.path.lexists(word) or os.path.lexists(root / word)


def _in_project(root: Path, name: str) -> str:
    """A path that may be gone, relative to the root; read from the current folder, then the root."""
    here = Path(name) if Path(name).is_absolute() else Path.cwd() / name
    full = Path(os.path.normpath(here))
    if not os.path.lexists(full) and not Path(name).is_absolute():
        full = Path(os.path.normpath(root / name)) if not full.is_relative_to(root) else full
    real = Path(os.path.realpath(full.parent)) / full.name
    if not real.is_relative_to(root):
        raise UserError(f"{display(name)} is outside the project {display(root)}; name a path inside it.")
    relative = real.relative_to(root).as_posix()
    return "" if relative == "." else relative


def _show(plan: RestorePlan, done: Restored | None, streams: Streams) -> None:
    undo = done.undo if done else None
    if streams.common.json:
        streams.result_json(_json(plan, done is not None, undo))
        return
    for action in plan.changes:
        streams.result(f"{action.do.value:<11}{display(action.path)}")
    if not plan.changes:
        streams.say(f"all is as it was in {plan.backup.id}; nothing to do.")
        return
    counts = Counter(action.do for action in plan.changes)
    parts = ", ".join(f"{counts[do]} {verb}" for do, verb in _VERBS.items() if counts[do])
    if done is None:
        streams.say(f"restoring {plan.backup.id} would be: {parts}.")
        for path in plan.edited:
            streams.say(f"{display(path)} was created by convert and edited since: removing it wants --force.")
    else:
        streams.say(f"restored {plan.backup.id}: {parts}.")
    if undo is not None:
        streams.say(f"`lk-migrate restore {undo.id}` undoes this.")


def _json(plan: RestorePlan, applied: bool, undo: Backup | None) -> dict[str, Any]:
    return {
        "id": plan.backup.id,
        "applied": applied,
        "changes": [{"path": action.path, "do": action.do.value} for action in plan.changes],
        "edited": list(plan.edited),
        "undo": undo.id if undo else None,
    }

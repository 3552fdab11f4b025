"""Back to how the project was when a snapshot was made.

That is: what the snapshot holds, and besides it whatever lk-migrate has written since (as the snapshots that
came before those writes have it; what lk-migrate created since goes). Work of the person's own in other files
is not touched. What a restore overwrites or removes is kept in a snapshot first, so a restore can be undone.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from lk_migrate.model import UserError
from lk_migrate.project.backup import create_backup
from lk_migrate.project.durable import sync
from lk_migrate.project.journal import Folders, Step, missing_folders
from lk_migrate.project.lock import exclusive
from lk_migrate.project.paths import display, open_regular, signature
from lk_migrate.project.snapshot import Backup, Entry, check_objects, list_backups
from lk_migrate.project.transaction import run_transaction
from lk_migrate.project.written import read_written, written_step


class Do(str, Enum):
    """What a restore does at a path."""

    CREATE = "create"
    REPLACE = "replace"
    #: The bytes are right; mode, mtime or a hard link is not.
    ATTRIBUTES = "attributes"
    REMOVE = "remove"
    #: All is as it was.
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class RestoreAction:
    """One path of a plan. `source` holds the bytes of `entry`; both None where the path is to be absent."""

    path: str
    do: Do
    #: The signature of what stands there now.
    now: str | None
    entry: Entry | None = None
    source: Backup | None = None


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What a restore would do: a value. `edited` are files that convert created, edited since."""

    backup: Backup
    actions: tuple[RestoreAction, ...]
    edited: tuple[str, ...] = ()
    #: Folders that lk-migrate made since; they go when nothing is left in them.
    made_since: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[RestoreAction, ...]:
        """The actions that change something."""
        return tuple(action for action in self.actions if action.do is not Do.NOTHING)


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done. `undo` is the snapshot of what was overwritten or removed, None when nothing was."""

    plan: RestorePlan
    undo: Backup | None


def plan_restore(backup: Backup, paths: Iterable[str] = ()) -> RestorePlan:
    """What it takes to go back to `backup`; `paths` (files or folders, relative to the root) narrow it.

    Raises UserError for a path that the snapshot knows nothing of, a folder where a file was, a manifest that
    leads out of the project.
    """
    root = backup.root
    wanted, made_since = _goal(backup)
    chosen = _choose(wanted, tuple(paths), backup.id)
    current = {path: signature(root / path) for path in chosen}
    broken = _broken_links(root, {path: wanted[path] for path in chosen})
    actions, edited = [], []
    for path in sorted(chosen):
        goal, now = wanted[path], current[path]
        if now in ("folder", "special"):
            raise UserError(f"{display(path)} was a file and is none now; move it away and run again.")
        actions.append(RestoreAction(path, _do(root, goal, now, path in broken), now, goal.entry, goal.source))
        if goal.entry is None and now not in (None, goal.last):
            edited.append(path)
    return RestorePlan(backup, tuple(actions), tuple(edited), made_since)


def apply_restore(plan: RestorePlan, *, force: bool = False) -> Restored:
    """Do it, all or nothing. `force` also removes created files that were edited since.

    Raises UserError, with nothing changed, for such files without `force`, a damaged snapshot, a file that
    changed since the plan was made, a disk that is full.
    """
    root = plan.backup.root
    if plan.edited and not force:
        names = ", ".join(map(display, plan.edited))
        raise UserError(f"convert created {names}, edited since; --force removes them too (a copy is kept).")
    damaged = check_objects((a.source, a.entry) for a in plan.actions if a.source and a.entry)
    if damaged:
        what = f"{display(damaged[0].path)}: {damaged[0].reason}"
        raise UserError(f"backup {plan.backup.id} is damaged, nothing was changed: {what}.")
    changes = plan.changes
    if not changes:
        return Restored(plan, None)
    with exclusive(root, "restore"):
        undo = create_backup(root, [a.path for a in changes if a.now is not None], reason="restore")
        steps = list(_steps(root, changes))
        made = missing_folders(root, [step.path for step in steps if step.stage])
        steps.append(written_step(undo, [(step.path, step.after) for step in steps], made))
        run_transaction(root, steps, "restore", Folders(plan.backup.folders, plan.made_since))
    return Restored(plan, undo)


@dataclass(frozen=True, slots=True)
class _Goal:
    """How a path was; no entry: it was absent. `last` is what lk-migrate itself left there, if it did."""

    entry: Entry | None
    source: Backup | None
    last: str | None = None


def _goal(backup: Backup) -> tuple[dict[str, _Goal], tuple[str, ...]]:
    """The state at `backup`, for every path that it holds or that lk-migrate has written since.

    And the folders that lk-migrate has made since.
    """
    goal = {entry.path: _Goal(entry, backup) for entry in backup.entries}
    made: set[str] = set()
    for later in list_backups(backup.root).backups:
        if (later.created, later.id) < (backup.created, backup.id):
            continue
        entries = {entry.path: entry for entry in later.entries}
        written = read_written(later)
        made.update(written.folders)
        for path, left in written.files.items():
            entry = entries.get(path)
            first = goal.get(path) or _Goal(entry, later if entry else None)
            goal[path] = replace(first, last=left)
    # Absent then, and absent when we last wrote: what stands there now is the person's.
    ours = {path: known for path, known in goal.items() if known.entry is not None or known.last is not None}
    return ours, tuple(sorted(made - set(backup.folders)))


def _choose(wanted: dict[str, _Goal], paths: tuple[str, ...], identity: str) -> set[str]:
    if not paths:
        return set(wanted)
    chosen: set[str] = set()
    for path in paths:
        below = {known for known in wanted if known == path or known.startswith(f"{path}/") or path == ""}
        if not below:
            raise UserError(f"backup {identity} has nothing at {display(path)}.")
        chosen |= below
    # A hard link is restored with its other names, or it would not be one.
    groups = {_group(wanted[path].entry, path) for path in chosen}
    return chosen | {path for path, goal in wanted.items() if _group(goal.entry, path) in groups}


def _do(root: Path, goal: _Goal, now: str | None, link_broken: bool) -> Do:
    entry = goal.entry
    if entry is None:
        return Do.NOTHING if now is None else Do.REMOVE
    path = root / entry.path
    if now is None:
        return Do.CREATE
    if now != entry.signature:
        return Do.REPLACE
    info = path.lstat()
    same_mode = entry.target is not None or stat.S_IMODE(info.st_mode) == entry.mode
    same = same_mode and info.st_mtime_ns == entry.mtime_ns and not link_broken
    return Do.NOTHING if same else Do.ATTRIBUTES


def _group(entry: Entry | None, path: str) -> str:
    return entry.same_as if entry is not None and entry.same_as is not None else path


def _broken_links(root: Path, wanted: dict[str, _Goal]) -> set[str]:
    """The paths of all hard links of which a name, a byte or an attribute is not as it was."""
    groups: dict[str, list[Entry]] = {}
    for path, goal in wanted.items():
        if goal.entry is not None:
            groups.setdefault(_group(goal.entry, path), []).append(goal.entry)
    broken: set[str] = set()
    for members in groups.values():
        if len(members) > 1 and not _is_linked(root, members):
            broken.update(entry.path for entry in members)
    return broken


def _is_linked(root: Path, members: list[Entry]) -> bool:
    try:
        infos = [(root / entry.path).lstat() for entry in members]
    except OSError:
        return False
    first = members[0]
    info = infos[0]
    return (
        len({(i.st_dev, i.st_ino) for i in infos}) == 1
        and (stat.S_IMODE(info.st_mode), info.st_mtime_ns) == (first.mode, first.mtime_ns)
        and signature(root / first.path) == first.signature
    )


def _steps(root: Path, changes: Iterable[RestoreAction]) -> Iterator[Step]:
    staged: dict[str, Path] = {}  # group of hard links → the first of them that was staged
    for action in changes:
        entry, source = action.entry, action.source
        if entry is None or source is None:
            yield Step(action.path, action.now, None, None)
        else:
            yield Step(action.path, action.now, entry.signature, _Stage(entry, source, staged))


@dataclass(frozen=True, slots=True)
class _Stage:
    """Makes the old file, link or hard link at a temporary place, attributes included."""

    entry: Entry
    source: Backup
    staged: dict[str, Path]

    def __call__(self, draft: Path) -> None:
        entry = self.entry
        if entry.target is not None:
            draft.symlink_to(entry.target)
            os.utime(draft, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)
            return
        first = self.staged.setdefault(_group(entry, entry.path), draft)
        if first != draft:
            os.link(first, draft)
            return
        with open_regular(self.source.object(entry)) as old, draft.open("xb") as new:
            shutil.copyfileobj(old, new, 1 << 20)
            new.flush()
            os.fchmod(new.fileno(), entry.mode)
            os.utime(new.fileno(), ns=(entry.mtime_ns, entry.mtime_ns))
            sync(new.fileno())

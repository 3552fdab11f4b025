"""From a plan's changes to files on the disk.

A link inside the project is written through to its target, and stays a link; one that leads out is refused.
A hard link is broken: this name gets the new bytes, the file's other names keep the old ones (as with most
editors and git); `Applied.unlinked` says so. Mode, owner and extended attributes are kept.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lk_migrate.model import FileChange, UserError
from lk_migrate.project.durable import sync
from lk_migrate.project.journal import Step, missing_folders
from lk_migrate.project.lock import exclusive
from lk_migrate.project.paths import display, file_signature, real_target, reason, sha256, signature
from lk_migrate.project.snapshot import Backup
from lk_migrate.project.transaction import run_transaction
from lk_migrate.project.written import written_step


@dataclass(frozen=True, slots=True)
class Applied:
    """What was written, by the paths of the plan; `unlinked` had other names, which keep the old bytes."""

    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    unlinked: tuple[str, ...] = ()


def apply_changes(
    root: Path, changes: Sequence[FileChange], backup: Backup | None, *, command: str = "convert"
) -> Applied:
    """Write all changes, or none of them. With a `backup`, it must hold every file that goes.

    What is written is noted in the backup, so that `restore` knows it again. Raises UserError, with the tree
    as it was, for: a file that is not as the plan read it, a path that leads out of the project, a read-only
    file or folder, a full disk, another lk-migrate at work.
    """
    changes = [change for change in changes if change.before != change.after]
    with exclusive(root, command):
        targets = _targets(root, changes)
        _check_current(root, changes, targets)
        if backup is not None:
            _check_backed_up(backup, changes, targets)
        steps = [_step(root, change, target) for change, target in zip(changes, targets, strict=True)]
        unlinked = [c.path for c, t in zip(changes, targets, strict=True) if _has_other_names(root / t)]
        if backup is not None and steps:
            made = missing_folders(root, [step.path for step in steps if step.stage])
            steps.append(written_step(backup, [(step.path, step.after) for step in steps], made))
        run_transaction(root, steps, command)
    return Applied(
        created=tuple(change.path for change in changes if change.before is None),
        changed=tuple(c.path for c in changes if c.before is not None and c.after is not None),
        deleted=tuple(change.path for change in changes if change.after is None),
        unlinked=tuple(unlinked),
    )


def _targets(root: Path, changes: Sequence[FileChange]) -> list[str]:
    targets: dict[str, str] = {}
    for change in changes:
        target = real_target(root, change.path)
        if target in targets:
            names = f"{display(targets[target])} and {display(change.path)}"
            raise UserError(f"{names} are the same file, to be changed twice; nothing was written.")
        targets[target] = change.path
    return list(targets)


def _check_current(root: Path, changes: Sequence[FileChange], targets: Sequence[str]) -> None:
    for change, target in zip(changes, targets, strict=True):
        name = display(change.path)
        try:
            now = signature(root / target)
        except OSError as error:
            raise UserError(f"{name} cannot be read: {reason(error)}; nothing was written.") from error
        if now is not None and change.before is None:
            raise UserError(f"{name} came to be since we looked; nothing was written: run again.")
        if now != _signature(change.before):
            what = "is gone" if now is None else "was changed"
            raise UserError(f"{name} {what} since it was read; nothing was written: run again.")
        if now is not None and not (root / target).stat().st_mode & stat.S_IWUSR:
            raise UserError(f"{name} is read-only; nothing was written: chmod u+w it and run again.")


def _check_backed_up(backup: Backup, changes: Sequence[FileChange], targets: Sequence[str]) -> None:
    kept = {entry.path: entry.signature for entry in backup.entries}
    for change, target in zip(changes, targets, strict=True):
        if change.before is not None and kept.get(target) != _signature(change.before):
            raise UserError(f"{display(change.path)} is not in backup {backup.id} as it is; nothing was written.")


def _step(root: Path, change: FileChange, target: str) -> Step:
    after = change.after
    stage = None if after is None else _Stage(root / target, after, exists=change.before is not None)
    return Step(target, _signature(change.before), _signature(after), stage)


@dataclass(frozen=True, slots=True)
class _Stage:
    """Makes the new file at a temporary place, with what the old one was apart from its bytes."""

    target: Path
    data: bytes
    exists: bool

    def __call__(self, draft: Path) -> None:
        with draft.open("xb") as stream:
            stream.write(self.data)
            stream.flush()
            if self.exists:
                _keep_attributes(self.target, draft)
            sync(stream.fileno())


def _keep_attributes(old: Path, new: Path) -> None:
    info, mine = old.stat(), new.stat()
    if (info.st_uid, info.st_gid) != (mine.st_uid, mine.st_gid):
        with contextlib.suppress(PermissionError):  # only root may give a file away; it will be ours then
            os.chown(new, info.st_uid, info.st_gid)
    shutil.copystat(old, new)  # mode and extended attributes; the times are set below, after the last write
    os.utime(new)


def _has_other_names(path: Path) -> bool:
    return path.exists() and path.stat().st_nlink > 1


def _signature(data: bytes | None) -> str | None:
    return None if data is None else file_signature(sha256(data))

"""The journal of one transaction: its state on the disk, the way forward and the way back (see transaction.py)."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from lk_migrate.model import UserError
from lk_migrate.project.durable import copy_synced, second_name, sync_folder, write_synced
from lk_migrate.project.paths import display, is_inside, real_name, reason, safe_relative, signature, state_folder

_FORMAT = 1
#: The names of files that are not in place yet.
TEMPORARY = re.compile(r"\.lk-migrate-[0-9a-f]{12}-\d+\.tmp")
#: The one kind of file in our own folder that is written along with the project's.
_NOTE = re.compile(r"\.lk-migrate/backups/[\w-]+/written\.json")


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one path. `stage` makes the new content at the place it is given; None removes.

    `path` is real (no link on the way to it); `before` and `after` are signatures (see `paths.signature`).
    """

    path: str
    before: str | None
    after: str | None
    stage: Callable[[Path], None] | None


class Outcome(str, Enum):
    """What `recover` did with an interrupted command."""

    FINISHED = "finished"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Folders:
    """What a transaction does to folders, besides making those it needs."""

    #: Permission bits of folders, for those that have to be made.
    modes: Mapping[str, int] = field(default_factory=dict)
    #: Removed in the end, if then empty.
    emptied: tuple[str, ...] = ()


NO_FOLDERS = Folders()

#: Told the name of every effect once it is done. Nobody listens but the crash tests, which kill us there.
observer: Callable[[str], None] | None = None


def at_step(name: str) -> None:
    """An effect has just been done, and the next not begun."""
    if observer is not None:
        observer(name)


@dataclass(frozen=True, slots=True)
class Item:
    """One step as the journal keeps it; `temporary` and `old` are file names, empty when not needed."""

    path: str
    before: str | None
    after: str | None
    temporary: str
    old: str


@dataclass
class Journal:
    """The journal on the disk: its state file, and the second names of the old files."""

    root: Path
    folder: Path
    command: str
    state: str
    items: Sequence[Item]
    #: Folders that did not exist, parents first, and the permission bits that they are to have.
    made: Mapping[str, int | None]
    emptied: Sequence[str]

    # --- the state file

    @classmethod
    def begin(cls, root: Path, steps: Sequence[Step], command: str, folders: Folders) -> Journal:
        """A new one, on the disk. Raises OSError, with nothing left behind."""
        folder = state_folder(root, create=True) / "journal"
        discard(folder)
        number = os.urandom(6).hex()
        items = [
            Item(
                step.path,
                step.before,
                step.after,
                f".lk-migrate-{number}-{index}.tmp" if step.stage else "",
                f"old-{index}" if step.before is not None else "",
            )
            for index, step in enumerate(steps)
        ]
        missing = missing_folders(root, [step.path for step in steps if step.stage])
        made = {path: folders.modes.get(path) for path in missing}
        journal = cls(root, folder, command, "staging", items, made, folders.emptied)
        try:
            folder.mkdir()
            journal._become("staging", journal._draft("staging"))
        except OSError:
            with contextlib.suppress(OSError):
                discard(folder)
            raise
        return journal

    @classmethod
    def load(cls, root: Path, folder: Path) -> Journal:
        """From the disk. It is not trusted: every path is checked to be in the project."""
        try:
            data: dict[str, Any] = json.loads((folder / "journal.json").read_bytes())
            if data["format"] != _FORMAT or data["state"] not in ("staging", "committed", "undoing"):
                raise ValueError("unknown format")
            items = [Item(**item) for item in data["steps"]]
            for item in items:
                _check(root, item)
            made: dict[str, int | None] = dict(data["made"])
            emptied = list(data["emptied"])
            for path in (*made, *emptied):
                real_name(root, path)
            return cls(root, folder, str(data["command"]), data["state"], items, made, emptied)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, UserError) as error:
            raise UserError(
                f"the journal of an interrupted command, {display(folder)}, cannot be used ({error}); "
                "see `lk-migrate backup --list`, restore what you need by hand and delete that folder."
            ) from error

    def _draft(self, state: str) -> Path:
        data = {
            "format": _FORMAT,
            "command": self.command,
            "state": state,
            "made": self.made,
            "emptied": self.emptied,
            "steps": [{name: getattr(item, name) for name in Item.__slots__} for item in self.items],
        }
        draft = self.folder / f"journal.{state}"
        write_synced(draft, json.dumps(data).encode())
        at_step("journal drafted")
        return draft

    def _become(self, state: str, draft: Path) -> None:
        draft.replace(self.folder / "journal.json")
        sync_folder(self.folder)
        self.state = state
        at_step(f"journal {state}")

    # --- the way forward

    def stage(self, steps: Sequence[Step]) -> None:
        """Make the new files beside the old ones, and keep the old ones. Raises UserError, OSError."""
        for folder in self.made:
            (self.root / folder).mkdir()
            at_step("folder made")
        for item, step in zip(self.items, steps, strict=True):
            if item.old:
                second_name(self.root / item.path, self.folder / item.old)
                at_step("old kept")
            if step.stage is not None:
                _stage(step.stage, self._temporary(item))
                at_step("staged")
        for item in self.items:
            if signature(self.root / item.path) != item.before:
                raise UserError(f"{display(item.path)} was changed by another program; nothing was written.")
        self._sync_folders()

    def commit(self) -> None:
        """From here on the new tree is meant to be."""
        self._draft("undoing")  # now: when it is needed, there may be no room for it
        self._become("committed", self._draft("committed"))

    def finish(self) -> list[str]:
        """Put the new files in place, as far as that is not done. Returns what somebody else changed."""
        conflicts = []
        for item in self.items:
            target = self.root / item.path
            now = signature(target)
            if item.temporary and os.path.lexists(self._temporary(item)):
                if now not in (item.before, item.after):
                    conflicts.append(item.path)
                    continue
                self._temporary(item).replace(target)
                at_step("replaced")
            elif now != item.after:
                if item.after is not None or now != item.before:
                    conflicts.append(item.path)
                    continue
                target.unlink()
                at_step("removed")
        self._finish_folders()
        self._sync_folders()
        return conflicts

    def _finish_folders(self) -> None:
        for path, mode in reversed(list(self.made.items())):
            if mode is not None and (self.root / path).is_dir():
                (self.root / path).chmod(mode & 0o7777)
        for path in sorted(self.emptied, reverse=True):
            with contextlib.suppress(OSError):  # somebody else has something in it
                (self.root / path).rmdir()
                at_step("folder removed")

    def close(self) -> None:
        """The tree is as it should be: forget the journal."""
        (self.folder / "journal.json").unlink(missing_ok=True)
        sync_folder(self.folder)
        at_step("journal removed")
        with contextlib.suppress(OSError):  # the next command sweeps it up
            discard(self.folder)

    # --- the way back

    def undo(self) -> list[str]:
        """Old names back to old files. Returns what was edited since, and is therefore left alone."""
        if self.state == "committed":
            draft = self.folder / "journal.undoing"
            self._become("undoing", draft if draft.is_file() else self._draft("undoing"))
        kept = []
        for item in reversed(self.items):
            if item.temporary:
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    self._temporary(item).unlink()
                at_step("draft removed")
            if not self._put_back(item):
                kept.append(item.path)
        for folder in reversed(list(self.made)):
            with contextlib.suppress(OSError):  # not empty: somebody put something in
                (self.root / folder).rmdir()
        self._sync_folders()
        return kept

    def _put_back(self, item: Item) -> bool:
        target, old = self.root / item.path, self.folder / item.old
        now = signature(target)
        if now not in (item.before, item.after):
            return False
        if item.before is None:
            if now is not None:
                target.unlink()
                at_step("removed again")
        elif item.old and os.path.lexists(old):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                old.replace(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                draft = target.with_name(f".lk-migrate-{os.urandom(6).hex()}-0.tmp")
                copy_synced(old, draft)
                draft.replace(target)
            at_step("put back")
        elif now != item.before:
            raise OSError(errno.ENOENT, "its old bytes are gone", item.path)
        return True

    def undo_all(self, cause: BaseException) -> None:
        """After a failure: the old tree, or a UserError that says what stands half-done and where."""
        try:
            self.undo()
            self.close()
        except OSError as error:
            raise UserError(
                f"writing failed ({cause}) and so did undoing it ({reason(error)}); the journal is kept: "
                "make room or give permission, and run any lk-migrate command that writes to undo it."
            ) from cause

    def recover(self) -> tuple[Outcome, list[str]]:
        """Forward if that can be, else back; with what was edited since. Raises UserError when neither can be."""
        if self.state == "committed" and self._can_finish():
            with contextlib.suppress(OSError):
                conflicts = self.finish()
                self.close()
                return Outcome.FINISHED, conflicts
        try:
            kept = self.undo()
        except OSError as error:
            raise UserError(
                f"an earlier `lk-migrate {self.command}` was interrupted and cannot be undone yet: "
                f"{reason(error)} ({display(error.filename or self.folder)})."
            ) from error
        self.close()
        return Outcome.UNDONE, kept

    def _can_finish(self) -> bool:
        """Whether every new file is there, whole, and nobody edited a file that is still to be replaced."""
        for item in self.items:
            now = signature(self.root / item.path)
            draft = signature(self._temporary(item)) if item.temporary else None
            if draft is not None:
                if draft != item.after or now not in (item.before, item.after):
                    return False
            elif item.after is not None and now == item.before and now != item.after:
                return False  # the draft was removed by somebody
        return True

    # --- folders

    def _temporary(self, item: Item) -> Path:
        return (self.root / item.path).with_name(item.temporary)

    def _sync_folders(self) -> None:
        names = [*(item.path for item in self.items), *self.made]
        for folder in sorted({(self.root / name).parent for name in names}):
            if folder.is_dir():
                sync_folder(folder)


def _stage(stage: Callable[[Path], None], draft: Path) -> None:
    try:
        stage(draft)
    except OSError as error:
        error.filename = error.filename or os.fspath(draft)  # write() does not know where it writes
        raise


def missing_folders(root: Path, paths: Iterable[str]) -> list[str]:
    """The folders to make, parents first."""
    missing: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and not os.path.lexists(root / folder):
            missing.add(folder)
            folder = folder.rpartition("/")[0]
    return sorted(missing)


def _check(root: Path, item: Item) -> None:
    if not _NOTE.fullmatch(item.path):
        safe_relative(item.path)
    parent = os.path.realpath((root / item.path).parent)
    if not is_inside(root, parent):
        raise ValueError(f"{display(item.path)} leads out of the project")
    if item.temporary and not TEMPORARY.fullmatch(item.temporary):
        raise ValueError("a name that is not ours")
    if item.old and not re.fullmatch(r"old-\d+", item.old):
        raise ValueError("a name that is not ours")


def discard(folder: Path) -> None:
    """Remove our own folder of a journal; UserError when somebody put something else in its place."""
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise UserError(f"{display(folder)} must be a folder of lk-migrate's own; remove it and run again.")
    shutil.rmtree(folder)

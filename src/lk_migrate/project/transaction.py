"""All or nothing for a set of files: the one way in which this tool writes into a project.

A transaction goes through these states, each on the disk before the next begins:

1. *staging*: every new content is written beside its target under a temporary name, and every old file gets a
   second name (a hard link) in the journal's folder. Nothing of the project has changed.
2. *committed*: one rename of the journal file. From here on the new tree is meant to be.
3. each temporary file is renamed over its target; files to delete are unlinked.
4. the journal file is removed. From here on the new tree is.

Killed in 1, `recover` throws the temporary files away: the old tree. Killed in 2 or 3, it finishes: the new
tree. When something fails (disk full, no permission, a file that changed meanwhile), the journal turns to
*undoing* and the old files, the very same inodes, get their names back: the old tree, mtimes included.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lk_migrate.model import UserError
from lk_migrate.project.journal import NO_FOLDERS, TEMPORARY, Folders, Journal, Outcome, Step, discard
from lk_migrate.project.paths import display, reason, state_folder

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Recovery:
    """An interrupted command was brought to an end. `kept` were edited since, and left as they are."""

    command: str
    outcome: Outcome
    files: int
    kept: tuple[str, ...] = ()

    def __str__(self) -> str:
        how = "finished it" if self.outcome is Outcome.FINISHED else "undid it"
        left = f"; left as you edited them since: {', '.join(map(display, self.kept))}" if self.kept else ""
        return f"an earlier `lk-migrate {self.command}` was interrupted; {how} ({self.files} files{left})."


def run_transaction(root: Path, steps: Sequence[Step], command: str, folders: Folders = NO_FOLDERS) -> None:
    """Do all steps, or none.

    Raises UserError when it could not be done; the tree is then as it was. Other exceptions (Ctrl-C) undo as
    well, and go on.
    """
    if not steps:
        return
    try:
        journal = Journal.begin(root, steps, command, folders)
    except OSError as error:
        raise UserError(_sentence(root, error)) from error
    try:
        journal.stage(steps)
        journal.commit()
        conflicts = journal.finish()
        if conflicts:
            raise UserError(f"{display(conflicts[0])} was changed by another program; nothing was written.")
    except BaseException as error:
        journal.undo_all(error)
        if isinstance(error, OSError):
            raise UserError(_sentence(root, error)) from error
        raise
    # The new tree stands. Stopped from here on, nothing is undone: the next command sweeps up after us.
    with contextlib.suppress(OSError):
        journal.close()


def pending(root: Path) -> bool:
    """Whether an interrupted command waits for `recover`."""
    return os.path.lexists(state_folder(root) / "journal" / "journal.json")


def recover(root: Path) -> Recovery | None:
    """Bring an interrupted transaction to its end, if there is one. Needs the lock.

    Raises UserError when the journal is damaged, or the old and the new tree are both out of reach.
    """
    folder = state_folder(root) / "journal"
    if not os.path.lexists(folder):
        return None
    if not pending(root):  # killed before the first or after the last effect: only our own leftovers
        discard(folder)
        return None
    journal = Journal.load(root, folder)
    outcome, kept = journal.recover()
    return Recovery(journal.command, outcome, len(journal.items), tuple(kept))


def _sentence(root: Path, error: OSError) -> str:
    name = error.filename
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    where = ""
    if isinstance(name, str):
        path = os.path.relpath(name, root) if name.startswith("/") else name
        if TEMPORARY.search(path):  # a name that means nothing to a person
            path = path.rpartition("/")[0] or "the project's folder"
        where = f" in {display(path)}"
    if error.errno in _FULL:
        return f"there is no room to write{where} ({reason(error)}); all is as it was: make room, run again."
    return f"cannot write{where}: {reason(error)}; all is as it was."

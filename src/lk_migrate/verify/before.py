"""The project as it was before the migration: from the newest backup, or a folder that a person names."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from lk_migrate.model import UserError
from lk_migrate.project.snapshot import load_backup
from lk_migrate.project.written import read_written
from lk_migrate.verify.workspace import copy_project, is_aside, python_files


@dataclass(frozen=True, slots=True)
class Before:
    """A copy of the old tree, and how a person would call it."""

    root: Path
    origin: str

    def app_files(self) -> list[str]:
        """The Python files of the old app, relative to its root."""
        return [file for file in python_files(self.root) if not is_aside(file)]


def before(root: Path, old: Path | None, to: Path) -> Before:
    """The old tree, copied `to` a new folder. Raises UserError when there is none."""
    if old is not None:
        if not old.is_dir():
            raise UserError(f"--old {old}: there is no such folder.")
        copy_project(old.resolve(), to)
        return Before(to, str(old))
    backup = load_backup(root)
    copy_project(root, to)
    for path, signature in read_written(backup).files.items():
        if signature is not None:
            (to / path).unlink(missing_ok=True)
    for entry in backup.entries:
        target = to / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.target is None:
            shutil.copyfile(backup.object(entry), target)
    return Before(to, f"backup {backup.id}")

"""What lk-migrate wrote after a snapshot, noted in it, so that `restore` knows our own work again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from lk_migrate.model import UserError
from lk_migrate.project.durable import write_synced
from lk_migrate.project.journal import Step
from lk_migrate.project.paths import file_signature, real_name, sha256, signature
from lk_migrate.project.snapshot import FORMAT, Backup, read_small


@dataclass(frozen=True, slots=True)
class Written:
    """What lk-migrate did to the project after a snapshot."""

    #: Path → the signature of what it left there; None: it removed what was there.
    files: dict[str, str | None]
    #: The folders that it made.
    folders: tuple[str, ...] = ()


def written_step(backup: Backup, files: Iterable[tuple[str, str | None]], folders: Iterable[str] = ()) -> Step:
    """A step for the transaction that writes `files`: it notes them in the snapshot made before.

    So the note stands exactly when what it says was done. Later notes on a path win over earlier ones.
    """
    path = backup.folder / "written.json"
    known = read_written(backup)
    data = {
        "format": FORMAT,
        "files": known.files | dict(files),
        "folders": sorted({*known.folders, *folders}),
    }
    content = json.dumps(data, indent=1).encode()
    return Step(
        path=path.relative_to(backup.root).as_posix(),
        before=signature(path),
        after=file_signature(sha256(content)),
        stage=lambda draft: write_synced(draft, content),
    )


def read_written(backup: Backup) -> Written:
    """What `written_step` noted; UserError when the note is damaged or names a path outside the project."""
    path = backup.folder / "written.json"
    try:
        data = json.loads(read_small(path))
        written = Written(dict(data["files"]), tuple(data["folders"]))
        for name in (*written.files, *written.folders):
            real_name(backup.root, name)
        if not all(value is None or isinstance(value, str) for value in written.files.values()):
            raise ValueError("a signature is not a string")
    except FileNotFoundError:
        return Written({})
    except (OSError, ValueError, TypeError, KeyError, UserError) as error:
        raise UserError(f"backup {backup.id} is damaged: {path.name}: {error}") from error
    return written

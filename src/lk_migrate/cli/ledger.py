"""`lk-migrate ledger`: where did this line go, and where does that one come from?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lk_migrate.cli.options import Common
from lk_migrate.cli.streams import Streams
from lk_migrate.model import ExitCode, UserError

if TYPE_CHECKING:
    from lk_migrate.report.record import Record

Where = Annotated[str | None, typer.Argument(metavar="[FILE[:LINE]]", show_default=False)]


def ledger(
    common: Common,
    where: Where = None,
    run: Annotated[str | None, typer.Option("--run", metavar="ID", help="Of an earlier conversion.")] = None,
) -> int:
    """Say where every line of the old code went, and where the new ones come from.

    Without FILE: every legacy file, in percents that sum to 100. With FILE: its stretches. With FILE:LINE: that line,
    as it was and as it is now. Lines are those that convert read and wrote.
    """
    from lk_migrate.project.root import root_for
    from lk_migrate.report.data import ledger_entry
    from lk_migrate.report.ledger import came, went
    from lk_migrate.report.ledger_terminal import show_file, show_line, show_sums
    from lk_migrate.report.record import load

    streams = Streams(common)
    root = root_for([], common.root)
    record = load(root, run)
    entries = record.ledger
    if where is None:
        if common.json:
            streams.result_json({"id": record.id, "ledger": record.data["ledger"]})
        else:
            show_sums(entries, streams.out)
            streams.say(f"\nConversion {record.id}. lk-migrate ledger FILE[:LINE] looks closer.")
        return ExitCode.DONE
    path, line = _place(where, root, record)
    if common.json:
        rows = {
            "went": went(entries, path, line) if line else [e for e in entries if e.place.path == path],
            "came": came(entries, path, line) if line else [e for e in entries if e.to and e.to.path == path],
        }
        streams.result_json({name: [ledger_entry(e) for e in found] for name, found in rows.items()})
    elif line is None:
        show_file(entries, path, streams.out)
    else:
        show_line(entries, path, line, _sources(root, record), streams.out)
    return ExitCode.DONE


def _place(where: str, root: Path, record: Record) -> tuple[str, int | None]:
    """`FILE:LINE` as the ledger knows it: from the current folder, else from the root."""
    name, colon, number = where.rpartition(":")
    line = int(number) if colon and number.isdecimal() and int(number) > 0 else None
    name = name if line is not None else where
    known = {e["place"]["path"] for e in record.data["ledger"]} | {c["path"] for c in record.data["changes"]}
    for base in (Path.cwd(), root):
        path = Path(os.path.relpath(os.path.normpath(base / name), root)).as_posix()
        if path in known:
            return path, line
    changed = ", ".join(sorted(known)[:6])
    raise UserError(f"{name} is not in the ledger of {record.id}; it has {changed}{', …' if len(known) > 6 else ''}.")


def _sources(root: Path, record: Record) -> Any:
    """Lines of the files as they were (from the backup, when it is still there) and as they are."""
    from lk_migrate.project.snapshot import Backup, load_backup

    try:
        backup: Backup | None = load_backup(root, record.id) if record.data["backup"] else None
    except UserError:
        backup = None

    def line_of(path: str, line: int, *, new: bool) -> str | None:
        try:
            if new:
                data = (root / path).read_bytes()
            else:
                entry = next((e for e in backup.entries if e.path == path), None) if backup else None
                if backup is None or entry is None or entry.target is not None:
                    return None
                data = backup.object(entry).read_bytes()
        except OSError:
            return None
        lines = data.decode("utf-8", "replace").splitlines()
        return lines[line - 1] if 0 < line <= len(lines) else None

    return line_of

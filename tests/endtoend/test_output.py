"""What a conversion leaves on the disk: it parses, has no new loose ends, is stable, and can be taken back."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from endtoend_support import APPS, Conversion, lk_migrate, tree

from lk_migrate.model import ExitCode


def ruff(folder: Path, rule: str) -> Counter[str]:
    """How often ruff has something to say, by file and message."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--isolated",
            "--no-cache",
            "--select",
            rule,
            "--output-format=json",
            ".",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return Counter(
        f"{Path(one['filename']).relative_to(folder.resolve())}: {one['code']} {one['message']}"
        for one in json.loads(done.stdout)
    )


def written(folder: Path) -> dict[str, int]:
    """When each file was written, backups included; only the lock is touched by every run."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "lock")
    return {p.relative_to(folder).as_posix(): p.stat().st_mtime_ns for p in files}


def test_it_converts(conversion: Conversion) -> None:
    left = [f for f in conversion.report["findings"] if f["action"] == "todo"]
    assert conversion.exit_code == (ExitCode.LEFTOVERS if left else ExitCode.DONE)
    assert conversion.report["left"] == len(left)
    assert conversion.changed
    assert not conversion.report["skipped"], "a file could not be converted"


def test_every_file_parses(conversion: Conversion) -> None:
    for path, (data, _) in conversion.after.items():
        if path.endswith(".py"):
            ast.parse(data, path)


def test_no_name_is_undefined(conversion: Conversion) -> None:
    assert not ruff(conversion.folder, "F821") - ruff(conversion.legacy, "F821")


def test_no_import_is_unused_that_was_used(conversion: Conversion) -> None:
    """A file that is split may take along what was unused before: the name counts, not the file."""

    def names(folder: Path) -> Counter[str]:
        found: Counter[str] = Counter()
        for message, count in ruff(folder, "F401").items():
            found[message.split(": ", 1)[1]] += count
        return found

    assert not names(conversion.folder) - names(conversion.legacy)


def test_the_plan_is_what_was_written(conversion: Conversion) -> None:
    """A dry run and a real one are the same computation."""
    after = {path: data for path, (data, _) in conversion.after.items()}
    for change in conversion.plan.changes:
        assert after.get(change.path) == change.after, change.path
    changed = {c.path for c in conversion.plan.changes}
    for path, (data, mode) in conversion.before.items():
        if path not in changed:
            assert conversion.after[path] == (data, mode), path
    assert conversion.after.keys() - conversion.before.keys() <= changed


def test_what_is_not_concerned_is_left_alone(conversion: Conversion) -> None:
    untouched = {
        "clinic": ["calendar_service", "database", "knowledge_base", "prompts", "recording", "__init__"],
        "switchboard": ["after_hours_schemas", "__init__"],
        "mixins": ["lk", "__init__", "bookings"],
    }
    same = {p for p, found in conversion.before.items() if conversion.after.get(p) == found}
    for name in untouched[conversion.app]:
        assert f"{APPS[conversion.app]}/{name}.py" in same
    assert {"README.md"} <= same


def test_odd_bytes_are_kept(conversion: Conversion) -> None:
    """Line ends, byte order marks, encodings and missing last newlines are the person's."""
    before, after = conversion.before, conversion.after
    for path in conversion.changed & after.keys():
        old, new = before[path][0], after[path][0]
        assert new.startswith(b"\xef\xbb\xbf") == old.startswith(b"\xef\xbb\xbf"), path
        assert old.endswith(b"\n") == new.endswith(b"\n"), path
        assert before[path][1] == after[path][1], path
        crlf = old.count(b"\r\n")
        if crlf in (0, old.count(b"\n")):
            assert new.count(b"\r\n") == (new.count(b"\n") if crlf else 0), path
        declared = re.search(rb"coding[=:]\s*([-\w.]+)", b"\n".join(old.splitlines()[:2]))
        encoding = declared[1].decode() if declared else "utf-8"
        new.decode(encoding)


def test_odd_bytes_are_there_to_be_kept(converted: object) -> None:
    """The changed files have each kind of oddity, else the test above would show nothing."""
    conversions = [converted(app) for app in APPS]  # type: ignore[operator]
    changed = [one.before[path][0] for one in conversions for path in one.changed]
    assert any(b"\r\n" in data for data in changed)
    assert any(data.startswith(b"\xef\xbb\xbf") for data in changed)
    assert any(not data.endswith(b"\n") for data in changed)
    assert any(b"latin-1" in data and b"\xe4" in data for data in changed)


def test_a_second_conversion_changes_nothing(conversion: Conversion, tmp_path: Path) -> None:
    again = shutil.copytree(conversion.folder, tmp_path / conversion.app)
    before = written(again)
    done = lk_migrate("convert", APPS[conversion.app], cwd=again)
    assert done.returncode == conversion.exit_code, done.stderr
    assert "Nothing to change" in done.stdout
    assert tree(again) == conversion.after
    assert written(again) == before, "a file was written again, or a second backup was made"


def test_restore_gives_everything_back(conversion: Conversion, tmp_path: Path) -> None:
    back = shutil.copytree(conversion.folder, tmp_path / conversion.app)
    done = lk_migrate("restore", cwd=back)
    assert done.returncode == 0, done.stderr
    assert tree(back) == conversion.before


@pytest.mark.parametrize("app", APPS)
def test_restore_compares_something(app: str, converted: object) -> None:
    """Files are created and changed, so that giving back means removing and rewriting."""
    conversion = converted(app)  # type: ignore[operator]
    kinds = {c["kind"] for c in conversion.report["changes"]}
    assert "changed" in kinds
    if conversion.report["main"] is not None:
        assert "created" in kinds

"""`lk-migrate report`: a page about what was converted before, with what was verified since."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from in_process import run
from report_support import FILES, VERIFIED

from lk_migrate.plan import ConvertOptions, make_plan
from lk_migrate.report.html import html
from lk_migrate.report.masked import masked
from lk_migrate.report.record import load, load_plan, save
from lk_migrate.report.verified import load_verified, save_verified

STAGES = ("static", "console", "voice")


@pytest.fixture
def converted(tmp_path: Path) -> Path:
    for path, data in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    run(tmp_path, "convert", "--quiet")
    return tmp_path


def test_it_is_the_page_that_convert_would_have_written(tmp_path: Path) -> None:
    plan = masked(make_plan(FILES, ConvertOptions(), str(tmp_path)))
    record = save(tmp_path, plan, None)
    assert load_plan(tmp_path, load(tmp_path)) == plan
    assert html(load_plan(tmp_path, record)) == html(plan)


def test_the_command(converted: Path) -> None:
    done = run(converted, "report")
    page = (converted / "lk-migrate-report.html").read_text()
    assert done.returncode == 0 and "wrote lk-migrate-report.html" in done.stderr
    assert "It was not verified yet" in done.stderr and 'id="verified"' not in page
    (converted / "services" / "desk.py").unlink()
    run(converted, "restore", "--force")
    run(converted, "report", "again.html")
    assert (converted / "again.html").read_text() == page, "whatever became of the files"


def test_what_was_verified_is_shown_until_the_code_is_edited(converted: Path) -> None:
    save_verified(converted, load(converted), VERIFIED, STAGES)
    done = run(converted, "report", "r.html")
    page = (converted / "r.html").read_text()
    assert "1 check failed" in page and "a spoken turn" in page and "edited since" not in page + done.stderr
    (converted / "main.py").write_text("x = 1\n")
    done = run(converted, "report", "r.html")
    assert "edited since" in done.stderr and "edited since" in (converted / "r.html").read_text()


def test_a_run_of_one_stage_replaces_that_stage(converted: Path) -> None:
    record = load(converted)

    def stages() -> list[tuple[str, str]]:
        found = load_verified(converted, record)
        return [(c.stage, c.status) for c in found.checks] if found else []

    save_verified(converted, record, VERIFIED, STAGES)
    again = [{"stage": "console", "name": "answers", "status": "ok", "detail": ""}]
    save_verified(converted, record, again, STAGES)
    assert stages() == [("console", "ok"), ("voice", "ok")]
    (converted / "main.py").write_text("x = 1\n")
    save_verified(converted, record, again, STAGES)
    assert stages() == [("console", "ok")], "the other rows spoke of other code"


def test_what_cannot_be_read_is_no_verification(converted: Path) -> None:
    record = load(converted)
    assert load_verified(converted, record) is None
    save_verified(converted, record, VERIFIED, STAGES)
    (file,) = (converted / ".lk-migrate" / "verify").glob("*.json")
    for damaged in ("", "[]", "{}", json.dumps({"schema": 1, "created": "", "code": "", "rows": [{"stage": "x"}]})):
        file.write_text(damaged)
        assert load_verified(converted, record) is None


def test_without_the_files_of_the_conversion_it_says_what_to_do(converted: Path) -> None:
    (archive,) = (converted / ".lk-migrate" / "ledger").glob("*.zip")
    archive.write_bytes(b"no zip")
    done = run(converted, "report")
    assert done.returncode == 2 and re.search(r"cannot be shown: .*`convert --report FILE`", done.stderr)


def test_verify_keeps_its_rows(converted: Path) -> None:
    """The stage that only reads: it needs no start of the app."""
    done = run(converted, "verify", "--stage", "environment", "--json")
    found = load_verified(converted, load(converted))
    assert found is not None
    assert [c.name for c in found.checks] == [r["name"] for r in json.loads(done.stdout)["rows"]] != []


def test_of_a_project_that_was_not_converted_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import os\nos.environ['X']\n")
    run(tmp_path, "verify", "--stage", "environment")
    assert not (tmp_path / ".lk-migrate").exists()


def test_a_second_conversion_shows_the_first(converted: Path) -> None:
    """It has nothing to change, and an empty page would help nobody."""
    run(converted, "report", "first.html")
    done = run(converted, "convert", "--report", "second.html")
    assert "is about the last conversion" in done.stderr
    assert (converted / "second.html").read_text() == (converted / "first.html").read_text()

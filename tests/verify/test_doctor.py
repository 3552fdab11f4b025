"""Known failures, each found in an app that has it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from lk_migrate.verify import Options, Row, Status, doctor, names, verify
from lk_migrate.verify.run import prepared

APPS = Path(__file__).parent / "apps"
Rows = Callable[[str], list[Row]]


def named(rows: list[Row], name: str) -> list[Row]:
    return [row for row in rows if row.name == name]


@pytest.mark.slow
def test_a_model_of_another_provider_is_named_with_whom_it_belongs_to(rows_of: Rows) -> None:
    stt, tts = named(rows_of("wrong_model"), "model")
    assert stt.status is Status.FAILED and "a model of deepgram.STT" in stt.detail and str(stt.place) == "main.py:9"
    assert "elevenlabs.TTS" in tts.detail  # and the model behind a proxy of the person's own is not judged


@pytest.mark.slow
def test_right_models_are_no_news(rows_of: Rows) -> None:
    assert not named(rows_of("healthy"), "model")


@pytest.mark.slow
def test_a_folder_that_hides_livekit_is_named(rows_of: Rows) -> None:
    [row] = named(rows_of("shadowed"), "shadowed livekit")
    assert row.status is Status.FAILED and str(row.place) == "livekit/__init__.py:1"
    assert not named(rows_of("healthy"), "shadowed livekit")


@pytest.mark.slow
def test_a_tool_that_blocks_the_event_loop_is_found_at_its_line(rows_of: Rows) -> None:
    [row] = named(rows_of("blocking"), "event loop")
    assert "asyncio.to_thread" in row.detail and str(row.place) == "main.py:16"


def found_in(app: Path, old: Path | None = None, reached: tuple[str, ...] = ("agent.py",)) -> list[Row]:
    with prepared(Options(app, old=old)) as context:
        return [*doctor.examine(context), *names.undefined(context, set(reached))]


def test_a_program_that_is_not_installed_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "convert.py").write_text("import subprocess\n\nsubprocess.run(['ffmpeg', '-i', 'a.mp3'])\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    [row] = found_in(tmp_path)
    assert (row.name, str(row.place)) == ("ffmpeg", "convert.py:3") and "apt install ffmpeg" in row.detail
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    assert not found_in(tmp_path)


def test_a_name_that_nothing_defines_is_found_where_it_is_used(tmp_path: Path) -> None:
    code = """
from __future__ import annotations

def book(day: Missing) -> str:
    try:
        return unicode(day)
    except NameError:
        return str(ZoneInfo("UTC"))

def again():
    return ZoneInfo
"""
    (tmp_path / "agent.py").write_text(code)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_agent.py").write_text("undefined\n")
    [row] = found_in(tmp_path)
    assert row.status is Status.FAILED and str(row.place) == "agent.py:8"
    assert "`ZoneInfo` is not defined" in row.detail and "1 more line;" in row.detail
    [aside] = found_in(tmp_path, reached=("main.py",))
    assert aside.status is Status.SKIPPED and "does not import it" in aside.detail
    [old] = found_in(tmp_path, old=tmp_path)
    assert old.status is Status.SKIPPED and "the same before the migration" in old.detail


def test_a_lambda_in_a_handler_knows_the_error() -> None:
    code = "try:\n    go()\nexcept Exception as error:\n    later(lambda: str(error))\nlater(lambda: str(error))\n"
    found = names.undefined_names(ast.parse(f"from x import go, later\n{code}"))
    assert found == {"error": [6]}


def test_a_python_that_is_too_old_is_one_row(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(
        """#!/bin/sh
echo '{"version": "3.9.18", "agents": "1.8.9", "plugins": {}, "compiled": true}'
"""
    )
    python.chmod(0o755)
    [row] = verify(Options(APPS / "healthy", python=str(python)))
    assert row.status is Status.FAILED
    assert "3.9.18" in row.detail and "needs 3.10 to 3.14" in row.detail and "-m venv" in row.detail

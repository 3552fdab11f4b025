"""Whole apps under verification: what is sound is green, and each fault is found by its row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lk_migrate.model import Place
from lk_migrate.verify import Row, Status, any_failed

APPS = Path(__file__).parent / "apps"
Rows = Callable[[str], list[Row]]

pytestmark = pytest.mark.slow


def failed(rows: list[Row], stage: str) -> list[Row]:
    return [row for row in rows if row.stage == stage and row.status is Status.FAILED]


def one(rows: list[Row], stage: str, name: str) -> Row:
    [row] = [row for row in rows if (row.stage, row.name) == (stage, name)]
    return row


def code_at(app: str, place: Place | None) -> str:
    assert place is not None
    return (APPS / app / place.path).read_text().splitlines()[place.line - 1].strip()


def test_a_sound_app_is_green(rows_of: Rows) -> None:
    rows = rows_of("healthy")
    assert not any_failed(rows), failed(rows, "static") + failed(rows, "console")


def test_every_tool_of_a_sound_app_runs_and_what_it_returns_is_seen(rows_of: Rows) -> None:
    rows = rows_of("healthy")
    assert one(rows, "console", "book").detail == "the model is told “2031-05-14 9:00 is yours, check-up”"
    assert one(rows, "console", "list_slots").detail == "the model is told “2031-05-14 9:00”"
    assert one(rows, "console", "end_of_call").detail == "it gives the model nothing"


def test_the_greeting_is_heard(rows_of: Rows) -> None:
    assert "Hello from the stand-in model." in one(rows_of("healthy"), "console", "greeting").detail


def test_an_agent_that_does_not_greet_is_no_failure(rows_of: Rows) -> None:
    assert one(rows_of("raises"), "console", "greeting").status is Status.SKIPPED


def test_the_console_ends_on_control_c(rows_of: Rows) -> None:
    assert one(rows_of("healthy"), "console", "Ctrl-C").status is Status.OK


def test_the_agent_is_built_with_stand_in_arguments(rows_of: Rows) -> None:
    row = one(rows_of("healthy"), "static", "Clinic")
    assert (row.status, row.detail) == (Status.OK, "it constructs; 3 tools")
    assert str(row.place) == "services/clinic.py:17"


def test_nothing_is_written_into_the_tree(rows_of: Rows) -> None:
    assert one(rows_of("healthy"), "console", "end_of_call").status is Status.OK  # it wrote its database
    assert not (APPS / "healthy" / "notes.db").exists()
    assert not list(APPS.rglob("__pycache__"))


def test_a_tool_that_raises_fails_with_its_error_and_line_and_the_others_still_run(rows_of: Rows) -> None:
    rows = rows_of("raises")
    row = one(rows, "console", "broken")
    assert row.status is Status.FAILED
    assert row.detail == "it raised KeyError: 'wanted'"
    assert code_at("raises", row.place) == 'return {"other": "x"}["wanted"]'
    assert one(rows, "console", "sound").status is Status.OK
    assert [row.name for row in failed(rows, "console")] == ["add", "broken"]


def test_a_tool_error_is_an_answer_to_the_model(rows_of: Rows) -> None:
    row = one(rows_of("raises"), "console", "refuses")
    assert (row.status, row.detail) == (Status.OK, "the model is told “not on a Sunday”")


def test_a_tool_that_another_machine_fails_is_not_the_migrations_fault(rows_of: Rows) -> None:
    row = one(rows_of("raises"), "console", "away")
    assert row.status is Status.SKIPPED and "out of reach here" in row.detail
    assert code_at("raises", row.place).startswith("urllib.request.urlopen")


def test_an_agent_without_tools_answers(rows_of: Rows) -> None:
    assert one(rows_of("mute"), "console", "answer").status is Status.OK


def test_tools_that_the_app_forbids_its_model_to_call_are_no_failure(rows_of: Rows) -> None:
    rows = rows_of("barred")
    row = one(rows, "console", "book")
    assert row.status is Status.SKIPPED and 'tool_choice="none"' in row.detail
    assert failed(rows, "console") == []


def test_a_tool_that_the_model_knows_by_another_name_than_the_session_is_a_failure(rows_of: Rows) -> None:
    row = one(rows_of("misnamed"), "console", "tool_0")
    assert row.status is Status.FAILED
    assert row.detail.startswith("the model is offered `tool_0`, and no tool has that name")


def test_a_model_that_is_asked_by_requests_of_the_apps_own_is_stood_in_for(rows_of: Rows) -> None:
    rows = rows_of("by_hand")
    assert one(rows, "console", "answer").detail == "“Stand-in answer 1.”"
    assert failed(rows, "console") == []
    assert not [row for row in rows if row.name == "network"]


@pytest.mark.parametrize("stage", ["console", "voice"])
def test_a_greeting_that_got_lost_is_a_failure_with_its_old_place(rows_of: Rows, stage: str) -> None:
    row = one(rows_of("mute"), stage, "greeting")
    assert row.status is Status.FAILED
    assert "it does not speak first" in row.detail and row.detail.endswith("at main.py:15")


def test_an_entrypoint_that_wants_metadata_fails_at_once_with_a_hint(rows_of: Rows) -> None:
    """And it is run as the part of a package that it is."""
    [row] = failed(rows_of("dispatched"), "console")
    assert row.name == "python -m desk.main console --text"
    assert "JSONDecodeError" in row.detail and "without" not in row.detail and "nobody dispatched" in row.detail
    assert code_at("dispatched", row.place) == "wanted = json.loads(ctx.job.metadata)"
    assert row.seconds < 35  # the wait for a prompt is over


def test_a_prewarm_that_fails_is_told_at_once_with_its_line(rows_of: Rows) -> None:
    [row] = failed(rows_of("cold"), "console")
    assert "prewarming fails" in row.detail and "unexpected keyword argument 'min_silence'" in row.detail
    assert code_at("cold", row.place) == 'proc.userdata["vad"] = silero.VAD.load(min_silence=0.4)'
    assert row.seconds < 35


def test_an_entrypoint_that_fails_after_the_start_is_told_with_its_line(rows_of: Rows) -> None:
    [row] = [row for row in failed(rows_of("late"), "console") if row.name == "entrypoint"]
    assert "after the session has started" in row.detail and "'wait_for_disconnection'" in row.detail
    assert "wait_for_disconnection" in code_at("late", row.place)


def test_a_wait_for_nobody_is_found_at_its_line(rows_of: Rows) -> None:
    [row] = failed(rows_of("waits"), "console")
    assert "waits for a participant who does not come" in row.detail
    assert "wait_for_participant" in code_at("waits", row.place)


@pytest.mark.parametrize("stage", ["static", "console"])
def test_a_missing_plugin_is_one_row_with_its_pip_line(rows_of: Rows, stage: str) -> None:
    [row] = failed(rows_of("missing_plugin"), stage)
    assert "pip install 'livekit-agents[deepgram]~=1.8'" in row.detail
    assert str(row.place) == "main.py:4"


def test_deprecated_arguments_are_found_logged_or_silent(rows_of: Rows) -> None:
    rows = [row for row in rows_of("deprecated") if row.status is Status.FAILED]
    assert {row.name for row in rows} == {"deprecated API"}
    told = {row.detail.split(" ")[0]: str(row.place) for row in rows}
    assert told == {"Agent(allow_interruptions=)": "main.py:9", "min_endpointing_delay,": "main.py:22"}


def test_a_parameter_without_an_annotation_is_named(rows_of: Rows) -> None:
    rows = rows_of("unannotated")
    row = one(rows, "static", "Helper.set_notes")
    assert row.status is Status.FAILED and "'text' has no annotation" in row.detail
    assert str(row.place) == "main.py:11"
    assert "KeyError: 'text'" in one(rows, "console", "answer").detail


def test_a_plain_function_as_a_tool_fails_before_and_when_it_is_called(rows_of: Rows) -> None:
    rows = rows_of("raises")
    assert "async def" in one(rows, "static", "Helper.add").detail
    assert "await" in one(rows, "console", "add").detail
    assert one(rows, "console", "add").status is Status.FAILED


def test_only_the_faulty_apps_speak_of_deprecated_api(rows_of: Rows) -> None:
    for app in ("healthy", "raises", "providers"):
        assert "deprecated API" not in {row.name for row in rows_of(app)}


def test_models_of_every_provider_are_stood_in_for(rows_of: Rows) -> None:
    rows = rows_of("providers")
    assert not any_failed(rows)
    exchanged = {row.detail.split(" ")[0].rpartition(".")[2] for row in rows if row.name == "exchanged"}
    assert exchanged == {"TTS", "RealtimeModel"}


def test_what_stands_in_takes_what_a_tool_changes_of_its_model(rows_of: Rows) -> None:
    assert "slowly" in one(rows_of("providers"), "console", "speak_slowly").detail


def test_tools_after_a_handoff_are_called_too(rows_of: Rows) -> None:
    rows = rows_of("providers")
    assert "another agent takes over" in one(rows, "console", "transfer_to_billing").detail
    assert "2031: 42" in one(rows, "console", "total").detail
    assert one(rows, "console", "hang_up").status is Status.OK


def test_a_connection_that_was_refused_is_listed_and_no_failure(rows_of: Rows) -> None:
    row = one(rows_of("providers"), "console", "network")
    assert row.status is Status.SKIPPED
    assert "tried to reach weather.example.com:443" in row.detail
    assert "urlopen" in code_at("providers", row.place)

"""`lk-migrate` alone: the next step at a terminal, the help in a pipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from terminal import typed

from lk_migrate.cli.guide import look
from lk_migrate.cli.options import Common
from lk_migrate.cli.streams import Streams
from lk_migrate.model import FileChange, Plan
from lk_migrate.report.guide import Situation, offers
from lk_migrate.report.verified import Verified, verified

CODE = b"from livekit.agents import AgentSession\n\n\ndef made():\n    return AgentSession(allow_interruptions=False)\n"
CHANGED = Plan(".", changes=(FileChange("main.py", b"", b"x"),))
DONE = Plan(".")
FAILED = verified([{"stage": "console", "name": "answers", "status": "failed"}])


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (Situation(CHANGED, 1), ("convert", "--diff")),
        (Situation(CHANGED, 1, seen=True), ("convert",)),
        (Situation(DONE, 1), ("rules",)),
        (Situation(DONE, 1, converted=True), ("verify",)),
        (Situation(DONE, 1, converted=True, verified=FAILED), ("verify",)),
        (Situation(DONE, 1, converted=True, verified=replace(FAILED, checks=(), outdated=True)), ("verify",)),
        (Situation(DONE, 1, converted=True, verified=Verified("", ()), open_items=2), ("todo",)),
        (Situation(DONE, 1, converted=True, verified=Verified("", ())), ("report",)),
    ],
)
def test_the_likeliest_step_is_offered_first(now: Situation, first: tuple[str, ...]) -> None:
    found = offers(now)
    assert found[0].command == first
    assert len({offer.command for offer in found}) == len(found)


def test_the_first_offer_of_an_unseen_project_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_bytes(CODE)
    code, text = typed(tmp_path, keys="\nq\n")
    assert code == 0 and (tmp_path / "main.py").read_bytes() == CODE
    assert "1 of them for early LiveKit Agents 1.x" in text and "Files   1 to change" in text
    assert "+    return AgentSession(turn_handling" in text, "Enter shows the changes"
    after = text[text.index("+    return") :]
    assert "  1  convert (keeps a backup first)" in after, "and then convert comes first"


def test_from_the_first_look_to_what_is_converted(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_bytes(CODE)
    code, text = typed(tmp_path, keys="2\nnonsense\nq\n")
    assert code == 0 and b"turn_handling" in (tmp_path / "main.py").read_bytes()
    assert "converted here, and not verified yet" in text and "  1  verify that it runs" in text
    assert "Type a number from 1 to" in text
    assert [line for line in text.splitlines() if len(line) > 80] == []


def test_what_was_taken_back_is_not_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main.py").write_bytes(CODE)
    typed(tmp_path, "convert")
    monkeypatch.chdir(tmp_path)
    streams = Streams(Common(quiet=True))
    assert look(streams).converted
    typed(tmp_path, "restore")
    assert look(streams).plan.changes


def test_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("x = 1\n")
    code, text = typed(tmp_path, keys="q\n")
    assert code == 0 and "no hand-rolled agent and no old LiveKit API" in text

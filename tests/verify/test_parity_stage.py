"""Old and new side by side."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path

import pytest

from lk_migrate.verify import Options, Row, Status, parity, verify
from lk_migrate.verify.conversations import Conversation, Offer, conversations, said, shortest
from lk_migrate.verify.run import prepared

HERE = Path(__file__).parent
FIXTURES = HERE.parents[1] / "fixtures"
Rows = Callable[[str], list[Row]]

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
OFFERS = [Offer("note", "note", TEXT), Offer("hang_up", "hang_up", {"type": "object", "properties": {}})]


@pytest.mark.slow
def test_a_class_by_hand_and_its_conversion_do_the_same(rows_of: Rows) -> None:
    [row] = [row for row in rows_of("healthy") if row.stage == "parity"]
    assert (row.name, row.status) == ("Clinic", Status.OK), row
    assert "tool calls: returns, errors, state" in row.detail and "not compared" not in row.detail
    assert "also when Diary.first_hour fails" in row.detail


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "self._booked.append((day, kind))",
            "pass",
            "book(day='2031-05-14', email='ada@example.com', kind='check-up')",
        ),
        ("most: int = 3", "most: int = 4", "list_slots takes other arguments"),
        ('raise ValueError(f"not an address: {email}")', 'return "Try again."', "raises 'ValueError: not an address: "),
        (
            "except DiaryClosed:",
            "except Exception:",
            "when Diary.first_hour raises CollaboratorFailed: after ",
        ),
        ("except DiaryClosed:", "except KeyError:", "when Diary.first_hour raises DiaryClosed: after "),
        ('instructions="Greet the caller."', 'instructions="Wait."', "on entering"),
    ],
    ids=["state", "default", "error", "handler of too much", "handler of too little", "greeting"],
)
def test_a_difference_is_shown_as_the_shortest_conversation(tmp_path: Path, old: str, new: str, told: str) -> None:
    shutil.copytree(HERE / "apps" / "healthy", tmp_path / "new")
    file = tmp_path / "new" / "services" / "clinic.py"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    [row] = verify(Options(tmp_path / "new", stages=("parity",), old=HERE / "apps" / "healthy"))
    assert row.status is Status.FAILED
    assert told in row.detail
    assert row.detail.count(");") == 0  # one call


@pytest.mark.slow
def test_old_code_that_cannot_be_imported_is_skipped_with_the_reason(tmp_path: Path) -> None:
    shutil.copytree(HERE / "old" / "healthy", tmp_path / "old")
    file = tmp_path / "old" / "services" / "clinic.py"
    file.write_text(
        "from livekit.agents.pipeline import VoicePipelineAgent\n"
        + file.read_text().replace("from __future__ import annotations", "")
    )
    [row] = verify(Options(HERE / "apps" / "healthy", stages=("parity",), old=tmp_path / "old"))
    assert row.status is Status.SKIPPED
    assert "livekit.agents.pipeline" in row.detail and "packages of its own edition" in row.detail


@pytest.mark.slow
def test_what_other_stages_wrote_is_not_a_difference(tmp_path: Path) -> None:
    """The console's tool calls leave rows in a database of the working copy: neither side may start from them.

    Nor is it one that the old gate counts in its class, for all instances: no utterance comes twice.
    """
    for name, app in (("new", HERE / "apps" / "healthy"), ("old", HERE / "old" / "healthy")):
        file = shutil.copytree(app, tmp_path / name) / "services" / "clinic.py"
        body = file.read_text().replace("self._last_speech_id = None", "pass")
        body = body.replace("class Clinic:", "class Clinic:\n    _last_speech_id = None\n")
        body = body.replace("self._last_speech_id = speech_id", "Clinic._last_speech_id = speech_id")
        assert "        self._booked" in body
        count = "        self.bookings = len(open('bookings.txt').readlines())\n"
        file.write_text(body.replace("        self._booked", f"{count}        self._booked", 1))
        (tmp_path / name / "bookings.txt").write_text("one\n")
    with prepared(Options(tmp_path / "new", old=tmp_path / "old")) as context:
        (context.workspace / "bookings.txt").write_text("one\ntwo\n")
        [row] = parity.run(context)
    assert row.status is Status.OK, row


def test_without_a_backup_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    shutil.copytree(HERE / "apps" / "wrong_model", tmp_path / "app")
    [row] = verify(Options(tmp_path / "app", stages=("parity",)))
    assert row.status is Status.SKIPPED and "there is no backup" in row.detail


def test_every_tool_is_called_alone_and_in_a_row_and_the_last_one_last() -> None:
    talks = conversations(OFFERS, count=10)
    assert [[tool for tool, _ in talk] for talk in talks[:3]] == [["note"], ["hang_up"], ["note", "hang_up"]]
    assert len(talks) == 14 and talks == conversations(OFFERS, count=10)
    assert conversations([], count=10) == []


def test_only_the_steps_that_matter_are_left() -> None:
    talk: Conversation = tuple((name, {}) for name in "abcdb")

    def differs(one: Conversation) -> bool:
        names = [name for name, _ in one]
        return "b" in names and "d" in names[names.index("b") :]

    assert [name for name, _ in shortest(talk, differs)] == ["b", "d"]


def test_a_conversation_is_told_as_calls() -> None:
    assert list(said((("book", {"day": "Friday", "most": 3}),))) == ["book(day='Friday', most=3)"]


def test_userdata_keeps_attributes_and_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(parity.__file__).parent / "child"))
    from lk_migrate_child.anything import Kept  # type: ignore[import-not-found]

    data = Kept()
    data["calls"] = data.get("calls", 0) + 1
    data.name = "Ada"
    data.setdefault("bookings", []).append("Monday")
    del data["name"]
    assert (data["calls"], data["bookings"], "calls" in data, "name" in data) == (1, ["Monday"], True, False)
    assert vars(data) == {"calls": 1, "bookings": ["Monday"]}
    assert data["anything else"] is not None


def test_an_error_that_names_an_object_is_the_same_in_both_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(parity.__file__).parent / "child"))
    from lk_migrate_child.plain import plain

    def error() -> LookupError:
        unset: ContextVar[str] = ContextVar("call")
        with pytest.raises(LookupError) as told:
            unset.get()
        return told.value

    one, other = error(), error()
    assert str(one) != str(other) and plain(one) == plain(other) == "LookupError: <ContextVar name='call' at 0x…>"


def test_a_logger_that_is_kept_is_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows all loggers of its process, and the new code imports other modules than the old."""
    monkeypatch.syspath_prepend(str(Path(parity.__file__).parent / "child"))
    from lk_migrate_child.plain import plain

    class Client:
        def __init__(self) -> None:
            self.logger = logging.getLogger("client")
            self.rooms = 2

    before = plain(Client())
    logging.getLogger("something.imported.later")
    assert plain(Client()) == before == {"(class)": "Client", "logger": "Logger", "rooms": 2}


def test_the_attribute_that_a_gate_is_asked_by_is_the_gates_own(tmp_path: Path) -> None:
    (tmp_path / "desk.py").write_text((FIXTURES / "rules" / "LK102" / "partials.before.py").read_text())
    gates = parity._gates(tmp_path)
    assert gates.names == {"take"} and "turns" in gates.state and "caller" not in gates.state


def test_what_only_a_gate_keeps_is_not_compared_wherever_it_is(tmp_path: Path) -> None:
    (tmp_path / "desk.py").write_text((FIXTURES / "rules" / "LK101" / "two_budgets.before.py").read_text())
    gates = parity._gates(tmp_path)
    assert gates.classes == {"Budget"}
    budget = {"(class)": "Budget", "size": 2, "left": 1}
    assert gates.without({"call": {"(class)": "Call", "tools": budget, "tries": 1}, "all": [budget]}) == {
        "call": {"(class)": "Call", "tries": 1},
        "all": [{"(class)": "Budget", "size": 2, "left": 1}],
    }
    (tmp_path / "desk.py").write_text((FIXTURES / "rules" / "LK101" / "json_refusals.before.py").read_text())
    gates = parity._gates(tmp_path)
    state = {"(class)": "State", "turn": 3, "turn_used": 3, "tries": {}}
    assert gates.without({"state": state}) == {"state": {"(class)": "State", "turn": 3, "tries": {}}}

"""A file that a safety check keeps as it was does not leave the others half converted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import libcst as cst
import pytest

from lk_migrate.model import Action, Edition, Plan
from lk_migrate.plan import ConvertOptions, make_plan
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules import registry
from lk_migrate.rules.registry import Rule

FILES = {
    "base.py": b"def open_gate():\n    return 1\n\n\ntwice = 1\n",
    "user.py": b"from base import open_gate\n\nopen_gate()\ntwice = 1\n",
    "late.py": b"import user\n\nuser.open_gate()\n",
    "apart.py": b"open_gate = print\nopen_gate()\n",
}
RENAMED = b"shut_gate"


def _rule(identity: str, old: str, new: str, **kind: object) -> Rule:
    rule = Rule(identity, Edition.V1, "Renames.", **kind)  # type: ignore[arg-type]

    @rule.on(cst.Name)
    def rename(node: cst.Name, file: File) -> Iterator[Change]:
        if node.value == old:
            yield Rewrite(node, lambda updated: updated.with_changes(value=new), f"`{new}`")

    return rule


def _raising(identity: str, path: str) -> Rule:
    rule = Rule(identity, Edition.V1, "Fails in one file.")

    @rule.on(cst.Module)
    def fail(node: cst.Module, file: File) -> Iterator[Change]:
        if file.path == path:
            raise KeyError("nobody thought of this")
        yield from ()

    return rule


def _silent(identity: str, path: str) -> Rule:
    """Changes more than its finding says."""
    rule = Rule(identity, Edition.V1, "Drops the last statement.")

    @rule.on(cst.Name)
    def drop(node: cst.Name, file: File) -> Iterator[Change]:
        if file.path == path and node.value == "twice":
            yield Rewrite(node, lambda updated: updated.with_changes(value="a = b"), "nothing much")

    return rule


Planner = Callable[..., Plan]


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Planner:
    def run(*rules: Rule) -> Plan:
        monkeypatch.setattr(registry, "select_rules", lambda select, ignore: rules)
        return make_plan(FILES, ConvertOptions(no_main=True))

    return run


def _changed(plan: Plan) -> set[str]:
    return {c.path for c in plan.changes if RENAMED in (c.after or b"")}


def test_without_trouble_every_file_changes(planned: Planner) -> None:
    assert _changed(planned(_rule("LK901", "open_gate", "shut_gate", across_files=True))) == set(FILES)


@pytest.mark.parametrize("trouble", [_raising, _silent])
def test_one_file_that_fails_keeps_those_that_belong_to_it(
    planned: Planner, trouble: Callable[[str, str], Rule]
) -> None:
    plan = planned(_rule("LK901", "open_gate", "shut_gate", across_files=True), trouble("LK902", "base.py"))
    assert _changed(plan) == {"apart.py"}
    assert [s.path for s in plan.skipped] == ["base.py"]
    assert "this is a bug in lk-migrate" in plan.skipped[0].reason
    notes = {(f.place.path, f.rule) for f in plan.findings if f.action is Action.NOTE and "base.py" in f.message}
    assert notes == {("user.py", "LK901"), ("late.py", "LK901")}


def test_rules_of_single_files_and_other_rules_go_on(planned: Planner) -> None:
    plan = planned(
        _rule("LK901", "open_gate", "shut_gate"),
        _rule("LK903", "twice", "thrice", across_files=True),
        _raising("LK902", "base.py"),
    )
    assert _changed(plan) == {"user.py", "late.py", "apart.py"}
    assert b"thrice" not in next(c.after or b"" for c in plan.changes if c.path == "user.py")


def test_a_file_that_cannot_be_parsed_stops_nothing(planned: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILES, "base.py", b"def open_gate(:\n")
    plan = planned(_rule("LK901", "open_gate", "shut_gate", across_files=True))
    assert _changed(plan) == {"user.py", "late.py", "apart.py"}


APP = Path(__file__).parents[1] / "fixtures" / "legacy" / "mixins"


def _app(monkeypatch: pytest.MonkeyPatch, *more: Rule) -> Plan:
    rules = (*registry.select_rules((), ()), *more)
    monkeypatch.setattr(registry, "select_rules", lambda select, ignore: rules)
    files = {p.relative_to(APP).as_posix(): p.read_bytes() for p in APP.rglob("*.py")}
    return make_plan(files, ConvertOptions())


def test_a_new_main_is_made_when_nothing_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _app(monkeypatch, _raising("LK902", "helpers/not_there.py")).main is not None


@pytest.mark.parametrize("stuck", ["main.py", "agents/spa.py"])
def test_no_new_main_without_the_files_that_it_needs(monkeypatch: pytest.MonkeyPatch, stuck: str) -> None:
    """A new main would start an agent that is still the old class: so both stay, and the person is told."""
    plan = _app(monkeypatch, _raising("LK902", stuck))
    assert plan.main is None
    assert not [c.path for c in plan.changes if c.before is None], "modules split off a main that stays"
    assert [s.path for s in plan.skipped] == [stuck]
    (note,) = [f for f in plan.findings if f.rule == "LK150" and f.action is Action.NOTE]
    assert note.place.path == "main.py" and f"together with {stuck}, which is left as it was" in note.message
    main = next((c.after for c in plan.changes if c.path == "main.py"), None)
    if main is not None:  # the rules that go file by file do their part
        assert b"def entrypoint" in main


def test_where_one_file_stays_of_0x_all_that_belong_to_it_do() -> None:
    """The porter is still a 0.x agent: what it is handed to must not take it for a session, or not await it."""
    files = {
        "main.py": (
            b"from livekit.agents.pipeline import VoicePipelineAgent\nfrom doors import greet, open_door\n\n\n"
            b"async def entrypoint(ctx):\n\f porter = VoicePipelineAgent()\n\f await open_door(porter, ctx)\n"
        ),
        "doors.py": (
            b"async def open_door(agent, ctx):\n    agent.start(ctx.room)\n    await greet(agent)\n\n\n"
            b"async def greet(agent):\n    await agent.say('Good evening.')\n"
        ),
    }
    plan = make_plan(files, ConvertOptions(no_main=True))
    assert [(s.path, "form feeds" in s.reason) for s in plan.skipped] == [("main.py", True)]
    assert not plan.changes
    notes = {f.rule: f.message for f in plan.findings if f.place.path == "doors.py"}
    assert (
        notes["LK202"] == notes["LK203"] == "not done here: it belongs together with main.py, which is left as it was."
    )
    whole = {**files, "main.py": files["main.py"].replace(b"\f", b"   ")}
    assert {c.path for c in make_plan(whole, ConvertOptions(no_main=True)).changes} == set(files)

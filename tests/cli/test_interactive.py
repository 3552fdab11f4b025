"""`convert --interactive`: what is asked, and that every answer does what it says."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import in_process
import pytest
from terminal import typed

from lk_migrate.cli.interactive import Walk
from lk_migrate.cli.options import Common
from lk_migrate.cli.streams import Streams
from lk_migrate.model import Place, Plan, UserError
from lk_migrate.plan import ConvertOptions, make_plan
from lk_migrate.report.questions import MAIN, Declined, questions
from lk_migrate.rewrite.edited import with_edit

# LK326 (review) at two places; LK301 (safe) at one.
CODE = b"""from livekit.agents import Agent, AgentSession


def made():
    return AgentSession(allow_interruptions=False)


class Desk(Agent):
    async def on_enter(self):
        print(self._chat_ctx)

    async def on_exit(self):
        print(self._chat_ctx, "again")
"""
GATED = b'''from livekit.agents import Agent, AgentSession, RunContext, function_tool


class Desk(Agent):
    def __init__(self):
        super().__init__(instructions="Book.")
        self._turn, self._calls = None, 0

    def _turn_gate(self, ctx):
        if ctx.speech_handle.id != self._turn:
            self._turn, self._calls = ctx.speech_handle.id, 0
        if self._calls >= 1:
            return "wait"
        self._calls += 1
        return None

    @function_tool
    async def book(self, ctx: RunContext, day: str) -> str:
        """Book a day."""
        gate = self._turn_gate(ctx)
        if gate:
            return gate
        return day


async def entrypoint(ctx):
    session = AgentSession()
    await session.start(agent=Desk())
'''


def walk(files: dict[str, bytes], answers: str, **edits: str) -> tuple[Plan, list[str]]:
    """The plan that somebody gets who types these letters; and the prompts that were seen."""
    letters: Iterator[str] = iter(answers)
    prompts: list[str] = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return next(letters)

    def plan_for(declined: Declined) -> Plan:
        options = ConvertOptions(ignore=tuple(sorted(declined.rules)), no_main=declined.main, declined=declined.places)
        return make_plan(files, options)

    plan = Walk(plan_for, ask, Streams(Common(quiet=True))).plan()
    assert next(letters, None) is None, "more answers than questions"
    return plan, prompts


def after(plan: Plan, path: str = "main.py") -> str:
    return next((c.after or b"" for c in plan.changes if c.path == path), b"").decode()


def test_only_review_rules_are_asked_about_place_by_place() -> None:
    plan = make_plan({"main.py": CODE}, ConvertOptions())
    assert [(q.rule, q.findings[0].place.line) for q in questions(plan)] == [("LK326", 10), ("LK326", 13)]
    assert {f.rule for f in plan.findings} > {"LK326"}, "safe ones are not"


@pytest.mark.parametrize(
    ("answers", "left"),
    [
        ("yy", []),
        ("ny", [10]),
        ("yn", [13]),
        ("nn", [10, 13]),
        ("a", []),
        ("d", [10, 13]),
        ("q", [10, 13]),
        ("?yy", []),
    ],
)
def test_each_answer_does_what_it_says(answers: str, left: list[int]) -> None:
    plan, prompts = walk({"main.py": CODE}, answers)
    lines = after(plan).splitlines()
    assert "turn_handling" in after(plan), "what keeps behaviour is done in any case"
    assert sum("._chat_ctx" in line for line in lines) == len(left)
    assert {f.place.line for f in plan.findings if f.rule == "LK326"} == {10, 13} - set(left)
    assert len(prompts) == len(answers)
    ast.parse(after(plan))


def test_a_gate_goes_with_all_its_guards_or_stays() -> None:
    plan, prompts = walk({"desk.py": GATED}, "n")
    assert prompts[0].startswith("Apply LK101?") and not {"LK101", "LK102"} & {f.rule for f in plan.findings}
    plan, _ = walk({"desk.py": GATED}, "yy")
    assert "_turn_gate" not in after(plan, "desk.py") and "LK102" in {f.rule for f in plan.findings}


def test_the_gate_of_an_assistant_that_nothing_makes_is_spoken_of_as_such() -> None:
    plan = make_plan({"desk.py": GATED.replace(b"agent=Desk()", b"agent=other()")}, ConvertOptions())
    note = next(f.message for f in plan.findings if f.rule == "LK101" and "per utterance" in f.message)
    assert "where one is run, its session and model need `max_tool_steps=0`" in note


def test_declining_the_new_main_leaves_it() -> None:
    found = Declined().without(questions_for_main())
    assert found.main and not found.rules and not found.places


def questions_for_main():  # type: ignore[no-untyped-def]
    from lk_migrate.model import Action, Finding, MainSummary

    place = Place("main.py", 1, 1)
    made = (Finding("LK155", Action.REWRITTEN, place, "x"), Finding(MAIN, Action.REWRITTEN, place, "y"))
    (question,) = questions(Plan(".", findings=made, main=MainSummary("main.py", 9, 1)))
    assert question.rule == MAIN and len(question.findings) == 2, "one question for all of the generator"
    return question


def test_the_editor_has_the_last_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import sys, pathlib\np = pathlib.Path(sys.argv[-1])\n"
        "p.write_text('# mine\\n' + p.read_text().replace('self.chat_ctx)', 'str(self.chat_ctx))'))\n"
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} {editor}")
    converted = make_plan({"main.py": CODE}, ConvertOptions())
    plan, _ = walk({"main.py": CODE}, "ey")
    assert after(plan) == "# mine\n" + after(converted).replace("self.chat_ctx)", "str(self.chat_ctx))")
    was, now = (next(f.to for f in p.findings if f.rule == "LK326" and f.place.line == 13) for p in (converted, plan))
    assert was and now and now.line == was.line + 1, "findings point to where the code stands now"


def test_what_does_not_parse_is_offered_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor = tmp_path / "editor.py"
    editor.write_text("import sys, pathlib\npathlib.Path(sys.argv[-1]).write_text('def (')\n")
    monkeypatch.setenv("VISUAL", f"{sys.executable} {editor}")
    plan, prompts = walk({"main.py": CODE}, "eyyn")
    assert [p.startswith("Edit again") for p in prompts] == [False, False, True, True]
    assert after(plan) == after(make_plan({"main.py": CODE}, ConvertOptions()))


@pytest.mark.parametrize(("editor", "says"), [("no-such-editor", "cannot be started"), ("false", "ended with 1")])
def test_an_editor_that_fails_writes_nothing(monkeypatch: pytest.MonkeyPatch, editor: str, says: str) -> None:
    monkeypatch.setenv("VISUAL", editor)
    with pytest.raises(UserError, match=says):
        walk({"main.py": CODE}, "ey")


def test_an_edit_that_is_no_python_is_refused() -> None:
    plan = make_plan({"main.py": CODE}, ConvertOptions())
    with pytest.raises(SyntaxError):
        with_edit(plan, "main.py", b"def (")


def test_without_a_person_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_bytes(CODE)
    done = in_process.run(tmp_path, "convert", "--interactive")
    assert done.returncode == 2 and "at a terminal" in done.stderr
    done = in_process.run(tmp_path, "convert", "-i", "--diff")
    assert done.returncode == 2 and "give one" in done.stderr
    assert (tmp_path / "main.py").read_bytes() == CODE


def test_at_a_terminal(tmp_path: Path) -> None:
    """The whole command, answered by keyboard: one place applied, one skipped; no line longer than the terminal."""
    (tmp_path / "main.py").write_bytes(CODE)
    code, text = typed(tmp_path, "convert", "-i", keys="y\nn\n")
    assert code == 0, text
    assert "(1/2)  LK326" in text and "(2/2)  LK326" in text and "-        print(self._chat_ctx)" in text
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert (tmp_path / "main.py").read_text().count("self._chat_ctx") == 1

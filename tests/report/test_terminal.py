"""What a person reads: fits the terminal, names the new places, says equal things once; plain in a pipe."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from lk_migrate.model import Action, FileChange, Finding, MainSummary, Place, Plan, Skipped
from lk_migrate.report.overview import show_overview
from lk_migrate.report.terminal import show_findings, show_left, show_notes, show_summary

_ANSI = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


def shown(plan: Plan, width: int | None = None, *, every: bool = False, applied: bool = True) -> str:
    """All of it, on a terminal of so many columns, or in a pipe."""
    out = io.StringIO()
    console = Console(
        file=out, force_terminal=width is not None, width=width, markup=False, emoji=False, highlight=False,
        color_system="standard" if width else None,
    )  # fmt: skip
    show_findings(plan, console, every=every)
    show_notes(plan, console)
    show_left(plan, console)
    show_summary(plan, console, applied=applied)
    show_overview(plan, 3, console)
    return out.getvalue()


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("width", [60, 80, 132])
def test_nothing_is_wider_than_the_terminal(plan: Plan, width: int, every: bool) -> None:
    lines = _ANSI.sub("", shown(plan, width, every=every)).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert not [line for line in lines if line != line.rstrip()], "no trailing blanks"


def test_a_pipe_gets_plain_text_with_a_remark_on_one_line(plan: Plan) -> None:
    text = shown(plan)
    assert "\x1b" not in text
    for todo in plan.todo:
        assert [line for line in text.splitlines() if todo.message in line]
    assert text == shown(plan), "the same every time"


def test_no_colour_when_the_person_wants_none(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[(?:\d+;)*3\d", shown(plan, 80))


def test_what_is_left_is_said_once_at_its_new_places(plan: Plan) -> None:
    after = next(c.after for c in plan.changes if c.path == "main.py")
    assert after is not None
    markers = [n for n, line in enumerate(after.decode().splitlines(), 1) if "TODO(lk-migrate LK312)" in line]
    assert len(markers) == 2 and markers != [f.place.line for f in plan.todo if f.rule == "LK312"]
    text = shown(plan)
    assert f"main.py:{markers[0]}, :{markers[1]}" in text
    assert text.count(next(f.message for f in plan.todo if f.rule == "LK312")) == 1
    assert f"Left    {len(plan.todo)} for you: main.py:" in text


def test_the_code_that_is_meant_is_underlined(plan: Plan) -> None:
    lines = shown(plan).splitlines()
    at = next(n for n, line in enumerate(lines) if "keyterms_options=TERMS" in line)
    code, carets = lines[at], lines[at + 1]
    # Another rule rewrote the call: then the whole statement is meant.
    assert (
        code[carets.index("^") : carets.rindex("^") + 1]
        == "return AgentSession(keyterms_options=TERMS, stt_context_options=OTHERS, max_tool_steps=0)"
    )


def test_rule_ids_are_links_where_the_terminal_follows_them(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lk_migrate.report.terminal.page_here", lambda rule: f"https://example.org/{rule}")
    assert "https://example.org/LK312" in shown(plan, 80)
    assert "https://example.org" not in shown(plan)


def test_names_and_sources_cannot_move_the_cursor_or_be_taken_for_markup() -> None:
    change = FileChange("[bold]a\x1b[31m.py", b"x = '\x1b[2J'\n", b"y = 1\n")
    finding = Finding("LK301", Action.REWRITTEN, Place(change.path, 1, 1), "the [red]message[/red]")
    text = shown(Plan(".", (change,), (finding,), skipped=(Skipped("b\n.py", "cannot be read"),)), every=True)
    assert "\x1b" not in text and "[bold]a\\x1b[31m.py" in text and "the [red]message[/red]" in text
    assert "'b\\n.py'  cannot be read" in text


def test_equal_notes_are_counted(plan: Plan) -> None:
    notes = tuple(
        Finding("LK113", Action.NOTE, Place("a.py", n, n), f"`tool_{n}` has no description") for n in (1, 2, 3)
    )
    text = shown(replace(plan, findings=notes))
    assert "a.py:1  and 2 more like it" in text and "tool_2" not in text


def test_sizes_and_gates_are_in_the_summary(plan: Plan) -> None:
    text = shown(plan)
    assert re.search(r"Desk\s+25 lines\s+12 lines  1 tool, turn gate of 1 removed", text)
    assert "Files   3 changed" in text and "Files   3 to change" in shown(plan, applied=False)


def test_many_new_modules_are_counted() -> None:
    names = tuple(f"call_{n}.py" for n in range(6))
    assert MainSummary("main.py", 900, 80, names[:2]).rest == "the rest is in call_0.py, call_1.py"
    few = "the rest is in call_0.py, call_1.py, call_2.py, call_3.py and 2 more"
    assert MainSummary("main.py", 900, 80, names).rest == few
    assert MainSummary("main.py", 900, 80).rest == ""

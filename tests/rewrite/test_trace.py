"""Lines are followed into the files that took them; markers are found again."""

from __future__ import annotations

from lk_migrate.model import Action, Fate, FileChange, Finding, LedgerEntry, MainSummary, Place, Plan
from lk_migrate.rewrite.locate import find_markers, located
from lk_migrate.rewrite.trace import trace

OLD = """import os

def first(a):
    value = compute(a, 1)
    return value

def second(b):
    session.start(agent, room_input_options=options)
    return b

print(first(1), second(2))
"""


def test_a_moved_function_is_followed_and_keeps_its_lines_together() -> None:
    new = {
        "main.py": "from support import first, second\n\nprint(first(1), second(2))\n",
        "support.py": "import os\n\n\ndef second(b):\n    session.start(agent, room_options=options)\n    return b\n"
        "\n\ndef first(a):\n    value = compute(a, 1)\n    return value\n",
    }
    found = trace(OLD, new)
    assert found.place(3, 5) == Place("support.py", 9, 11)
    assert found.place(7, 7) == Place("support.py", 4, 4)
    assert found.place(8, 8) == Place("support.py", 5, 5), "rewritten, but like it"
    assert found.place(11, 11) == Place("main.py", 3, 3)


def test_what_is_gone_is_nowhere() -> None:
    found = trace("a = 1\nlog.info('the gate is closed')\nb = 2\n", {"x.py": "a = 1\nb = 2\n"})
    assert found.place(2, 2) is None
    assert found.place(3, 3) == Place("x.py", 2, 2)


def test_equal_lines_are_not_taken_twice() -> None:
    found = trace("f()\nx\nf()\n", {"x.py": "f()\nx\nf()\n"})
    assert [found.place(n, n) for n in (1, 3)] == [Place("x.py", 1, 1), Place("x.py", 3, 3)]


def test_a_heading_is_where_its_words_are() -> None:
    """Its frame stands above other headings, too: here it ends a longer run in the other file."""
    first, second = "def first(a):\n    return compute(a, 1)\n", "def second(b):\n    return None\n"
    frame = "# ---------------------"
    old = f"{first}\n{frame}\n# Audio\n{second}\n{frame}\n# Tokens\n"
    new = {"support.py": f"{first}\n{frame}\n# Tokens\n", "audio.py": f"{frame}\n# Audio\n{second}"}
    found = trace(old, new)
    assert found.spots[3] == ("support.py", 3), "the frame itself goes with what stands above it"
    assert found.place(4, 5) == Place("audio.py", 2, 2)
    assert found.place(6, 7) == Place("audio.py", 3, 4)


def test_a_wrapped_marker_is_read_as_one_message() -> None:
    text = "x = 1\n    # TODO(lk-migrate LK310): take usage from\n    #   `session.usage` now.\n    # mine\n    y()\n"
    (marker,) = find_markers("a.py", text)
    assert (marker.rule, marker.message) == ("LK310", "take usage from `session.usage` now.")
    assert marker.place == Place("a.py", 2, 3)


def test_what_is_left_is_named_at_its_marker_in_the_new_file() -> None:
    flow = "\n".join(
        [
            "def one():",
            "    # TODO(lk-migrate LK310): do it by hand.",
            "    first_session.on('metrics_collected')",
            "def two():",
            "    # TODO(lk-migrate LK310): do it by hand.",
            "    second_session.on('metrics_collected')",
        ]
    )
    old = "def main():\n    second_session.on('metrics_collected')\n    first_session.on('metrics_collected')\n"
    plan = Plan(
        ".",
        changes=(
            FileChange("flow.py", None, flow.encode()),
            FileChange("main.py", old.encode(), b"def main():\n    pass\n"),
        ),
        findings=tuple(
            Finding("LK310", Action.TODO, Place("main.py", line, line), "do it by hand.") for line in (2, 3)
        ),
        ledger=(
            LedgerEntry(Place("main.py", 1, 1), Fate.KEPT),
            LedgerEntry(Place("main.py", 2, 2), Fate.KEPT),
        ),
        main=MainSummary("main.py", 3, 2, ("flow.py",)),
    )
    done = located(plan)
    assert [f.to for f in done.findings] == [Place("flow.py", 5, 5), Place("flow.py", 2, 2)]
    assert [(e.fate, e.to) for e in done.ledger] == [
        (Fate.KEPT, Place("main.py", 1, 1)),
        (Fate.MOVED, Place("flow.py", 6, 6)),
    ]


def test_a_finding_in_an_unchanged_file_stays_where_it_is() -> None:
    finding = Finding("LK310", Action.TODO, Place("x.py", 4, 4), "again")
    assert located(Plan(".", findings=(finding,))).findings[0].to == Place("x.py", 4, 4)

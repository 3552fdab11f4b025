"""The ledger says of comments what it says of statements: which of them an edit took, and why."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.project import Project
from lk_migrate.model import Edition, Fate, LedgerEntry
from lk_migrate.rewrite.changes import Change, Remove
from lk_migrate.rewrite.engine import convert_file
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

GOES = Rule("LK999", Edition.HANDROLLED, "Statements that set `gone` go, with remarks about it.")


@GOES.on(cst.Assign)
def remove(node: cst.Assign, file: File) -> Iterator[Change]:
    if file.code(node.targets[0].target) == "gone":
        lines = getattr(file.parent(node), "leading_lines", ())
        taken = tuple(e for e in lines if e.comment is not None and "gone" in e.comment.value)
        yield Remove(node, "nobody reads it", comments=taken)


def ledger(before: str) -> list[LedgerEntry]:
    return list(convert_file("main.py", Project({"main.py": before.encode()}), [GOES]).ledger)


def test_a_comment_that_was_taken_is_not_kept() -> None:
    entries = ledger("a = 1\n# for all\n# gone is\n# gone too\n# and all\ngone = 1\nb = 2\n")
    assert [(e.place.line, e.place.end_line, e.fate, e.rule) for e in entries] == [
        (1, 1, Fate.KEPT, ""),
        (2, 2, Fate.KEPT, ""),
        (3, 4, Fate.REMOVED, "LK999"),
        (5, 5, Fate.KEPT, ""),
        (6, 6, Fate.REMOVED, "LK999"),
        (7, 7, Fate.KEPT, ""),
    ]
    assert {e.why for e in entries if e.fate is Fate.REMOVED} == {"nobody reads it"}


def test_a_comment_of_the_same_words_elsewhere_changes_nothing() -> None:
    entries = ledger("# gone is\na = 1\n# gone is\ngone = 1\n")
    assert [e.fate for e in entries] == [Fate.KEPT, Fate.KEPT, Fate.REMOVED, Fate.REMOVED]

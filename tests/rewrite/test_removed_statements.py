"""What stands above a removed statement is never lost with it."""

from __future__ import annotations

import libcst as cst
import pytest

from lk_migrate.facts.project import Project
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Remove
from lk_migrate.rewrite.engine import convert_file
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule


def removing(text: str, with_comments: bool = False) -> Rule:
    """A rule that removes the statements that contain `text`."""
    rule = Rule("LK999", Edition.V0, "For the test.")

    def handler(node: cst.SimpleStatementLine, file: File):  # type: ignore[no-untyped-def]
        if text in file.code(node):
            yield Remove(node, "gone", with_comments=with_comments)

    rule.on(cst.SimpleStatementLine)(handler)
    return rule


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f():\n    # why\n    x = 1\n\n    y = 2\n", "def f():\n    # why\n\n    y = 2\n"),
        ("def f():\n    x = 1\n\n    y = 2\n", "def f():\n    y = 2\n"),
        ("def f():\n    y = 2\n\n    # why\n    x = 1\n", "def f():\n    y = 2\n    # why\n"),
        ("def f():\n    x = 1\n", "def f():\n    pass\n"),
        ("# why\nx = 1\ny = 2\n", "# why\ny = 2\n"),
    ],
)
def test_comments_above_a_removed_statement_stay(before: str, after: str) -> None:
    result = convert_file("main.py", Project({"main.py": before.encode()}), [removing("x = 1")])
    assert result.skipped is None
    assert result.change is not None and result.change.after is not None
    assert result.change.after.decode() == after


def test_a_comment_of_its_own_goes_above_the_next_statement_that_stays() -> None:
    """After a backslash it stands on a line of its own, which belongs to no statement."""
    files = {"main.py": b"x = 1\\\n  # why\nx = 1  # twice\ny = 2\n"}
    result = convert_file("main.py", Project(files), [removing("x = 1", with_comments=True)])
    assert result.skipped is None
    assert result.change is not None and result.change.after == b"# why\ny = 2\n"

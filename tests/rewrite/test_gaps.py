"""A removed statement leaves its comments to the next one."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
import pytest

from lk_migrate.facts.project import Project
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Remove
from lk_migrate.rewrite.engine import convert_file
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

GOES = Rule("LK999", Edition.HANDROLLED, "Statements that set `gone` go.")


@GOES.on(cst.Assign)
def remove(node: cst.Assign, file: File) -> Iterator[Change]:
    if file.code(node.targets[0].target) == "gone":
        lines = getattr(file.parent(node), "leading_lines", ())
        taken = tuple(e for e in lines if e.comment is not None and "its own" in e.comment.value)
        yield Remove(node, "gone", comments=taken)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a = 1\n\n# for all\ngone = 1\n\nb = 2\n", "a = 1\n\n# for all\n\nb = 2\n"),
        ("# top\ngone = 1\ngone = 2\nb = 2\n", "# top\nb = 2\n"),
        (
            "def f():\n    # why\n    gone = 1\n    # its own\n    gone = 2\n    return 1\n",
            "def f():\n    # why\n    return 1\n",
        ),
        ("def f():\n    # why\n    gone = 1\n", "def f():\n    pass\n    # why\n"),
        ("def f(): gone = 1; return 2\n", "def f(): return 2\n"),
        ("# a\ngone = 1; gone = 2\nb = 1; gone = 3\n", "# a\nb = 1\n"),
        ("# note\nimport re\n\ngone = re\nb = 1\n", "# note\n\nb = 1\n"),
    ],
)
def test_comments_outlive_the_statement(before: str, after: str) -> None:
    result = convert_file("main.py", Project({"main.py": before.encode()}), [GOES])
    assert result.change is not None and result.change.after is not None
    assert result.change.after.decode() == after

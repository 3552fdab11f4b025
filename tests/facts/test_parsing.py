"""LibCST's parser without a second look at its nodes (that the ones rules make are looked at: tests/rewrite)."""

from __future__ import annotations

import libcst as cst
import pytest

from lk_migrate.facts import parsing
from lk_migrate.facts.parsing import parse


def test_what_is_read_is_not_asked_and_what_is_made_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[cst.CSTNode] = []
    monkeypatch.setattr(parsing, "_validate", asked.append)
    assert parse(b"x = f(1)\n").code == "x = f(1)\n"
    assert asked == []
    name = cst.Name("x")
    assert asked[-1] is name


def test_no_class_is_changed_for_it() -> None:
    """Python forgets what it has learned of all nodes when their class is."""
    before = cst.CSTNode.__post_init__
    with parsing._unvalidated():
        assert cst.CSTNode.__post_init__ is before

"""A tree is made anew above its changed nodes, and nowhere else."""

from __future__ import annotations

from typing import Any

import libcst as cst
import pytest

from lk_migrate.facts.walk import index
from lk_migrate.rewrite.rebuild import paths_to, rebuilt

TREE = cst.parse_module("def greet(name):\n    say(name, 'hello')\n\n\ndef part():\n    return 1\n")


def _changed(kind: type[cst.CSTNode], new: Any) -> Any:
    """The tree with its first node of this type exchanged."""
    found = index(TREE)
    node = found.of(kind)[0]
    return rebuilt(TREE, paths_to([node], found), lambda was, now: new if was is node else now)


def test_only_what_is_above_a_change_is_new() -> None:
    after = _changed(cst.SimpleString, cst.SimpleString("'good evening'"))
    assert after.code == TREE.code.replace("hello", "good evening")
    assert after.body[1] is TREE.body[1]
    assert after.body[0] is not TREE.body[0]
    assert after.body[0].params is TREE.body[0].params


def test_a_node_among_others_may_go_or_become_several() -> None:
    assert _changed(cst.SimpleStatementLine, cst.RemoveFromParent()).body[0].body.body == ()
    line = cst.SimpleStatementLine([cst.Pass()])
    assert len(_changed(cst.SimpleStatementLine, cst.FlattenSentinel([line, line])).body[0].body.body) == 2


def test_an_optional_node_may_go() -> None:
    assert _changed(cst.Integer, cst.RemoveFromParent()).body[1].body.body[0].body[0].value is None


def test_a_node_that_must_be_there_may_not() -> None:
    with pytest.raises(TypeError, match="the func of a Call"):
        found = index(TREE)
        call = found.of(cst.Call)[0]
        rebuilt(
            TREE, paths_to([call.func], found), lambda was, now: cst.RemoveFromParent() if was is call.func else now
        )


def test_nodes_that_rules_make_are_asked_whether_they_are_well_formed() -> None:
    """Validation is off while a file is parsed, and on again afterwards, also when it cannot be parsed."""
    from lk_migrate.facts.parsing import parse

    with pytest.raises(cst.ParserSyntaxError):
        parse("def :")
    with pytest.raises(cst.CSTValidationError):
        cst.Name("")

"""A string says the same to us as to Python."""

from __future__ import annotations

import ast
from typing import cast

import libcst as cst
import pytest

from lk_migrate.facts.literals import string_value, text_of


@pytest.mark.parametrize(
    "source",
    [
        "''",
        "'a'",
        '"a\'b"',
        '""""""',
        "'''a\nb'''",
        "'a\\nb'",
        "r'a\\nb'",
        "b'a'",
        "u'ä'",
        "R'''\n'''",
        "'''a\r\nb'''",
        "'\\\n'",
    ],
)
def test_a_string_has_python_s_value(source: str) -> None:
    node = cast(cst.SimpleString, cst.parse_expression(source))
    assert string_value(node.with_changes(value=source)) == ast.literal_eval(source)


def test_only_text_is_text() -> None:
    assert text_of(cst.SimpleString("'a'")) == "a"
    assert text_of(cst.SimpleString("b'a'")) is None
    assert text_of(cst.Name("a")) is None
    assert text_of(None) is None

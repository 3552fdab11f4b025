"""A docstring says what it was made of, whatever that is, and stands on lines of source."""

from __future__ import annotations

import ast

import libcst as cst
from hypothesis import example, given
from hypothesis import strategies as st

from lk_migrate.rewrite.bodies import with_docstring


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1))
@example('spell "slowly"\r')
@example("a\x00b\x0c\\")
def test_a_docstring_says_the_text(text: str) -> None:
    function = cst.ensure_type(cst.parse_statement("def f():\n    pass\n"), cst.FunctionDef)
    code = cst.Module([with_docstring(function, text, "    ", "\n")]).code
    assert "\r" not in code and "\x00" not in code
    [read] = ast.parse(code).body
    assert isinstance(read, ast.FunctionDef)
    said = ast.get_docstring(read, clean=False) or ""
    assert "".join(said.split(" ")).rstrip() == "".join(text.split(" ")).rstrip()

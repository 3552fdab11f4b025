"""What is sliced from the file is what LibCST would have printed, and comments are read as `tokenize` reads them."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest

from lk_migrate.facts.imports import referenced_names
from lk_migrate.facts.module import Module
from lk_migrate.rewrite.comments import _comments, _tokenized, lost_comments
from lk_migrate.rewrite.printing import printed

LEGACY = Path(__file__).parents[2] / "fixtures" / "legacy"
FILES = sorted(LEGACY.rglob("*.py"))[::4]


class _Renamed(cst.CSTTransformer):
    """Changes one kind of statement, and moves others a block deeper."""

    def leave_Return(self, original_node: cst.Return, updated_node: cst.Return) -> cst.Return:
        return cst.Return(cst.Name("changed"))

    def leave_Pass(self, original_node: cst.Pass, updated_node: cst.Pass) -> cst.Expr:
        return cst.Expr(cst.Name("passed"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_an_edited_tree_is_printed_as_libcst_prints_it(path: Path) -> None:
    module = Module.parse("main.py", path.read_bytes())
    tree = module.tree.visit(_Renamed())
    assert printed(module, tree) == tree.bytes


def test_a_statement_that_moved_into_a_block_is_indented() -> None:
    module = Module.parse("main.py", b"z = 0\n# first\na = 1\nb = 2\nc = 3\n")
    block = cst.If(cst.Name("ready"), cst.IndentedBlock(list(module.tree.body[1:3])))
    tree = module.tree.with_changes(body=[block, module.tree.body[3]])
    assert printed(module, tree) == b"if ready:\n    # first\n    a = 1\n    b = 2\nc = 3\n"


@pytest.mark.parametrize(
    "text",
    [
        "a = '#1'  # one\n'''\n# no\n'''  # two\r\nb = \"it's\"  # three\\\n",
        "f'{a}#'  # one\nrb'\\''  # two\nf\"{'x'}\" # three\n",
        "x = '\\\n# no'  # yes\n",
    ],
)
def test_comments_are_those_that_tokenize_sees(text: str) -> None:
    assert _comments(text) == _tokenized(text)


def test_of_comments_alike_the_one_is_lost_whose_statement_changed() -> None:
    before = (
        "# first\nf(  # quiet\n    1,\n)\n# second\nf(  # quiet\n    2,\n)\n# third\nf(  # quiet\n    3,\n)\n# end\n"
    )
    after = "# first\nf(  # quiet\n    1,\n)\n# second\nf(2)\n# third\nf(3)\n# end\n"
    assert lost_comments(before, after, ()) == [(6, "# quiet"), (10, "# quiet")]


def test_names_in_use_are_the_same_from_the_index_and_from_a_walk() -> None:
    module = Module.parse("main.py", b"import a\n\n\ndef f(x: 'A | B' = c, *, d=1):\n    return a.b(d=x) + 'no'\n")
    found = referenced_names(module.tree)
    assert found == {"A": 1, "B": 1, "c": 1, "a": 1, "x": 2, "d": 1}
    assert referenced_names(module.tree.with_changes(header=[]), module.references) == found


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_without_a_final_newline_only_the_last_line_end_goes(end: str) -> None:
    """LibCST takes the last token away, and a slice of the file was one."""
    module = Module.parse("main.py", end.join(["a = [", "    1,", "]", "b = 2"]).encode())
    tree = module.tree.with_changes(body=module.tree.body[:1])
    assert printed(module, tree) == tree.bytes == end.join(["a = [", "    1,", "]"]).encode()

"""Where nodes stand: what Python's parser and prints of single statements say is what a print of the file says."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import libcst as cst
import pytest

from lk_migrate.facts.module import Module
from lk_migrate.facts.positions import Positions
from lk_migrate.facts.walk import find
from lk_migrate.rewrite.printing import NotGivenBack, printed

LEGACY = Path(__file__).parents[2] / "fixtures" / "legacy"
LIBRARY = Path(sysconfig.get_paths()["stdlib"])
FILES = [*sorted(LEGACY.rglob("*.py"))[::5], *(LIBRARY / f"{name}.py" for name in ("typing", "abc", "this", "sched"))]

ODD = """\
@first  # why
# between
@second(
    1,
)
class Odd: pass

if a: b = "é"; c = 'ü' ; d()
elif e:
    # ä
    f = "é", g  # tail
else: h()
try:
    i()
except (X, Y) as z: raise
else:
    j()
finally:
    async def k(p="é", *, q: int = 0) -> None:
        return await l(
            p)
    # footer
for m in n: o
else:

    # above
    (p,
     q) = r
"""


@pytest.mark.parametrize("source", [ODD, *FILES], ids=lambda f: f.name if isinstance(f, Path) else "odd")
def test_places_are_those_of_a_whole_print(source: Path | str) -> None:
    data = source.encode() if isinstance(source, str) else source.read_bytes()
    module = Module.parse("main.py", data)
    whole = Positions(module.tree, module.index, module.text, lambda: None)
    assert module.positions.statements is not None
    for node in module.index.nodes[1:]:
        assert module.positions.place(node) == whole.place(node), module.tree.code_for_node(node)


@pytest.mark.parametrize("source", [ODD, ODD.replace("\n", "\r\n"), ODD.rstrip("\n"), "\ufeff" + ODD], ids=repr)
def test_lines_of_a_statement_are_what_libcst_prints_of_it(source: str) -> None:
    module = Module.parse("main.py", source.encode())
    assert module.positions.lines
    for statement in module.tree.body:
        lines = module.positions.lines.get(id(statement))
        if lines is not None:
            assert lines.text == module.tree.code_for_node(statement)


def test_what_python_cannot_follow_is_printed_whole() -> None:
    for text in ("match a:\n    case 1: b\n", "a\rb\r"):
        module = Module.parse("main.py", text.encode())
        assert module.positions.statements is None
        assert module.span(module.index.of(cst.Name)[-1]).line == 2


ODD_CLAUSE = """\
try:
    a = 1
except (A, B) :
    b = 1
try:
    c = 1
finally:
    d = 1
e = 1
"""


class _Renamed(cst.CSTTransformer):
    def __init__(self, name: str) -> None:
        self.name = name

    def on_visit(self, node: cst.CSTNode) -> bool:
        return any(n.value == self.name for n in find(node, cst.Name))  # LibCST makes all anew that it comes to

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        return cst.Name("z") if original_node.value == self.name else updated_node


@pytest.mark.parametrize("name", ["c", "d", "e"])
def test_a_clause_that_libcst_does_not_give_back_stops_no_edit_elsewhere(name: str) -> None:
    """LibCST drops the white space before this colon."""
    module = Module.parse("main.py", ODD_CLAUSE.encode())
    assert module.tree.code != ODD_CLAUSE
    assert printed(module, module.tree.visit(_Renamed(name))) == ODD_CLAUSE.replace(f"{name} = ", "z = ").encode()


@pytest.mark.parametrize("name", ["a", "b", "A"])
def test_a_statement_with_such_a_clause_is_not_edited(name: str) -> None:
    module = Module.parse("main.py", ODD_CLAUSE.encode())
    with pytest.raises(NotGivenBack):
        printed(module, module.tree.visit(_Renamed(name)))

"""Every occurrence of a name belongs to the scope that Python gives it to: compared with the standard symtable."""

from __future__ import annotations

import ast
import symtable
import sys
import textwrap
from pathlib import Path

import libcst as cst
import pytest

import lk_migrate
from lk_migrate.facts.scopes import occurrences

CONSTANTS = {"None", "True", "False"}
FILES = sorted(Path(lk_migrate.__file__).parent.rglob("*.py"))
TRICKY = """
import os.path as p, sys
from a import b as c, d
x = 1
class A(B, metaclass=M):
    y = x
    z = [y for y in range(y) if x]
    def f(self, q=y): return y, self, q
def g(a, *args, k=x, **kw):
    global x
    x, (m, *n) = a
    def h():
        nonlocal m
        m += 1
        return [i for i in n if (w := i)] + [w]
    try:
        raise E
    except E as e:
        print(e)
    with o() as r, o() as (s, t): del r
    for u in v: pass
    u2: "Optional[Late]" = (lambda l, l2=a: l + free)(1)
    match a:
        case {"k": cap, **rest}: return cap, rest
        case [first, *others] as whole: return first, others, whole
        case Point(x=px): return px
    return f"{h()!r:>{m}}"
"""


def module_level(table: symtable.SymbolTable) -> set[str]:
    """Names that some scope reads from the module or from the builtins."""
    found = {
        s.get_name()
        for s in table.get_symbols()
        if s.is_referenced() and (s.is_global() or table.get_type() == "module")
    }
    for child in table.get_children():
        found |= module_level(child)
    return found


def is_mixed(text: str) -> bool:
    """Whether a comprehension stands at module level, whose names symtable gives to the module since 3.12 (PEP 709)."""
    stack: list[ast.AST] = [ast.parse(text)] if sys.version_info >= (3, 12) else []
    while stack:
        node = stack.pop()
        if isinstance(node, ast.comprehension):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            stack += ast.iter_child_nodes(node)
    return False


def ours(text: str) -> set[str]:
    return {
        o.name for o in occurrences(cst.parse_module(text)) if o.owner is None and o.kind in ("read", "delete")
    } - CONSTANTS


@pytest.mark.parametrize("text", [textwrap.dedent(TRICKY)], ids=["tricky"])
def test_what_comes_from_the_module(text: str) -> None:
    assert ours(text) == module_level(symtable.symtable(text, "t", "exec"))


def test_own_source_files() -> None:
    texts = {path: path.read_text().replace("from __future__ import annotations", "") for path in FILES}
    compared = [path for path in FILES if not is_mixed(texts[path])]
    assert len(compared) > 0.8 * len(FILES)
    for path in compared:
        theirs = module_level(symtable.symtable(texts[path], str(path), "exec"))
        assert ours(texts[path]) == theirs, path

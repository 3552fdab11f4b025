"""Whether a function that may be a gate can be in a file, told by Python's parser: LibCST's takes ten times as long.

The questions are those of facts/gate_candidates.py, put so that they never say no where these say yes.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from lk_migrate.facts.syntax import syntax_of

_BRANCHES = (ast.If, ast.IfExp, ast.BoolOp, ast.Compare)
_PLACES = (ast.Attribute, ast.Subscript, ast.Tuple)
#: What changes the object that it is called on, or given.
CHANGING = frozenset({"add", "append", "setattr", "update", "setdefault"})


def may_hold_a_gate(data: bytes, tells: Callable[[str], bool], longest: int) -> bool:
    """Whether a function of the file branches, changes something, is not longer than `longest` statements, and says a
    word that `tells` of turns. Yes for what this Python cannot read."""
    tree = syntax_of(data)
    if tree is None:
        return True
    functions = (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return any(_may_be_one(function, tells, longest) for function in functions)


def _may_be_one(function: ast.AST, tells: Callable[[str], bool], longest: int) -> bool:
    branches = changes = speaks = False
    lines: set[int] = set()
    told: set[ast.AST] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Constant):
            speaks = speaks or (isinstance(node.value, str) and node not in told and tells(node.value))
            continue
        if isinstance(node, ast.stmt):
            lines.add(node.lineno)  # (no more than there are statements: some share a line)
        if isinstance(node, ast.Expr):
            told.add(node.value)  # a docstring: too long to be a word
        elif isinstance(node, _BRANCHES):
            branches = True
        changes = changes or _changes(node)
        speaks = speaks or any(map(tells, _words(node)))
    return branches and changes and speaks and len(lines) <= longest + 1


def _changes(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return any(isinstance(target, _PLACES) for target in node.targets)
    if isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        return isinstance(node.target, _PLACES)
    if isinstance(node, ast.Call):
        func = node.func
        return (func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")) in CHANGING
    return isinstance(node, (ast.Global, ast.Nonlocal))


def _words(node: ast.AST) -> list[str]:
    """The names that stand in the node itself."""
    found = []
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list):
            found += [each for each in value if isinstance(each, str)]
    return found

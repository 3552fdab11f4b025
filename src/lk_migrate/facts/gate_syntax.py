"""Whether a function that may be a gate can be in a file, told by Python's parser: LibCST's takes ten times as long.

The questions are those of facts/gate_candidates.py, put so that they never say no where these say yes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from lk_migrate.facts.syntax import syntax_of

_BRANCHES = (ast.If, ast.IfExp, ast.BoolOp, ast.Compare)
_PLACES = (ast.Attribute, ast.Subscript, ast.Tuple)
#: `evaluation.values.UTTERANCE`, in bytes.
_UTTERANCE = rb"speech|utterance|turn_?(?:id|no|num|key|count|index)|(?<!\w)_?(?:current_)?turn(?!\w)|generation_?id"
#: Strings of so many characters are no words.
LONG = 40
#: What changes the object that it is called on, or given.
CHANGING = frozenset({"add", "append", "setattr", "update", "setdefault"})


def telling(names: Iterable[str]) -> re.Pattern[bytes]:
    """What stands wherever a word tells of turns, or is one of `names`."""
    words = [re.escape(name.encode()) if name.isascii() else b"" for name in names]
    return re.compile(b"|".join([_UTTERANCE, *words]), re.I)


def may_hold_a_gate(data: bytes, told: re.Pattern[bytes], longest: int) -> bool:
    """Whether a function of the file branches, changes something, is not longer than `longest` statements, and says a
    word that tells of turns. Yes for what this Python cannot read."""
    if not told.search(data):
        return False
    tree = syntax_of(data)
    if tree is None:
        return True
    lines = data.splitlines()
    functions = (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return any(told.search(_text(function, lines)) and _may_be_one(function, told, longest) for function in functions)


def _text(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: Sequence[bytes]) -> bytes:
    first = min([function.lineno, *(d.lineno for d in function.decorator_list)])
    return b"\n".join(lines[first - 1 : function.end_lineno])


def _may_be_one(function: ast.AST, told: re.Pattern[bytes], longest: int) -> bool:
    branches = changes = speaks = False
    lines: set[int] = set()
    remarks: set[ast.AST] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Constant):
            if not speaks and isinstance(node.value, str) and node not in remarks:
                speaks = told.search(node.value.encode("utf-8", "replace")) is not None
            continue
        if isinstance(node, ast.stmt):
            lines.add(node.lineno)  # (no more than there are statements: some share a line)
        if isinstance(node, ast.Expr) and _is_long(node.value):
            remarks.add(node.value)
        branches = branches or isinstance(node, _BRANCHES)
        changes = changes or _changes(node)
        speaks = speaks or any(told.search(word.encode()) for word in _words(node))
    return branches and changes and speaks and len(lines) <= longest + 1


def _is_long(node: ast.expr) -> bool:
    """A docstring that is more than a word or two."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) >= LONG


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

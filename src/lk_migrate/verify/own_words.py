"""Main files that look at the command line themselves, and call `run_app` only for some words on it.

`python main.py console` then runs something else, or nothing, and whoever waits for a prompt waits in vain.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lk_migrate.model import Place
from lk_migrate.verify.needs import parse

#: What a condition on the command line is made of; one with anything else in it is not answered here.
_PLAIN = (
    ast.expr_context,
    ast.boolop,
    ast.unaryop,
    ast.cmpop,
    ast.BoolOp,
    ast.IfExp,
    ast.UnaryOp,
    ast.Compare,
    ast.Constant,
    ast.Subscript,
    ast.Slice,
    ast.List,
    ast.Tuple,
    ast.Set,
)

_Branch = tuple[ast.expr, bool]


def shut_out(root: Path, main: str, words: tuple[str, ...]) -> tuple[str, Place] | None:
    """Why `python main.py WORDS` never comes to `run_app`, and where; None when it does, or when that is not plain."""
    tree = parse(root / main)
    if tree is None:
        return None
    known = _known(tree, [main, *words])
    closed: tuple[str, Place] | None = None
    for call, branches in _calls(tree, []):
        test = next((test for test, taken in branches if _truth(test, known) is (not taken)), None)
        if test is None:
            return None
        reason = (
            f"`python {main} {words[0]}` does not come to `{ast.unparse(call.func)}`, which stands under a condition "
            f"on the command line (`{ast.unparse(test)}`): call it for `{words[0]}`, too, or without a condition"
        )
        closed = reason, Place(main, call.lineno, call.end_lineno or call.lineno)
    return closed


def _calls(node: ast.AST, branches: list[_Branch]) -> Iterator[tuple[ast.Call, list[_Branch]]]:
    """The calls of `run_app` below a node, with the conditions around them and how each must come out."""
    if isinstance(node, ast.Call) and _is_run_app(node.func):
        yield node, branches
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                taken = [(node.test, name == "body")] if isinstance(node, ast.If) and name != "test" else []
                yield from _calls(child, [*branches, *taken])


def _is_run_app(function: ast.expr) -> bool:
    return (isinstance(function, ast.Attribute) and function.attr == "run_app") or (
        isinstance(function, ast.Name) and function.id == "run_app"
    )


def _known(tree: ast.Module, argv: list[str]) -> dict[str, Any]:
    """The command line, and the variables that are it or a word of it: `mode = sys.argv[1]`."""
    known: dict[str, Any] = {"sys": SimpleNamespace(argv=argv), "argv": argv, "len": len}
    known |= {"__name__": "__main__", "__builtins__": {}}
    bound = Counter(n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    bound.update(n.arg for n in ast.walk(tree) if isinstance(n, ast.arg))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and "argv" in ast.unparse(node.value):
            name = node.targets[0].id
            value = _value(node.value, known) if bound[name] == 1 and len(node.targets) == 1 else None
            if value is not None:
                known[name] = value
    return known


def _truth(test: ast.expr, known: dict[str, Any]) -> bool | None:
    """Whether a condition on the command line holds; None for any other."""
    asked = {n.id for n in ast.walk(test) if isinstance(n, ast.Name)} - {"__name__", "len"}
    value = _value(test, known) if asked else None
    return bool(value) if value is not None else None


def _value(expression: ast.expr, known: dict[str, Any]) -> Any:
    """What it comes to; None when it asks for anything but the command line."""
    if not _is_plain(expression, known):
        return None
    try:
        return eval(compile(ast.Expression(expression), "<condition>", "eval"), known)
    except (TypeError, IndexError):
        return None


def _is_plain(node: ast.AST, known: dict[str, Any]) -> bool:
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) == "len" and len(node.args) == 1 and _is_argv(node.args[0])
    if isinstance(node, ast.Attribute):
        return _is_argv(node)
    if isinstance(node, ast.Name):
        return node.id in known and node.id not in ("sys", "len", "__builtins__")
    return isinstance(node, _PLAIN) and all(_is_plain(child, known) for child in ast.iter_child_nodes(node))


def _is_argv(node: ast.AST) -> bool:
    return ast.unparse(node) in ("argv", "sys.argv")

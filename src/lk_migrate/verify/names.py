"""Names that nothing defines: a line that uses one raises NameError, and only when it is run."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from pyflakes.checker import Checker
from pyflakes.messages import UndefinedLocal, UndefinedName

from lk_migrate.model import Place
from lk_migrate.verify.context import Context
from lk_migrate.verify.needs import parse
from lk_migrate.verify.rows import Row, Status

STAGE = "static"


def undefined(context: Context) -> Iterator[Row]:
    """One row for each name that a file of the app uses and nothing defines, with the first line that does."""
    for file in context.app_files:
        tree = parse(context.workspace / file)
        for name, lines in undefined_names(tree).items() if tree is not None else ():
            others = f", and {len(lines) - 1} more line{'s' * (len(lines) != 2)}" if len(lines) > 1 else ""
            detail = f"`{name}` is not defined: this line raises NameError when it runs{others}; import or define it"
            yield Row(STAGE, "names", Status.FAILED, detail, Place(file, lines[0], lines[0]))


def undefined_names(tree: ast.Module) -> dict[str, list[int]]:
    """Name → the lines that use it where nothing defines it, as pyflakes sees it.

    Annotations are left out: those that are evaluated fail at the import or in a tool's schema, which is tried."""
    annotated = {(one.lineno, one.col_offset) for annotation in _annotations(tree) for one in _located(annotation)}
    found: dict[str, set[int]] = defaultdict(set)
    for message in Checker(tree).messages:
        if isinstance(message, (UndefinedName, UndefinedLocal)) and (message.lineno, message.col) not in annotated:
            found[str(message.message_args[0])].add(message.lineno)
    return {name: sorted(lines) for name, lines in found.items()}


def _annotations(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation is not None:
            yield node.annotation
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
            yield node.returns


def _located(annotation: ast.expr) -> Iterator[ast.expr]:
    return (node for node in ast.walk(annotation) if isinstance(node, ast.expr))

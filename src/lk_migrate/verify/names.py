"""Names that nothing defines: a line that uses one raises NameError, and only when it is run."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Set

from pyflakes.checker import Checker
from pyflakes.messages import UndefinedLocal, UndefinedName

from lk_migrate.model import Place
from lk_migrate.verify.context import Context
from lk_migrate.verify.needs import parse
from lk_migrate.verify.rows import Row, Status

STAGE = "static"


def undefined(context: Context, reached: Set[str]) -> Iterator[Row]:
    """One row for each name that a file of the app uses and nothing defines, with the first line that does.

    A failure when the migration may have done it: not in a file that the main file does not reach (`reached` are those
    that it does), nor where the old file lacked the name as well."""
    for file in context.app_files:
        tree = parse(context.workspace / file)
        found = undefined_names(tree) if tree is not None else {}
        before = _undefined_before(context, file) if found else frozenset()
        for name, lines in found.items():
            others = f", and {len(lines) - 1} more line{'s' * (len(lines) != 2)}" if len(lines) > 1 else ""
            detail = f"`{name}` is not defined: this line raises NameError when it runs{others}; import or define it"
            place = Place(file, lines[0], lines[0])
            if name in before:
                yield Row(STAGE, "names", Status.SKIPPED, f"{detail} (the same before the migration)", place)
            elif file in reached:
                yield Row(STAGE, "names", Status.FAILED, detail, place)
            else:
                yield Row(STAGE, "names", Status.SKIPPED, f"{detail} ({context.main} does not import it)", place)


def _undefined_before(context: Context, file: str) -> Set[str]:
    """The names that the file lacked before the migration."""
    tree = parse(context.before.root / file) if context.before is not None else None
    return undefined_names(tree).keys() if tree is not None else frozenset()


def undefined_names(tree: ast.Module) -> dict[str, list[int]]:
    """Name → the lines that use it where nothing defines it, as pyflakes sees it.

    Annotations are left out: those that are evaluated fail at the import or in a tool's schema, which is tried."""
    annotated = {(one.lineno, one.col_offset) for annotation in _annotations(tree) for one in _located(annotation)}
    caught = [h for h in ast.walk(tree) if isinstance(h, ast.ExceptHandler) and h.name is not None]
    found: dict[str, set[int]] = defaultdict(set)
    for message in Checker(tree).messages:
        if isinstance(message, (UndefinedName, UndefinedLocal)) and (message.lineno, message.col) not in annotated:
            name = str(message.message_args[0])
            # What a lambda in a handler reads of it is there while the handler runs; pyflakes looks afterwards.
            if not any(h.name == name and h.lineno <= message.lineno <= (h.end_lineno or 0) for h in caught):
                found[name].add(message.lineno)
    return {name: sorted(lines) for name, lines in found.items()}


def _annotations(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation is not None:
            yield node.annotation
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
            yield node.returns


def _located(annotation: ast.expr) -> Iterator[ast.expr]:
    return (node for node in ast.walk(annotation) if isinstance(node, ast.expr))

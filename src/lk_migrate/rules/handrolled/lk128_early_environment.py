"""The new main.py loads the environment before the modules that read it are imported.

`from services.settings import API_KEY`, where that module says `API_KEY = os.getenv("API_KEY")`, and then, or under
`if __name__ == "__main__":`, `load_dotenv()`: the processes that take the calls inherit the variables, so this works
for them, but not in `python main.py console`, where it all happens in one process. A plain `load_dotenv()` goes above
these imports. One with arguments that are computed first stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import libcst as cst

from lk_migrate.facts.entrypoint import find_entrypoint
from lk_migrate.facts.environment_reads import reads_at_once, reads_when_imported
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.walk import find
from lk_migrate.model import Action, Edition, Safety
from lk_migrate.rewrite.blocks import gap
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK128",
    Edition.HANDROLLED,
    __doc__,
    triggers=(b"load_dotenv",),
    safety=Safety.REVIEW,
    before_new_main=True,
)


@rule.on(cst.Module)
def load_first(tree: cst.Module, file: File) -> Iterator[Change]:
    body = list(tree.body)
    entry = find_entrypoint(file.project, file.module)
    in_guard = list(entry.guard.body.body) if entry is not None and entry.guard is not None else []
    loads = [s for s in (*body, *in_guard) if isinstance(s, cst.SimpleStatementLine) and _loads(s, file)]
    if len(loads) != 1:
        return
    line = loads[0]
    at = body.index(line) if line in body else len(body)
    reader = next((found for s in body[:at] for found in [_reader(s, line in in_guard, file)] if found), None)
    if reader is None:
        return
    first, read_in = reader
    place = body.index(first)
    importer = _importer(line, file)
    if importer is None or importer is first:
        return
    later = importer in body[place:] or importer in in_guard
    if later and not (isinstance(first, cst.SimpleStatementLine) and isinstance(importer, cst.SimpleStatementLine)):
        return
    message = f"`load_dotenv()` stands before what reads the environment ({read_in})"
    yield Rewrite(line, lambda updated: gap(), "it stands at the top", Action.MOVED)
    if later:
        yield Rewrite(importer, lambda updated: gap(), "it stands at the top", Action.MOVED)
    moved: Sequence[Any] = [importer, line] if later else [line]
    yield Rewrite(tree, _with_above(place, moved), message, Action.MOVED)


def _with_above(place: int, moved: Sequence[Any]) -> Any:
    """The `moved` statements before the one at `place`, between blank lines."""

    def apply(updated: cst.Module) -> cst.Module:
        head, *rest = (m.with_changes(leading_lines=_comments(m)) for m in moved)
        head = head.with_changes(leading_lines=[cst.EmptyLine(indent=False), *head.leading_lines])
        below: Any = updated.body[place]
        below = below.with_changes(leading_lines=[cst.EmptyLine(indent=False), *_comments(below)])
        body = [*updated.body[:place], head, *rest, below, *updated.body[place + 1 :]]
        return updated.with_changes(body=body)

    return apply


def _comments(statement: Any) -> list[cst.EmptyLine]:
    return [line for line in statement.leading_lines if line.comment is not None]


def _loads(line: cst.SimpleStatementLine, file: File) -> bool:
    """`load_dotenv()`, with literal arguments at most."""
    small = line.body[0] if len(line.body) == 1 else None
    call = small.value if isinstance(small, cst.Expr) else None
    if not isinstance(call, cst.Call) or file.full_name(call.func) not in _LOADERS:
        return False
    return all(not list(find(a.value, cst.Name, cst.Attribute)) or _is_word(a.value) for a in call.args)


_LOADERS = frozenset({"dotenv.load_dotenv", "dotenv.main.load_dotenv"})


def _is_word(value: cst.BaseExpression) -> bool:
    return isinstance(value, cst.Name) and value.value in ("True", "False", "None")


def _importer(line: cst.SimpleStatementLine, file: File) -> cst.CSTNode | None:
    """What imports the loader: a line beside that which calls it, or a statement of the module, whatever is in it."""
    small = line.body[0]
    assert isinstance(small, cst.Expr) and isinstance(small.value, cst.Call)
    local = (dotted(small.value.func) or "").partition(".")[0]
    item = next((i for i in file.module.imports if i.local == local and i.scope is file.module.tree), None)
    if item is None:
        return None
    above = file.statement(item.statement)
    if file.parent(above) is file.parent(line):
        return above
    tops = {id(statement) for statement in file.module.tree.body}
    return next((n for n in file.module.index.ancestors(item.statement) if id(n) in tops), None)


def _reader(statement: cst.CSTNode, too_late: bool, file: File) -> tuple[Any, str] | None:
    """The statement, and the file whose import (or this one's own constant, if the guard loads) needs a variable."""
    if too_late and reads_at_once(statement):
        return statement, file.path
    for item in file.module.imports:
        if file.module.index.parents.get(item.statement) is not statement:
            continue
        names = (item.target, item.target.rpartition(".")[0])
        path = next((p for n in names if n and (p := file.project.path_of(n, file.path))), None)
        module = file.project.module(path) if path is not None else None
        found = reads_when_imported(file.project, module) if module is not None else None
        if found is not None:
            return statement, found
    return None

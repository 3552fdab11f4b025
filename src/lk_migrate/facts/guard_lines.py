"""Which lines of the `__main__` guard a server needs that is to stand at the module's top level."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from lk_migrate.facts.scopes import occurrences
from lk_migrate.facts.walk import descendants, find

_ENVIRONMENT = frozenset({"load_dotenv", "environ", "putenv", "setdefault", "update"})


def lines_to_hoist(
    guard: cst.If, before: cst.Call, given: Sequence[cst.CSTNode]
) -> tuple[cst.SimpleStatementLine, ...] | None:
    """The guard's plain assignments that `given`, arguments of the call `before`, read; in their order.

    None when they cannot stand before the guard: a name that a block binds, or binds twice, one that a subscript may
    fail to give, or an environment that the guard itself prepares first.
    """
    body = list(guard.body.body)
    at = next(i for i, line in enumerate(body) if any(n is before for n in descendants(line)))
    binders: dict[str, list[cst.CSTNode]] = {}
    for line in body:
        for occurrence in occurrences(line):
            if occurrence.owner is None and occurrence.kind not in ("read", "quoted"):
                binders.setdefault(occurrence.name, []).append(line)
    wanted: list[cst.CSTNode] = []
    queue = [name for node in given for name in _read(node)]
    seen: set[str] = set()
    while queue:
        name = queue.pop()
        if name in seen or name not in binders:
            continue
        seen.add(name)
        if len(binders[name]) != 1 or not _is_plain(line := binders[name][0]):
            return None
        wanted.append(line)
        queue.extend(_read(line))
    found = [line for line in body if line in wanted]
    last = max((body.index(line) for line in found), default=-1)
    if last > at or (found and any(_prepares(line) for line in body[:last])):
        return None
    return tuple(line for line in found if isinstance(line, cst.SimpleStatementLine))


def _read(node: cst.CSTNode) -> list[str]:
    return [o.name for o in occurrences(node) if o.owner is None and o.kind == "read"]


def _is_plain(line: cst.CSTNode) -> bool:
    """`name = …`, which surely gives a value."""
    if not (isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1):
        return False
    small = line.body[0]
    return isinstance(small, (cst.Assign, cst.AnnAssign)) and not any(True for _ in find(small, cst.Subscript))


def _prepares(line: cst.CSTNode) -> bool:
    """Whether a statement changes the environment that others read."""
    calls = (n.func for n in find(line, cst.Call))
    names = {n.value for call in calls for n in find(call, cst.Name)}
    targets = {n.value for t in find(line, cst.AssignTarget) for n in find(t, cst.Name)}
    return bool((names - {"environ"}) & _ENVIRONMENT) or "environ" in targets

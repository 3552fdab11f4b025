"""Two more cuts: where the choice of models begins, and where it ends, so that it can stand in main.py."""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from lk_migrate.entrypoint.spine import Branch, Cut, Guard, Item, Items, Plain, walk
from lk_migrate.facts.models import MODEL_KEYWORDS, makes_model
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.scopes import occurrences
from lk_migrate.facts.sessions import Construction
from lk_migrate.facts.walk import descendants


def marked_models(project: Project, module: Module, items: Items) -> Items:
    """`items` with the cuts "models" and "agent" before every session, if a path chooses its models in statements."""
    uses = _Uses(items)
    if not any(_span(project, module, level, uses) for level in _levels(items)):
        return items
    return _marked(project, module, items, uses)


class _Uses:
    """Name → the nodes where it occurs, anywhere in the entrypoint."""

    def __init__(self, items: Items) -> None:
        self.nodes: dict[str, set[int]] = {}
        for item in walk(items):
            parts: list[cst.CSTNode] = []
            if isinstance(item, Plain):
                parts = [item.node]
            elif isinstance(item, Branch):
                parts = [item.node.test]
            elif isinstance(item, Cut) and item.site is not None:
                parts = [item.site.statement]
            elif isinstance(item, Guard):
                parts = [*getattr(item.node, "handlers", ()), *getattr(item.node, "items", ())]
            for part in parts:
                for occurrence in occurrences(part):
                    self.nodes.setdefault(occurrence.name, set()).add(id(occurrence.node))

    def only_in(self, name: str, statements: list[cst.BaseStatement]) -> bool:
        inside = {id(n) for s in statements for n in descendants(s)}
        return self.nodes.get(name, set()) <= inside


def _levels(items: Items) -> list[Items]:
    """Every list of items that holds the construction of a session directly."""
    found = [items] if any(_is_session(i) for i in items) else []
    for item in items:
        if isinstance(item, Guard):
            found.extend(_levels(item.body))
        elif isinstance(item, Branch):
            for arm in item.arms:
                found.extend(_levels(arm))
    return found


def _is_session(item: Item) -> bool:
    return isinstance(item, Cut) and item.label == "session"


def _span(project: Project, module: Module, level: Items, uses: _Uses) -> tuple[int, int] | None:
    """First and last index of the statements of `level` that choose the models, None without any."""
    at = next(i for i, item in enumerate(level) if _is_session(item))
    cut = level[at]
    assert isinstance(cut, Cut) and isinstance(cut.site, Construction)
    given = {
        a.value.value
        for a in cut.site.call.args
        if a.keyword is not None and a.keyword.value in MODEL_KEYWORDS and isinstance(a.value, cst.Name)
    }
    begin = 0
    for i in range(at):
        if not isinstance(level[i], Plain):
            begin = i + 1
    chosen = [
        i
        for i in range(begin, at)
        if isinstance(item := level[i], Plain)
        and ((makes_model(project, module, item.node) and bool(_bound(item.node))) or _bound(item.node) & given)
    ]
    chosen = [i for i in chosen if not isinstance(level[i].node, (cst.FunctionDef, cst.ClassDef))]  # type: ignore[union-attr]
    if not chosen:
        return None
    first, last = chosen[0], chosen[-1]
    while first > begin:
        before = level[first - 1]
        region = [i.node for i in level[first - 1 : last + 1] if isinstance(i, Plain)]
        if not isinstance(before, Plain) or not isinstance(before.node, cst.SimpleStatementLine):
            break
        names = _bound(before.node)
        if not names or not all(uses.only_in(n, region) for n in names):
            break
        first -= 1
    return first, last


def _bound(statement: cst.CSTNode) -> set[str]:
    return {o.name for o in occurrences(statement) if o.kind == "write" and o.owner is None}


def _marked(project: Project, module: Module, items: Items, uses: _Uses) -> Items:
    span = _span(project, module, items, uses) if any(_is_session(i) for i in items) else None
    found: list[Item] = []
    for i, item in enumerate(items):
        if span is not None and i == span[0]:
            found.append(Cut("models"))
        if _is_session(item) and span is None:
            found.extend([Cut("models"), Cut("agent")])
        if isinstance(item, Guard):
            item = replace(item, body=_marked(project, module, item.body, uses))
        elif isinstance(item, Branch):
            first, second = item.arms
            arms = (_marked(project, module, first, uses), _marked(project, module, second, uses))
            item = replace(item, arms=arms)
        found.append(item)
        if span is not None and i == span[1]:
            found.append(Cut("agent"))
    return tuple(found)

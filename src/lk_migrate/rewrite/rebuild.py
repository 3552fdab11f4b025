"""A tree with a few of its nodes changed: only what is above them is made anew.

LibCST's transformers ask about every comma and every space beside a changed node; this goes down to the changed
nodes and nowhere else (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import fields
from functools import cache
from typing import Any, get_args

import libcst as cst

from lk_migrate.facts.walk import Index, child_fields

#: Told a node as it was and with what is below it changed, gives what comes in its place (as `on_leave` does).
Leave = Callable[[cst.CSTNode, Any], Any]


def paths_to(nodes: Iterable[cst.CSTNode], index: Index) -> set[int]:
    """The ids of `nodes` and of everything around them."""
    found: set[int] = set()
    for node in nodes:
        found.add(id(node))
        for ancestor in index.ancestors(node):
            if id(ancestor) in found:
                break
            found.add(id(ancestor))
    return found


def rebuilt(node: cst.CSTNode, dirty: Collection[int], leave: Leave) -> Any:
    """What `leave` gives for `node`, after it was asked for each node below that is `dirty` (by id), leaves first.

    Raises `TypeError` for a node that is removed, or made several, where its parent must have one.
    """
    changes: dict[str, Any] = {}
    for name in child_fields(type(node)):
        value = getattr(node, name)
        if isinstance(value, (list, tuple)):
            if any(id(item) in dirty for item in value):
                changes[name] = tuple(_items(value, dirty, leave))
        elif id(value) in dirty:
            changes[name] = _one(node, name, rebuilt(value, dirty, leave))
    return leave(node, node.with_changes(**changes) if changes else node)


def _items(items: Iterable[cst.CSTNode], dirty: Collection[int], leave: Leave) -> Iterator[cst.CSTNode]:
    for item in items:
        if id(item) not in dirty:
            yield item
            continue
        new = rebuilt(item, dirty, leave)
        if type(new) is cst.FlattenSentinel:
            yield from new
        elif type(new) is not cst.RemovalSentinel:
            yield new


def _one(parent: cst.CSTNode, name: str, new: Any) -> Any:
    if isinstance(new, cst.RemovalSentinel) and _may_be_none(type(parent), name):
        return None
    if isinstance(new, (cst.RemovalSentinel, cst.FlattenSentinel)):
        raise TypeError(f"the {name} of a {type(parent).__name__} must be one node")
    return new


@cache
def _may_be_none(kind: type[cst.CSTNode], name: str) -> bool:
    return any(f.name == name and type(None) in get_args(f.type) for f in fields(kind))

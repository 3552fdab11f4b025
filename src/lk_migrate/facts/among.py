"""Which nodes of a type are worth a question: those that a word stands in which the question is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import libcst as cst

from lk_migrate.facts.module import Module

#: The nodes of a file that are of a type and worth the question, in source order.
Among = Callable[[Module, type[cst.CSTNode]], Sequence[cst.CSTNode]]


def every(module: Module, kind: type[cst.CSTNode]) -> Sequence[cst.CSTNode]:
    """All of them."""
    return module.index.of(kind)


def with_keyword(*words: str) -> Among:
    """The calls that give one of these keywords."""

    def calls(module: Module, kind: type[cst.CSTNode]) -> Sequence[cst.CSTNode]:
        return _in_order(module, (call for word in words for call in module.keywords.get(word, ())))

    return calls


def called_so(*words: str) -> Among:
    """The names and attributes that end in one of these, as they are written or as they were before an `as`."""
    wanted = frozenset(words)

    def names(module: Module, kind: type[cst.CSTNode]) -> Sequence[cst.CSTNode]:
        local = wanted.union(i.local for i in module.imports if i.target.rpartition(".")[2] in wanted)
        found = [node for word in local for node in module.names.get(word, ())]
        if kind is cst.Attribute:
            above = ((module.index.parents[node], node) for node in found)
            return _in_order(module, (a for a, node in above if type(a) is cst.Attribute and a.attr is node))
        return _in_order(module, found)

    return names


def _in_order(module: Module, nodes: Iterable[cst.CSTNode]) -> Sequence[cst.CSTNode]:
    """Each once."""
    return sorted({id(node): node for node in nodes}.values(), key=module.index.number)

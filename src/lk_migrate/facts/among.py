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


def calls_of(*words: str) -> Among:
    """The calls of a name or an attribute that is one of these."""

    def calls(module: Module, kind: type[cst.CSTNode]) -> Sequence[cst.CSTNode]:
        return _in_order(module, (call for word in words for call in module.calls.get(word, ())))

    return calls


def foreign(module: Module, kind: type[cst.CSTNode]) -> Sequence[cst.CSTNode]:
    """The names, attributes and calls of either that can stand for what is not the module's own."""
    return module.foreign.get(kind, ()) if module.foreign is not None else module.index.of(kind)


def in_annotations(module: Module, kind: type[cst.CSTNode]) -> Sequence[cst.CSTNode]:
    """Those that are part of an annotation."""
    return [node for annotation in module.index.of(cst.Annotation) for node in module.index.find(annotation, kind)]


def called_so(*words: str) -> Among:
    """The attributes called so, and the names: as they are written, or as they were before an `as`."""
    wanted = frozenset(words)

    def names(module: Module, kind: type[cst.CSTNode]) -> Sequence[cst.CSTNode]:
        if kind is cst.Attribute:
            above = ((module.index.parents[n], n) for word in wanted for n in module.names.get(word, ()))
            return _in_order(module, (a for a, node in above if type(a) is cst.Attribute and a.attr is node))
        local = wanted.union(i.local for i in module.imports if i.target.rpartition(".")[2] in wanted)
        return _in_order(module, (node for word in local for node in module.names.get(word, ())))

    return names


def _in_order(module: Module, nodes: Iterable[cst.CSTNode]) -> Sequence[cst.CSTNode]:
    """Each once."""
    return sorted({id(node): node for node in nodes}.values(), key=module.index.number)

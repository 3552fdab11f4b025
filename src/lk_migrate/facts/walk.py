"""One cheap, read-only walk over a LibCST tree: parents, and nodes by type.

LibCST's own visitors cost about as much as parsing, and its metadata providers several times that
(docs/performance.md); this walk costs a small part of a parse because it skips white space and punctuation.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, TypeVar

import libcst as cst

Node = TypeVar("Node", bound=cst.CSTNode)

#: Fields that can only hold white space, punctuation or comments.
_TRIVIA = frozenset(
    {
        "leading_lines",
        "lines_after_decorators",
        "header",
        "footer",
        "trailing_whitespace",
        "newline",
        "comment",
    }
    | {
        "lpar",
        "rpar",
        "lbrace",
        "rbrace",
        "lbracket",
        "rbracket",
        "comma",
        "semicolon",
        "equal",
        "dot",
        "colon",
    }
    | {"indent", "first_line", "empty_lines", "last_line", "asynchronous", "star", "posonly_ind"}
)


@cache
def _child_fields(node_type: type[cst.CSTNode]) -> tuple[str, ...]:
    names = (f.name for f in fields(node_type))
    return tuple(n for n in names if n not in _TRIVIA and not n.startswith("whitespace") and n[0] != "_")


@cache
def _is_node(value_type: Hashable) -> bool:
    """By type: LibCST's nodes are abstract base classes, whose `isinstance` is several times slower than this."""
    return isinstance(value_type, type) and issubclass(value_type, cst.CSTNode)


@cache
def _is_kind(node_type: type[cst.CSTNode], kind: type[cst.CSTNode]) -> bool:
    return issubclass(node_type, kind)


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The syntactic children of `node` in source order, white space and punctuation left out."""
    found: list[cst.CSTNode] = []
    for name in _child_fields(type(node)):
        value = getattr(node, name)
        if value is None or type(value) is str:
            continue
        if type(value) in (list, tuple):
            found.extend(item for item in value if _is_node(type(item)))
        elif _is_node(type(value)):
            found.append(value)
    return found


def descendants(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """`node` and everything below it, parents first, in source order."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        below = children(current)
        below.reverse()
        stack += below


def find(node: cst.CSTNode, kind: type[Node]) -> Iterator[Node]:
    """Every descendant of `node` (itself included) that is a `kind`."""
    for found in descendants(node):
        if _is_kind(type(found), kind):
            yield found  # type: ignore[misc]


def own_scope(function: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Everything below `function` but what belongs to functions, lambdas and classes nested in it.

    The nested definitions themselves are yielded (their name is bound in this scope), not their bodies.
    """
    stack = list(reversed(children(function)))
    while stack:
        current = stack.pop()
        yield current
        if not isinstance(current, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
            stack.extend(reversed(children(current)))


@dataclass(frozen=True)
class Index:
    """`parents`: child → parent; `by_type`: every node of a type, in source order."""

    parents: dict[cst.CSTNode, cst.CSTNode]
    by_type: dict[type[cst.CSTNode], list[cst.CSTNode]]

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around `node`, innermost first, `node` left out."""
        parent = self.parents.get(node)
        while parent is not None:
            yield parent
            parent = self.parents.get(parent)

    def enclosing(self, node: cst.CSTNode, *kinds: type[Any]) -> cst.CSTNode | None:
        """The nearest ancestor of one of the `kinds`."""
        return next((a for a in self.ancestors(node) if isinstance(a, kinds)), None)

    def of(self, kind: type[Any]) -> list[Any]:
        """Every node of exactly this type, in source order."""
        return self.by_type.get(kind, [])


def index(tree: cst.Module) -> Index:
    """Walk `tree` once."""
    parents: dict[cst.CSTNode, cst.CSTNode] = {}
    by_type: dict[type[cst.CSTNode], list[cst.CSTNode]] = {}
    stack: list[cst.CSTNode] = [tree]
    while stack:
        node = stack.pop()
        by_type.setdefault(type(node), []).append(node)
        below = children(node)
        for child in below:
            parents[child] = node
        stack.extend(reversed(below))
    return Index(parents, by_type)

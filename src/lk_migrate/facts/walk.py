"""One cheap, read-only walk over a LibCST tree: parents, and nodes by type.

LibCST's own visitors cost about as much as parsing, and its metadata providers several times that
(docs/performance.md); this walk costs a small part of a parse because it skips white space and punctuation.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    names = (f.name for f in fields(node_type) if f.type not in _PLAIN)
    return tuple(n for n in names if n not in _TRIVIA and not n.startswith("whitespace") and n[0] != "_")


#: Fields of these types hold no node: what a name or a literal says.
_PLAIN = frozenset({str, "str", bool, "bool"})


@cache
def _is_node(kind: Any) -> bool:
    """Whether values of this type are nodes. LibCST's types are abstract, which makes `isinstance` slow."""
    return issubclass(kind, cst.CSTNode)


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The syntactic children of `node` in source order, white space and punctuation left out."""
    found: list[cst.CSTNode] = []
    for name in _child_fields(type(node)):
        value = getattr(node, name)
        if value is None:
            continue
        kind: Any = type(value)
        if kind is list or kind is tuple:
            for item in value:
                kind = type(item)
                if _is_node(kind):
                    found.append(item)
        elif _is_node(kind):
            found.append(value)
    return found


_below: dict[tuple[Any, ...], frozenset[Any]] = {}


def concrete(*kinds: type[Any]) -> frozenset[Any]:
    """The types themselves and all below them: `type(node) in concrete(…)` is `isinstance` without its price."""
    found = _below.get(kinds)
    if found is None:
        found = _below[kinds] = frozenset(kinds).union(*(concrete(*kind.__subclasses__()) for kind in kinds))
    return found


def descendants(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """`node` and everything below it, parents first, in source order."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(children(current)))


def find(node: cst.CSTNode, kind: type[Node]) -> Iterator[Node]:
    """Every descendant of `node` (itself included) that is a `kind`."""
    wanted = concrete(kind)
    return (n for n in descendants(node) if type(n) in wanted)  # type: ignore[misc]


#: What has a scope of its own inside another one.
_SCOPES = frozenset({cst.FunctionDef, cst.Lambda, cst.ClassDef})


def own_scope(function: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Everything below `function` but what belongs to functions, lambdas and classes nested in it.

    The nested definitions themselves are yielded (their name is bound in this scope), not their bodies.
    """
    stack = list(reversed(children(function)))
    while stack:
        current = stack.pop()
        yield current
        if type(current) not in _SCOPES:
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
        wanted, parents = concrete(*kinds), self.parents
        current = parents.get(node)
        while current is not None and type(current) not in wanted:
            current = parents.get(current)
        return current

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

"""One cheap, read-only walk over a LibCST tree: parents, and nodes by type.

LibCST's own visitors cost about as much as parsing, and its metadata providers several times that
(docs/performance.md); this walk costs a small part of a parse because it skips white space and punctuation.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, Union, get_args, get_origin

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
def child_fields(node_type: type[cst.CSTNode]) -> tuple[str, ...]:
    """The fields of a node that hold what `children` gives."""
    names = (f.name for f in fields(node_type) if f.type not in _PLAIN)
    return tuple(n for n in names if n not in _TRIVIA and not n.startswith("whitespace") and n[0] != "_")


#: Fields of these types hold no node: what a name or a literal says.
_PLAIN = frozenset({str, "str", bool, "bool"})


class _IsNode(dict[type[Any], bool]):
    """Whether values of a type are nodes. LibCST's types are abstract, which makes `isinstance` slow."""

    def __missing__(self, kind: type[Any]) -> bool:
        answer = self[kind] = issubclass(kind, cst.CSTNode)
        return answer


_is_node = _IsNode()


#: How to read the children of a node of one type, in source order.
_Reader = Callable[[Any], Sequence[cst.CSTNode]]


class _Readers(dict[type[Any], "_Reader | None"]):
    """Node type → how to read its children; None for a type that has none."""

    def __missing__(self, kind: type[Any]) -> _Reader | None:
        answer = self[kind] = _reader(kind)
        return answer


_readers = _Readers()


def _reader(kind: type[cst.CSTNode]) -> _Reader | None:
    """The cheapest way there is: most nodes hold just what must be there, or one list."""
    names = child_fields(kind)
    if not names:
        return None
    types = [f.type for name in names for f in fields(kind) if f.name == name]
    read: Callable[[Any], Any] = attrgetter(*names)
    if len(names) == 1:
        if get_origin(types[0]) is Sequence:
            return read
        return (lambda node: [read(node)]) if _is_required(types[0]) else _nodes_of(lambda node: [read(node)])
    return read if all(map(_is_required, types)) else _nodes_of(read)


def _is_required(declared: Any) -> bool:
    """Whether a field of the type holds a node, whatever happens."""
    if isinstance(declared, type):
        return issubclass(declared, cst.CSTNode)
    return get_origin(declared) is Union and all(map(_is_required, get_args(declared)))


def _nodes_of(read: Callable[[Any], Iterable[Any]]) -> _Reader:
    """The nodes among the values of a node's fields (that is what `read` gives), and in the lists among them."""

    def nodes(node: cst.CSTNode) -> list[cst.CSTNode]:
        found: list[cst.CSTNode] = []
        for value in read(node):
            kind: Any = type(value)
            if kind is list or kind is tuple:
                found += value
            elif _is_node[kind]:
                found.append(value)
        return found

    return nodes


def children(node: cst.CSTNode) -> Sequence[cst.CSTNode]:
    """The syntactic children of `node` in source order, white space and punctuation left out."""
    read = _readers[type(node)]
    return read(node) if read is not None else ()


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
        read = _readers[type(current)]  # (`children`, without its call)
        if read is not None:
            stack += read(current)[::-1]


def find(node: cst.CSTNode, *kinds: type[Node]) -> Iterator[Node]:
    """Every descendant of `node` (itself included) that is one of the `kinds`."""
    wanted = concrete(*kinds)
    stack = [node]
    while stack:
        current = stack.pop()
        kind = type(current)
        if kind in wanted:
            yield current  # type: ignore[misc]
        read = _readers[kind]
        if read is not None:
            stack += read(current)[::-1]


#: What statements stand in, and what they are: no expression, and no small statement.
_BLOCKS = (
    cst.Module,
    cst.BaseSuite,
    cst.BaseCompoundStatement,
    cst.SimpleStatementLine,
    cst.Else,
    cst.Finally,
    cst.ExceptHandler,
    cst.ExceptStarHandler,
    cst.MatchCase,
)


def is_block(node: cst.CSTNode) -> bool:
    """Whether a statement can stand in `node`: in a clause, a block, a line; in no expression."""
    return type(node) in concrete(*_BLOCKS)


def statements(node: cst.CSTNode, *kinds: type[Node]) -> Iterator[Node]:
    """Every descendant of `node` that is one of the `kinds` of statement, block or clause; no expression is entered."""
    wanted, blocks = concrete(*kinds), concrete(*_BLOCKS)
    stack = [node]
    while stack:
        current = stack.pop()
        if type(current) in wanted:
            yield current  # type: ignore[misc]
        if type(current) in blocks:
            below = children(current)
            stack += [n for n in reversed(below) if type(n) in blocks or type(n) in wanted]


#: What has a scope of its own inside another one.
_SCOPES = frozenset({cst.FunctionDef, cst.Lambda, cst.ClassDef})


def own_scope(function: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Everything below `function` but what belongs to functions, lambdas and classes nested in it.

    The nested definitions themselves are yielded (their name is bound in this scope), not their bodies.
    """
    stack = list(children(function)[::-1])
    while stack:
        current = stack.pop()
        yield current
        kind = type(current)
        read = _readers[kind]
        if read is not None and kind not in _SCOPES:
            stack += read(current)[::-1]


class Parents:
    """`dict[CSTNode, CSTNode]`, by identity: LibCST hashes nodes in Python."""

    __slots__ = ("_above",)

    def __init__(self, above: dict[int, cst.CSTNode]) -> None:
        self._above = above

    def get(self, node: cst.CSTNode) -> cst.CSTNode | None:
        return self._above.get(id(node))

    def __getitem__(self, node: cst.CSTNode) -> cst.CSTNode:
        return self._above[id(node)]

    def __contains__(self, node: cst.CSTNode) -> bool:
        return id(node) in self._above


@dataclass(frozen=True)
class Index:
    """`parents`: child → parent (`above`: by the child's id); `by_type`: every node of a type, in source order.

    `nodes` are all nodes, parents first, in source order; what is below one of them is a slice of it, from its number
    (`at`, by the node's id: LibCST hashes nodes in Python) to its end (`ends`, by that number). `scopes`: the function,
    lambda, class or module around each of `nodes`.
    """

    parents: Parents
    above: dict[int, cst.CSTNode]
    by_type: dict[type[cst.CSTNode], list[cst.CSTNode]]
    nodes: list[cst.CSTNode]
    at: dict[int, int]
    ends: list[int]
    scopes: list[cst.CSTNode]

    def scope(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """The function, lambda, class or module in which a node of this tree stands; None for the module itself."""
        number = self.at.get(id(node))
        return self.scopes[number] if number else None

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around `node`, innermost first, `node` left out."""
        above = self.above
        parent = above.get(id(node))
        while parent is not None:
            yield parent
            parent = above.get(id(parent))

    def top_level(self, node: cst.CSTNode) -> cst.CSTNode:
        """The statement of the module that holds `node`, or is it."""
        current = node
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, cst.Module):
                break
            current = ancestor
        return current

    def is_attribute(self, name: cst.CSTNode) -> bool:
        """Whether it is the last part of `a.b`, and no name by itself."""
        parent = self.above.get(id(name))
        return isinstance(parent, cst.Attribute) and parent.attr is name

    def enclosing(self, node: cst.CSTNode, *kinds: type[Any]) -> cst.CSTNode | None:
        """The nearest ancestor of one of the `kinds`."""
        wanted, above = concrete(*kinds), self.above
        current = above.get(id(node))
        while current is not None and type(current) not in wanted:
            current = above.get(id(current))
        return current

    def of(self, kind: type[Any]) -> list[Any]:
        """Every node of exactly this type, in source order."""
        return self.by_type.get(kind, [])

    def below(self, node: cst.CSTNode) -> Iterable[cst.CSTNode]:
        """`descendants(node)`, at the price of a slice for a node of this tree."""
        number = self.at.get(id(node))
        return self.nodes[number : self.ends[number]] if number is not None else descendants(node)

    def numbers(self, node: cst.CSTNode) -> range:
        """The numbers of a node of this tree and of all below it."""
        number = self.at[id(node)]
        return range(number, self.ends[number])

    def own_scope(self, function: cst.CSTNode) -> Iterable[cst.CSTNode]:
        """`own_scope(function)`, cheaper for a function, lambda, class or module of this tree."""
        number = self.at.get(id(function))
        if number is None:
            return own_scope(function)
        below = slice(number + 1, self.ends[number])
        return [node for node, scope in zip(self.nodes[below], self.scopes[below], strict=True) if scope is function]

    def find(self, node: cst.CSTNode, *kinds: type[Any]) -> list[Any]:
        """Every descendant of `node` (itself included) that is one of the `kinds`, in source order."""
        wanted = concrete(*kinds)
        number = self.at.get(id(node))
        if number is None or self.ends[number] - number < _FEW:
            return [n for n in self.below(node) if type(n) in wanted]
        lists = [nodes for kind, nodes in self.by_type.items() if kind in wanted]
        end = self.ends[number]
        if end - number == len(self.nodes):
            found = [n for nodes in lists for n in nodes]
        else:
            of, first = self.number, bisect_left
            found = [n for ns in lists for n in ns[first(ns, number, key=of) : first(ns, end, key=of)]]
        if len(lists) > 1:
            found.sort(key=self.number)
        return found

    def number(self, node: cst.CSTNode) -> int:
        """The place of a node of this tree in source order."""
        return self.at[id(node)]


#: Of fewer nodes than this each is looked at; of more, the lists by type are.
_FEW = 150


def index(tree: cst.Module) -> Index:
    """Walk `tree` once. (`children` is spelled out here: this runs for every node of every file.)"""
    above: dict[int, cst.CSTNode] = {}
    by_type: dict[type[cst.CSTNode], list[cst.CSTNode]] = {}
    nodes: list[cst.CSTNode] = []
    at: dict[int, int] = {}
    ends: list[int] = []
    scopes: list[cst.CSTNode] = []
    # what is being walked: the rest of its children, itself, its number, and the scope that they stand in
    rest: Iterator[cst.CSTNode] = iter((tree,))
    parent: cst.CSTNode = tree
    number, scope = 0, parent
    around: list[tuple[Iterator[cst.CSTNode], cst.CSTNode, int, cst.CSTNode]] = []
    while True:
        for node in rest:
            kind = type(node)
            if kind in by_type:
                by_type[kind].append(node)
            else:
                by_type[kind] = [node]
            key = id(node)
            above[key] = parent
            at[key] = len(nodes)
            nodes.append(node)
            scopes.append(scope)
            ends.append(len(nodes))
            read = _readers[kind]
            below = read(node) if read is not None else ()
            if below:
                around.append((rest, parent, number, scope))
                rest, parent, number = iter(below), node, at[key]
                if kind in _SCOPES:
                    scope = node
                break
        else:
            if not around:
                del above[id(tree)]
                return Index(Parents(above), above, by_type, nodes, at, ends, scopes)
            ends[number] = len(nodes)
            rest, parent, number, scope = around.pop()

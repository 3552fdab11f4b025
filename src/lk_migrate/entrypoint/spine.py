"""The spine of an entrypoint: the statements that make and start the session, and the control flow around them.

The body becomes a tree of items. *Cuts* are places that main.py takes over (the session's construction, its start)
or where a new phase begins; every path through the function must pass the same cuts in the same order, so that
each can stand once in the new main. `phase(...)` then gives the body of one phase: the same control flow, with
only the statements between two cuts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.sessions import Construction, Sessions, Start
from lk_migrate.facts.syntax import compile_error
from lk_migrate.facts.walk import own_scope, statements


class CannotSplit(Exception):
    """The entrypoint has a shape whose phases cannot be separated; the message says which."""

    def __init__(self, why: str, node: cst.CSTNode) -> None:
        super().__init__(why)
        self.node = node


def source_of(module: Module, path: str, text: str, node: cst.CSTNode) -> bytes:
    """The generated `text` as a file: with the line ends of the main module that it is made of, in its encoding where
    it takes its place, else in UTF-8.

    What Python refuses is never given out: `CannotSplit`. This Python may be older than the code of `module`, and
    refuse that, too; then LibCST decides.
    """
    encoding = module.tree.encoding if path == module.path else "utf-8"
    try:
        data = text.replace("\r\n", "\n").replace("\n", module.tree.default_newline).encode(encoding)
    except UnicodeEncodeError as error:
        raise CannotSplit(f"the generated {path} has a character that {encoding} has not", node) from error
    problem = compile_error(data)
    if problem is None:
        return data
    if compile_error(module.data) is not None:
        try:
            cst.parse_module(data)
            return data
        except cst.ParserSyntaxError:
            pass
    raise CannotSplit(f"the generated {path} would not compile ({problem})", node)


@dataclass(frozen=True, eq=False)
class Plain:
    """A statement that holds no cut."""

    node: cst.BaseStatement


@dataclass(frozen=True, eq=False)
class Cut:
    """`label`: "session", "start", or the beginning of a phase ("models", "agent")."""

    label: str
    site: Construction | Start | None = None


@dataclass(frozen=True, eq=False)
class Branch:
    """An `if` with a cut in an arm. An `elif` is a `Branch` alone in the last arm."""

    node: cst.If
    arms: tuple[Items, Items]
    is_elif: bool = False


@dataclass(frozen=True, eq=False)
class Guard:
    """A `try` or `with` around cuts: it stays in main.py, with its handlers."""

    node: cst.Try | cst.With
    body: Items


Item = Plain | Cut | Branch | Guard
Items = tuple[Item, ...]


def read_spine(function: cst.FunctionDef, sessions: Sessions) -> Items:
    """The body of `function` as items. Raises `CannotSplit`."""
    for node, why in sessions.odd:
        raise CannotSplit(why, node)
    for node in own_scope(function):
        if type(node) is cst.Yield:
            raise CannotSplit("the entrypoint is a generator", node)
        if type(node) is cst.Call and type(node.func) is cst.Name and node.func.value in ("locals", "vars"):
            raise CannotSplit("the entrypoint reads its own local names with `locals()`", node)
    if not sessions.starts or not sessions.constructions:
        raise CannotSplit("no session is made and started in the entrypoint itself", function)
    sites: dict[cst.CSTNode, Cut] = {c.statement: Cut("session", c) for c in sessions.constructions}
    sites.update({s.statement: Cut("start", s) for s in sessions.starts})
    if not isinstance(function.body, cst.IndentedBlock):
        raise CannotSplit("the entrypoint stands on one line", function)
    body = function.body.body
    if body and isinstance(body[0], cst.SimpleStatementLine) and is_docstring(body[0]):
        body = body[1:]
    items = _items(body, sites)
    labels(items)
    return items


#: What a session is made or started in.
_SITES: tuple[type[Any], ...] = (
    cst.BaseCompoundStatement,
    cst.BaseSuite,
    cst.SimpleStatementLine,
    cst.BaseSmallStatement,
)


def _items(body: Iterable[cst.BaseStatement], sites: dict[cst.CSTNode, Cut]) -> Items:
    found: list[Item] = []
    for statement in body:
        if statement in sites:
            found.append(sites[statement])
        elif not any(n in sites for n in statements(statement, *_SITES)):
            found.append(Plain(statement))
        elif isinstance(statement, cst.If):
            found.append(_branch(statement, sites))
        elif isinstance(statement, cst.Try):
            _only_in_body(statement, sites)
            found.append(Guard(statement, _items(_block(statement.body), sites)))
        elif isinstance(statement, cst.With):
            found.append(Guard(statement, _items(_block(statement.body), sites)))
        else:
            raise CannotSplit("the session is made or started in a loop or another unusual place", statement)
    return tuple(found)


def _branch(node: cst.If, sites: dict[cst.CSTNode, Cut], is_elif: bool = False) -> Branch:
    otherwise: Items = ()
    if isinstance(node.orelse, cst.If):
        otherwise = (_branch(node.orelse, sites, is_elif=True),)
    elif node.orelse is not None:
        otherwise = _items(_block(node.orelse.body), sites)
    return Branch(node, (_items(_block(node.body), sites), otherwise), is_elif)


def _block(suite: cst.BaseSuite) -> Sequence[cst.BaseStatement]:
    if isinstance(suite, cst.IndentedBlock):
        return suite.body
    raise CannotSplit("the session is made or started in a one-line block", suite)


def _only_in_body(node: cst.Try, sites: dict[cst.CSTNode, Cut]) -> None:
    for part in (*node.handlers, node.orelse, node.finalbody):
        if part is not None and any(n in sites for n in statements(part, *_SITES)):
            raise CannotSplit("the session is made or started in an `except`, `else` or `finally` block", part)


def is_docstring(line: cst.SimpleStatementLine) -> bool:
    """Whether a first statement is a docstring (it stays with the entrypoint)."""
    small = line.body[0] if line.body else None
    return isinstance(small, cst.Expr) and isinstance(small.value, (cst.SimpleString, cst.ConcatenatedString))


def ends(items: Items) -> bool:
    """Whether control never runs past the end of `items`."""
    if not items:
        return False
    last = items[-1]
    if isinstance(last, Plain):
        return statement_ends(last.node)
    if isinstance(last, Branch):
        return ends(last.arms[0]) and ends(last.arms[1])
    return False


def statement_ends(node: cst.CSTNode | None) -> bool:
    """Whether `node` always returns or raises."""
    if isinstance(node, cst.SimpleStatementLine):
        return bool(node.body) and isinstance(node.body[-1], (cst.Return, cst.Raise))
    if isinstance(node, cst.If):
        other = node.orelse
        return (
            statement_ends(node.body)
            and other is not None
            and statement_ends(other if isinstance(other, cst.If) else other.body)
        )
    if isinstance(node, cst.IndentedBlock):
        return bool(node.body) and statement_ends(node.body[-1])
    return False


def labels(items: Items) -> tuple[str, ...]:
    """The cuts that every path through `items` passes, in order. Raises `CannotSplit` when paths differ."""
    found: tuple[str, ...] = ()
    for position in range(len(items) - 1, -1, -1):
        item = items[position]
        if isinstance(item, Cut):
            found = (item.label, *found)
        elif isinstance(item, Guard):
            found = ("enter", *labels(item.body), "exit", *found)
        elif isinstance(item, Branch):
            found = _branch_labels(item, found)
    return found


def _branch_labels(item: Branch, rest: tuple[str, ...]) -> tuple[str, ...]:
    going: list[tuple[str, ...]] = []
    ending: list[tuple[str, ...]] = []
    for arm in item.arms:
        (ending if ends(arm) else going).append(labels(arm))
    if len(set(going)) > 1:
        raise CannotSplit("the two branches make and start the session in different orders", item.node)
    full = (*going[0], *rest) if going else max(ending, key=len)
    for arm_labels in ending:
        if arm_labels != full[: len(arm_labels)]:
            raise CannotSplit("the paths make and start the session in different orders", item.node)
    if any("enter" in arm_labels for arm_labels in (*going, *ending)):
        raise CannotSplit("one path has a `try` or `with` of its own around the session", item.node)
    return full


def phases_of(items: Items) -> dict[cst.CSTNode, int]:
    """Each plain statement, cut statement and branch test (by its `if`) → the phase that it runs in.

    Phase 0 comes before the first cut. A guard's own parts are not listed: they stay in main.py.
    """
    found: dict[cst.CSTNode, int] = {}
    _mark(items, 0, found)
    return found


def _mark(items: Items, state: int, found: dict[cst.CSTNode, int]) -> int:
    for item in items:
        if isinstance(item, Plain):
            found[item.node] = state
        elif isinstance(item, Cut):
            if item.site is not None:
                found[item.site.statement] = state
            state += 1
        elif isinstance(item, Guard):
            state = _mark(item.body, state + 1, found) + 1
        else:
            found[item.node] = state
            after = [_mark(arm, state, found) for arm in item.arms]
            going = [end for end, arm in zip(after, item.arms, strict=True) if not ends(arm)]
            state = going[0] if going else max(after)
    return state


def walk(items: Items) -> Iterator[Item]:
    """Every item, parents first."""
    for item in items:
        yield item
        if isinstance(item, Guard):
            yield from walk(item.body)
        elif isinstance(item, Branch):
            for arm in item.arms:
                yield from walk(arm)


def length(items: Items) -> int:
    """The number of cuts that a path through `items` passes."""
    return len(labels(items))

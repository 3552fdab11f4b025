"""What a rule may answer: an edit and its finding in one value, or a finding alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import libcst as cst

from lk_migrate.model import Action

#: Takes the node as it is after the edits below it, gives what stands in its place.
Apply = Callable[[Any], Any]


@dataclass(frozen=True)
class Rewrite:
    """Change `node` itself (for a class, function or compound statement: its header and its list of statements).

    Edits are functions of the *updated* node, so several rules can edit one node and each other's children.
    `without`: parts (arguments, say) that the edit leaves out on purpose, with the comments on their lines.
    """

    node: cst.CSTNode
    apply: Apply
    message: str
    action: Action = Action.REWRITTEN
    without: tuple[cst.CSTNode, ...] = ()


@dataclass(frozen=True)
class Replace:
    """Like `Rewrite`, but everything below `node` is accounted for by this edit, too."""

    node: cst.CSTNode
    apply: Apply
    message: str
    action: Action = Action.REWRITTEN
    without: tuple[cst.CSTNode, ...] = ()


@dataclass(frozen=True)
class Remove:
    """Take a statement, function, class or small statement out of its block.

    Its own leading comments go with it only if `with_comments`; otherwise the next statement inherits them.
    `comments`: the leading lines (and the trailing `cst.Comment`) that go, when only some of them do.
    """

    node: cst.CSTNode
    message: str
    with_comments: bool = False
    comments: tuple[cst.CSTNode, ...] = ()


@dataclass(frozen=True)
class Todo:
    """Leave the code, put a marker above the statement that holds `node`, and report it."""

    node: cst.CSTNode
    message: str


@dataclass(frozen=True)
class Note:
    """Report something worth knowing; the code stays."""

    node: cst.CSTNode
    message: str


Change = Rewrite | Replace | Remove | Todo | Note

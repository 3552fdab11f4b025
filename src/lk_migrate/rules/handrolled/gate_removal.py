"""How what only a turn gate needed is taken out: whole statements with their comments, or parts of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import libcst as cst

from lk_migrate.facts.gate_removals import Removal
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.walk import find
from lk_migrate.model import Action
from lk_migrate.rewrite.changes import Change, Remove, Rewrite
from lk_migrate.rewrite.file import File

_SPEAKS_OF_GATES = re.compile(
    r"\bgat(e|es|ed|ing)\b|turn_gate|utterance|speech_?id|per[- ](turn|speech|sentence|question)"
    r"|rate[- _]?limit|throttl|\bone[- ](tool|call)|\b(tool )?calls? (limit|per)|too many (tool )?calls"
    r"|tool calls? (we )?(let|allow)",
    re.I,
)

EMPTIED = (
    "`{}` did nothing but reset the turn gate, which is gone: take it out, here and where it is handed on and called."
)
SPENT = "`{}` held only the state of the turn gate, which is gone: take it out, here and where it is made."

#: A line drawn across the page heads a section, not a statement.
_BANNER = re.compile(r"[-=#*~_]{4,}")


def removed(removal: Removal, names: set[str], gone: set[cst.CSTNode]) -> Iterator[Change]:
    """The change that makes a removal; `names`: of the gates, `gone`: every statement that goes, too."""
    node, module = removal.node, removal.module
    if not removal.parts:
        line = node
        parent = module.index.parents.get(node)
        if isinstance(parent, cst.SimpleStatementLine) and len(parent.body) == 1:
            line = parent
        mentioned = names | {n.attr.value for n in find(node, cst.Attribute) if n.attr.value[:1] == "_"}
        comments = _comments_of(line, mentioned, heads_only_this=_stands_alone(removal, line, gone))
        yield Remove(node, removal.what, comments=comments)
    elif isinstance(node, cst.Assign):
        yield Rewrite(node, _without_targets(node, removal.parts), removal.what, Action.REMOVED)
    elif isinstance(node, (cst.Import, cst.ImportFrom, cst.Nonlocal, cst.Global)):
        yield Rewrite(node, _without_parts("names", node.names, removal.parts), removal.what, Action.REMOVED)
    elif isinstance(node, cst.Parameters):
        gone_names = {p.name.value for p in removal.parts if isinstance(p, cst.Param)}
        yield Rewrite(node, _without_parameters(gone_names), removal.what, Action.REMOVED)
    elif isinstance(node, cst.Call):
        yield Rewrite(node, _without_parts("args", node.args, removal.parts), removal.what, Action.REMOVED)
    elif isinstance(node, cst.ClassDef):
        yield Rewrite(node, _without_bases(removal.parts), removal.what, Action.REMOVED)
    elif isinstance(node, (cst.List, cst.Tuple, cst.Dict)):
        yield Rewrite(node, _without_parts("elements", node.elements, removal.parts), removal.what, Action.REMOVED)


def _without_parts(field: str, all_parts: Any, parts: Sequence[cst.CSTNode]) -> Any:
    gone = {i for i, part in enumerate(all_parts) if part in parts}

    def apply(updated: Any) -> Any:
        old = list(getattr(updated, field))
        left = [part for i, part in enumerate(old) if i not in gone]
        if left and left[-1] is not old[-1]:
            left[-1] = left[-1].with_changes(comma=old[-1].comma)
        return updated.with_changes(**{field: left})

    return apply


def _without_bases(parts: Sequence[cst.CSTNode]) -> Any:
    """By name: other rules may have put a base before or behind."""
    gone = {dotted(p.value) for p in parts if isinstance(p, cst.Arg)}

    def apply(updated: cst.ClassDef) -> cst.ClassDef:
        left = [b for b in updated.bases if b.keyword is not None or dotted(b.value) not in gone]
        if left:
            left[-1] = left[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
            return updated.with_changes(bases=left)
        return updated.with_changes(bases=[], lpar=cst.MaybeSentinel.DEFAULT, rpar=cst.MaybeSentinel.DEFAULT)

    return apply


def _without_parameters(names: set[str]) -> Any:
    def apply(updated: cst.Parameters) -> cst.Parameters:
        params = [p for p in updated.params if p.name.value not in names]
        keywords = [p for p in updated.kwonly_params if p.name.value not in names]
        star = updated.star_arg
        if isinstance(star, cst.ParamStar) and not keywords:
            star = cst.MaybeSentinel.DEFAULT
            _end_like(params, updated.kwonly_params)
        elif keywords:
            _end_like(keywords, updated.kwonly_params)
        else:
            _end_like(params, updated.params)
        return updated.with_changes(params=params, kwonly_params=keywords, star_arg=star)

    return apply


def _end_like(left: list[cst.Param], old: Sequence[cst.Param]) -> None:
    """The last of a list has the comma (or none) that the last one had."""
    if left and old and left[-1] is not old[-1]:
        left[-1] = left[-1].with_changes(comma=old[-1].comma)


def _without_targets(node: cst.Assign, parts: Sequence[cst.CSTNode]) -> Any:
    """Drop targets of `a = b = x`, or elements on both sides of `a, b = x, y`."""
    if any(isinstance(p, cst.AssignTarget) for p in parts):
        gone = {i for i, target in enumerate(node.targets) if target in parts}
        return lambda updated: updated.with_changes(targets=[t for i, t in enumerate(updated.targets) if i not in gone])
    target = node.targets[0].target
    assert isinstance(target, cst.Tuple)
    gone = {i for i, element in enumerate(target.elements) if element in parts}

    def side(pair: cst.Tuple) -> cst.BaseExpression:
        left = [e for i, e in enumerate(pair.elements) if i not in gone]
        if len(left) == 1:
            return left[0].value
        left[-1] = left[-1].with_changes(comma=pair.elements[-1].comma)
        return pair.with_changes(elements=left)

    def apply(updated: cst.Assign) -> cst.Assign:
        first = updated.targets[0]
        return updated.with_changes(
            targets=[first.with_changes(target=side(first.target))],  # type: ignore[arg-type]
            value=side(updated.value),  # type: ignore[arg-type]
        )

    return apply


# -- comments -------------------------------------------------------------------------------------------------


def own_comments(file: File, node: cst.CSTNode, names: set[str]) -> tuple[cst.CSTNode, ...]:
    """The comments of a statement (or of the line that only it stands on) that speak of gates."""
    parent = file.parent(node)
    alone = isinstance(parent, cst.SimpleStatementLine) and len(parent.body) == 1
    return _comments_of(parent if alone and parent is not None else node, names)


def _stands_alone(removal: Removal, line: cst.CSTNode, gone: set[cst.CSTNode]) -> bool:
    """Whether a comment above a definition can only mean what goes: nothing that stays follows without a blank line."""
    if isinstance(removal.node, (cst.FunctionDef, cst.ClassDef)):
        return True
    parent = removal.module.index.parents.get(line)
    body = list(getattr(parent, "body", ()))
    for follower in body[body.index(line) + 1 :] if line in body else ():
        if getattr(follower, "leading_lines", ()):
            return True
        if follower not in gone and not (
            isinstance(follower, cst.SimpleStatementLine) and all(s in gone for s in follower.body)
        ):
            return False
    return True


def _comments_of(line: cst.CSTNode, names: set[str], heads_only_this: bool = False) -> tuple[cst.CSTNode, ...]:
    """The comment right above a statement if it speaks of gates or can only mean it, and the one behind it."""
    found: list[cst.CSTNode] = []
    block: list[cst.EmptyLine] = []
    for empty in reversed(getattr(line, "leading_lines", ())):
        if empty.comment is None:
            break
        block.append(empty)
    text = " ".join(e.comment.value for e in block if e.comment is not None)
    own = heads_only_this and not _BANNER.search(text)
    if own or _SPEAKS_OF_GATES.search(text) or any(name in text for name in names):
        found.extend(block)
    trailing = getattr(line, "trailing_whitespace", None)
    if isinstance(trailing, cst.TrailingWhitespace) and trailing.comment is not None:
        found.append(trailing.comment)
    return tuple(found)

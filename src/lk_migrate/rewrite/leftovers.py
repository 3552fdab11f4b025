"""The last phase of a file: imports of names that do not exist any more are taken out, or marked if they are in use.

It runs on the finished tree, because only then is it known which of them lost their last use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import libcst as cst

from lk_migrate.rewrite.blocks import around, close_gaps, gap
from lk_migrate.rewrite.markers import has_marker, marker_lines


@dataclass(frozen=True)
class Leftover:
    """`alias` of `statement` (on `line`) imports what is gone; `used`: something still uses the name."""

    line: cst.SimpleStatementLine
    statement: cst.Import | cst.ImportFrom
    alias: cst.ImportAlias
    used: bool
    message: str


def one_marker_a_line(leftovers: Sequence[Leftover]) -> list[Leftover]:
    """The first name of a line that is in use says what there is to say of the others, which stop the import, too."""
    said: dict[cst.SimpleStatementLine, list[str]] = {}
    for item in leftovers:
        if item.used:
            said.setdefault(item.line, []).append(item.message)
    result = []
    for item in leftovers:
        if not item.used:
            result.append(item)
        elif messages := said.pop(item.line, None):
            result.append(replace(item, message=_joined(messages)))
    return result


def _joined(messages: Sequence[str]) -> str:
    """One sentence: what two of them end with ("…: a TTS gives `SynthesizedAudio` objects") is said once."""
    if len(messages) == 1:
        return messages[0]
    clauses: dict[str, None] = {}
    reasons = set()
    for message in messages:
        clause, colon, reason = message.removesuffix(".").partition(": ")
        clauses[clause if reason in reasons else clause + colon + reason] = None
        reasons.add(reason)
    return "; ".join(clauses) + "."


def without_leftovers(tree: cst.Module, rule: str, leftovers: Sequence[Leftover]) -> cst.Module:
    """Unused aliases are removed; a line with used ones (one of `leftovers` says so, see above) gets a marker."""
    if not leftovers:
        return tree
    result = tree.visit(_Editor(tree, rule, leftovers))
    assert isinstance(result, cst.Module)
    return result


class _Editor(cst.CSTTransformer):
    def __init__(self, tree: cst.Module, rule: str, leftovers: Sequence[Leftover]) -> None:
        super().__init__()
        self.tree = tree
        self.rule = rule
        self.unused = {item.alias for item in leftovers if not item.used}
        self.marked = {item.line: item.message for item in leftovers if item.used}
        self.lines = {item.line for item in leftovers}
        self.around = around(tree, self.lines.__contains__)

    def on_visit(self, node: cst.CSTNode) -> bool:
        return node in self.around

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine:
        if original_node not in self.lines:
            return updated_node
        body = [
            edited
            for before, after in zip(original_node.body, updated_node.body, strict=True)
            if (edited := self._edited(before, after)) is not None
        ]
        if not body:
            return gap(updated_node.leading_lines)
        if body != list(updated_node.body):
            body[-1] = body[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
            updated_node = updated_node.with_changes(body=body)
        message = self.marked.get(original_node)
        if message is not None and not has_marker(original_node, self.rule, self.tree):
            lines = [*updated_node.leading_lines, *marker_lines(self.rule, message)]
            updated_node = updated_node.with_changes(leading_lines=lines)
        return updated_node

    def _edited(self, before: cst.BaseSmallStatement, after: cst.BaseSmallStatement) -> cst.BaseSmallStatement | None:
        if not isinstance(before, (cst.Import, cst.ImportFrom)) or isinstance(before.names, cst.ImportStar):
            return after
        kept = [alias for alias in before.names if alias not in self.unused]
        if len(kept) == len(before.names):
            return after
        if not kept:
            return None
        kept[-1] = kept[-1].with_changes(comma=before.names[-1].comma)
        return after.with_changes(names=kept)

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> cst.BaseSuite:
        closed = close_gaps(updated_node)
        assert isinstance(closed, cst.IndentedBlock)
        return closed

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        closed = close_gaps(updated_node)
        assert isinstance(closed, cst.Module)
        return closed

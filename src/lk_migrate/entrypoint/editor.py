"""Legacy code as it reads in its new home: shared names as attributes, and the edits that hold everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import libcst as cst

from lk_migrate.entrypoint.names import Names
from lk_migrate.facts.walk import Index
from lk_migrate.rewrite.blocks import close_gaps, gap
from lk_migrate.rewrite.rebuild import paths_to, rebuilt

Edit = Callable[[Any], Any]
Edits = Mapping[cst.CSTNode, Edit]
Changed = list[tuple[cst.CSTNode, str]]


def renames(names: Names, reading: Callable[[str], str | None]) -> dict[cst.CSTNode, str]:
    """Every occurrence that reads differently → how. `reading(name)` is None for what stays as it is."""
    found: dict[cst.CSTNode, str] = {}
    for name, uses in names.uses.items():
        text = reading(name)
        if text is not None:
            found.update((occurrence.node, text) for _, occurrence in uses)
    return found


class Editor:
    """Makes the edits below a node, from the leaves up. What it did is added to `changed`."""

    def __init__(self, reads: Mapping[cst.CSTNode, str], edits: Edits, index: Index, changed: Changed) -> None:
        self.reads, self.edits, self.changed = reads, edits, changed
        self.dirty = paths_to((*reads, *edits), index)

    def edit(self, node: cst.CSTNode) -> Any:
        """`node` after the edits, itself when there are none below it."""
        return rebuilt(node, self.dirty, self._edited) if id(node) in self.dirty else node

    def _edited(self, original_node: cst.CSTNode, updated_node: Any) -> Any:
        if type(original_node) is cst.Name and original_node in self.reads:
            reading = self.reads[original_node]
            self.changed.append((original_node, f"`{original_node.value}` reads `{reading}`"))
            spelled, (lpar, rpar) = _spelled(reading), (updated_node.lpar, updated_node.rpar)
            updated_node = spelled.with_changes(lpar=lpar, rpar=rpar) if lpar else spelled
        elif type(original_node) is cst.Nonlocal:
            updated_node = self._nonlocal(original_node, updated_node)
        elif type(original_node) is cst.AnnAssign and original_node.target in self.reads:
            updated_node = self._unannotated(original_node, updated_node)
        edit = self.edits.get(original_node)
        if edit is not None:
            updated_node = edit(updated_node)
        if type(updated_node) is cst.SimpleStatementLine and not updated_node.body:
            return gap(updated_node.leading_lines)
        if type(updated_node) is cst.IndentedBlock:
            return _filled(cast(cst.IndentedBlock, close_gaps(updated_node)))
        return updated_node

    def _nonlocal(self, original: cst.Nonlocal, updated: cst.Nonlocal) -> Any:
        kept = [item for item in original.names if item not in self.reads]
        if len(kept) == len(original.names):
            return updated
        self.changed.append((original, "the names are attributes of the shared state"))
        if not kept:
            return cst.RemoveFromParent()
        kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return updated.with_changes(names=kept)

    def _unannotated(self, original: cst.AnnAssign, updated: cst.AnnAssign) -> Any:
        self.changed.append((original, "the annotation stands in the class of the shared state"))
        if updated.value is None:
            return cst.RemoveFromParent()
        return cst.Assign([cst.AssignTarget(updated.target)], updated.value)


def _spelled(reading: str) -> cst.BaseExpression:
    """A name or a dotted one, which need no parser (there are hundreds), or any other expression."""
    first, *rest = reading.split(".")
    if not all(part.isidentifier() for part in (first, *rest)):
        return cst.parse_expression(reading)
    found: cst.BaseExpression = cst.Name(first)
    for part in rest:
        found = cst.Attribute(found, cst.Name(part))
    return found


def _filled(block: cst.IndentedBlock) -> cst.IndentedBlock:
    if block.body:
        return block
    return block.with_changes(body=[cst.SimpleStatementLine([cst.Pass()])])


def outdented(call: cst.Call, value: cst.BaseExpression) -> cst.BaseExpression:
    """The value of an argument of `call` as a statement's: the lines inside it move left with it."""
    commas = (a.comma.whitespace_after for a in call.args if isinstance(a.comma, cst.Comma))
    spaces: Sequence[cst.BaseParenthesizableWhitespace] = [call.whitespace_before_args, *commas]
    first = next((w for w in spaces if isinstance(w, cst.ParenthesizedWhitespace)), None)
    if first is None or not first.last_line.value:
        return value
    return cast(cst.BaseExpression, value.visit(_Outdent(first.last_line.value)))


class _Outdent(cst.CSTTransformer):
    def __init__(self, by: str) -> None:
        super().__init__()
        self.by = by

    def leave_ParenthesizedWhitespace(
        self, original_node: cst.ParenthesizedWhitespace, updated_node: cst.ParenthesizedWhitespace
    ) -> cst.ParenthesizedWhitespace:
        lines = [e.with_changes(whitespace=self._less(e.whitespace)) for e in updated_node.empty_lines]
        return updated_node.with_changes(last_line=self._less(updated_node.last_line), empty_lines=lines)

    def _less(self, space: cst.SimpleWhitespace) -> cst.SimpleWhitespace:
        return space.with_changes(value=space.value.removeprefix(self.by))

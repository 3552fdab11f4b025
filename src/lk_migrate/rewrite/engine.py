"""One file through all rules: ask, collect, rebuild once, account for everything. Pure: bytes in, bytes out.

The tree is walked once (facts/walk.py); every handler sees the *original* nodes; edits are functions of the
updated node and are applied from the leaves up in one pass that only visits what changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import libcst as cst

from lk_migrate.facts.importers import imported_elsewhere
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.model import Action, Fate, FileChange, Finding, LedgerEntry, Place, Skipped
from lk_migrate.rewrite.blocks import close_gaps, gap
from lk_migrate.rewrite.changes import Change, Note, Remove, Replace, Todo
from lk_migrate.rewrite.checks import LostComments, NotWhatWeMeant, blame, check, check_comments
from lk_migrate.rewrite.file import File, enclosing_statement, statement_at
from lk_migrate.rewrite.imports import add_imports, drop_unused, fold_long_imports
from lk_migrate.rewrite.ledger import Touch, Unaccounted, account, import_touches
from lk_migrate.rewrite.leftovers import Leftover, one_marker_a_line, without_leftovers
from lk_migrate.rewrite.markers import has_marker, ignored_rules, marker_lines
from lk_migrate.rewrite.marking import Marker, marked
from lk_migrate.rewrite.meant import lines_of
from lk_migrate.rewrite.printing import NotGivenBack, printed
from lk_migrate.rewrite.rebuild import paths_to, rebuilt
from lk_migrate.rules.registry import Finisher, Rule


@dataclass(frozen=True)
class FileResult:
    """What became of one file.

    `change` is None when nothing is to be written; `skipped` says why not, if it should have been. `wanted_by`: the
    rules that had an edit for it, or failed to say. `tree`: what was printed as `change.after`.
    """

    path: str
    change: FileChange | None = None
    findings: tuple[Finding, ...] = ()
    ledger: Sequence[LedgerEntry] = ()
    skipped: Skipped | None = None
    wanted_by: frozenset[str] = frozenset()
    tree: cst.Module | None = None


@dataclass
class _Edits:
    """What the rules asked for, by node."""

    of: dict[cst.CSTNode, list[Any]] = field(default_factory=dict)
    removed: dict[cst.CSTNode, bool] = field(default_factory=dict)
    comments: set[cst.CSTNode] = field(default_factory=set)
    without: list[cst.CSTNode] = field(default_factory=list)
    markers: dict[cst.CSTNode, list[Marker]] = field(default_factory=dict)
    touches: list[Touch] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    failed: dict[str, Exception] = field(default_factory=dict)

    def nodes(self) -> set[cst.CSTNode]:
        return {*self.of, *self.removed, *self.markers}


class _Words:
    """What stands in a file's bytes; rules ask for the same words again and again."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._known: dict[bytes, bool] = {}

    def __contains__(self, word: object) -> bool:
        found = self._known.get(word)  # type: ignore[call-overload]
        if found is None:
            found = self._known[word] = word in self._data  # type: ignore[index, operator]
        return found


def convert_file(
    path: str, project: Project, rules: Sequence[Rule], declined: Collection[tuple[str, int]] = ()
) -> FileResult:
    """Run `rules` over one file of the project. Never raises for what a file contains: see `FileResult.skipped`.

    `declined`: (rule id, line of the node) where nothing is to be done.
    """
    data = project.files[path]
    words = _Words(data)
    wanted = [r for r in rules if r.wants(words) and r.concerns(project, path)]
    if not wanted:
        return FileResult(path)
    module = project.module(path)
    if module is None:
        return FileResult(path, skipped=project.skipped.get(path))
    finishers = [(rule, finisher) for rule in wanted for finisher in rule.finishers]
    edits = _collect(file := File(module, project, declined=declined), wanted)
    if not edits.nodes() and not edits.failed and not finishers:
        return FileResult(path, findings=tuple(edits.findings))
    try:
        try:
            return _edited(file, edits, finishers)
        except LostComments as error:  # where a rule has no place for a comment, it goes above its statement
            again = _collect(file := File(module, project, declined=declined), wanted)
            for line, text in reversed(error.comments):
                at = _what_is_left(again, module, statement_at(module, line))
                again.markers.setdefault(at, []).insert(0, (at, cst.EmptyLine(comment=cst.Comment(text))))
            return _edited(file, again, finishers)
    except UnicodeEncodeError as error:  # a marker quotes nothing but the file, a rule's new code may
        reason = f"its conversion has a character that {error.encoding} has not"
    except RecursionError:
        reason = "it is nested too deeply"
    except (Unaccounted, NotWhatWeMeant) as error:
        reason = str(error)
    except Exception as error:  # a rule's mistake about one file stops no other
        reason = blame(error)
    asked = frozenset(t.rule for t in edits.touches).union(edits.failed)
    return FileResult(path, skipped=Skipped(path, f"left as it was: {reason}"), wanted_by=asked)


def _what_is_left(edits: _Edits, module: Module, statement: cst.CSTNode) -> cst.CSTNode:
    """The statement, or the outermost around it that comes to stand for all that is in it; the next one that stays
    where that goes.
    """
    whole = {touch.node for touch in edits.touches if touch.whole}
    around = [node for node in (statement, *module.index.ancestors(statement)) if node in whole]
    found = enclosing_statement(module, around[-1]) if around else statement
    block = getattr(module.index.parents.get(found), "body", ())
    behind = block[block.index(found) :] if found in edits.removed and found in block else ()
    return next((node for node in behind if node not in edits.removed), found)


def _edited(file: File, edits: _Edits, finishers: Sequence[tuple[Rule, Finisher]]) -> FileResult:
    """The file with its edits made; raises for every reason not to write it."""
    module, path, data = file.module, file.path, file.module.data
    for error in edits.failed.values():
        raise error
    tree = module.tree
    if "\f" in tree.default_indent:
        raise NotWhatWeMeant("its blocks are indented with form feeds; take these out, then run it again")
    if edits.nodes():
        tree = rebuilt(tree, paths_to(edits.nodes(), module.index), partial(_applied, edits))
        tree = add_imports(tree, file.wanted, file.early)
        tree, _ = drop_unused(module, tree, imported_elsewhere(file.project, path))
        tree = fold_long_imports(tree, file.wanted)
    for rule, finisher in finishers:
        tree = _finished(tree, rule, list(finisher(tree, file)), file, edits)
    if tree is module.tree:
        return FileResult(path, findings=tuple(edits.findings))
    try:
        after = printed(module, tree, edits.removed)
    except NotGivenBack as error:
        raise NotWhatWeMeant("LibCST does not give it back as it was (an odd continuation line?)") from error
    if after == data:
        return FileResult(path, findings=tuple(edits.findings))
    touches = [*edits.touches, *import_touches(module, tree)]
    taken = _comments_taken(file, edits)
    left_out = lines_of([_lines(module, node) for node in edits.without])
    check(module, after, touches)
    check_comments(module, after, touches, left_out.union(taken))
    entries = account(module, touches, {path: after.decode(tree.encoding)}, taken)
    return FileResult(path, FileChange(path, data, after), tuple(edits.findings), tuple(entries), tree=tree)


def _lines(module: Module, node: cst.CSTNode) -> tuple[int, int]:
    """First and last line of a node and of the comments above it that are its own."""
    span = module.span(node)
    return span.line - len(getattr(node, "leading_lines", ())), span.end_line


def _finished(tree: cst.Module, rule: Rule, leftovers: list[Leftover], file: File, edits: _Edits) -> cst.Module:
    """The last phase, with its findings: they speak of the finished file's statements at their old places."""
    leftovers = one_marker_a_line(leftovers)
    for item in leftovers:
        statement = next(
            (n for n in file.module.index.of(type(item.statement)) if _imports(n, item.alias)), file.module.tree
        )
        span = file.module.span(statement)
        action = Action.TODO if item.used else Action.REMOVED
        place = Place(file.path, span.line, span.end_line)
        edits.findings.append(Finding(rule.id, action, place, item.message, span.column))
    return without_leftovers(tree, rule.id, leftovers)


def _imports(statement: cst.CSTNode, alias: cst.ImportAlias) -> bool:
    names = getattr(statement, "names", ())
    return not isinstance(names, cst.ImportStar) and any(
        n is alias or dotted(n.name) == dotted(alias.name) for n in names
    )


def _collect(file: File, rules: Iterable[Rule]) -> _Edits:
    edits = _Edits()
    for rule in rules:
        try:
            for kind, handler, among in rule.handlers:
                for node in among(file.module, kind):
                    for change in handler(node, file):
                        _add(edits, file, rule, change)
        except Exception as error:
            edits.failed[rule.id] = error
    return edits


def _add(edits: _Edits, file: File, rule: Rule, change: Change) -> None:
    statement = file.statement(change.node)
    off = ignored_rules(statement)
    if off is not None and ("*" in off or rule.id in off):
        return
    span = file.module.span(change.node)
    if (rule.id, span.line) in file.declined:
        return
    place = Place(file.path, span.line, span.end_line)
    if isinstance(change, Note):
        edits.findings.append(Finding(rule.id, Action.NOTE, place, change.message, span.column))
        return
    if isinstance(change, Todo):
        edits.findings.append(Finding(rule.id, Action.TODO, place, change.message, span.column))
        lines = marker_lines(rule.id, _writable(change.message, file.module.tree.encoding))
        if not has_marker(statement, rule.id, file.module.tree) and not _is_there(
            lines, edits.markers.get(statement, ())
        ):
            edits.markers.setdefault(statement, []).extend((change.node, line) for line in lines)
            edits.touches.append(Touch(statement, Fate.MARKER, rule.id, change.message, whole=False))
        return
    if isinstance(change, Remove):
        node = _whole_line(file, change.node)
        edits.removed[node] = edits.removed.get(node, False) or change.with_comments
        edits.comments.update(change.comments)
        edits.findings.append(Finding(rule.id, Action.REMOVED, place, change.message, span.column))
        edits.touches.append(Touch(node, Fate.REMOVED, rule.id, change.message, whole=True))
        if isinstance(node, cst.BaseSmallStatement):
            # Others share its line.
            edits.touches.append(Touch(_unit(file, node), Fate.REWRITTEN, rule.id, change.message, whole=False))
        return
    edits.of.setdefault(change.node, []).append(change.apply)
    edits.without.extend(change.without)
    edits.findings.append(Finding(rule.id, change.action, place, change.message, span.column))
    fate = {Action.REMOVED: Fate.REMOVED, Action.MOVED: Fate.MOVED}.get(change.action, Fate.REWRITTEN)
    if isinstance(change, Replace):
        edits.touches.append(Touch(change.node, fate, rule.id, change.message, whole=True))
    edits.touches.append(Touch(_unit(file, change.node), fate, rule.id, change.message, whole=False))


def _writable(message: str, encoding: str) -> str:
    """The message in the file's own encoding, which may have no `…`."""
    try:
        message.encode(encoding)
    except UnicodeEncodeError:
        return message.replace("…", "...").encode(encoding, "replace").decode(encoding)
    return message


def _is_there(lines: Sequence[cst.EmptyLine], markers: Sequence[Marker]) -> bool:
    """Whether the same marker was left at the same statement already (for another node in it)."""
    texts = [line.comment.value for _, line in markers if line.comment is not None]
    wanted = [line.comment.value for line in lines if line.comment is not None]
    return any(texts[i : i + len(wanted)] == wanted for i in range(len(texts)))


def _unit(file: File, node: cst.CSTNode) -> cst.CSTNode:
    """The ledger's unit that `node` belongs to: its line, or the header of its compound statement."""
    kinds = (cst.SimpleStatementLine, cst.BaseCompoundStatement, cst.Else, cst.ExceptHandler, cst.Finally)
    if isinstance(node, kinds):
        return node
    return file.module.index.enclosing(node, *kinds) or node


def _whole_line(file: File, node: cst.CSTNode) -> cst.CSTNode:
    """A small statement that is alone on its line stands for the line."""
    parent = file.parent(node)
    if isinstance(parent, cst.SimpleStatementLine) and len(parent.body) == 1:
        return parent
    return node


def _applied(edits: _Edits, original: cst.CSTNode, updated: Any) -> Any:
    """What comes in a node's place; `updated`: what the edits below it have made of it."""
    if original in edits.removed:
        return _removed(original, updated, edits.removed[original], edits.comments)
    for apply in edits.of.get(original, ()):
        if isinstance(updated, cst.RemovalSentinel):
            break
        updated = _within(original, updated, apply)
    lines = edits.markers.get(original)
    if lines:
        updated = marked(original, updated, lines)
    if isinstance(updated, type(original)) and isinstance(original, _LINES):
        updated = _without_last_semicolon(original, updated)
    if isinstance(updated, cst.SimpleStatementLine) and not updated.body:
        # Each small statement of the line was removed by itself.
        updated = gap(updated.leading_lines)
    if isinstance(updated, (cst.IndentedBlock, cst.Module)):
        updated = close_gaps(updated)
    return updated


#: What small statements stand in.
_LINES = (cst.SimpleStatementLine, cst.SimpleStatementSuite)


def _within(original: cst.CSTNode, updated: Any, apply: Any) -> Any:
    """`apply` of the node; when an edit before it put others beside the node, of the node among them."""
    if not isinstance(updated, cst.FlattenSentinel):
        return apply(updated)
    nodes = list(updated.nodes)
    alike = [i for i, node in enumerate(nodes) if type(node) is type(original)]
    at = next((i for i in alike if _name_of(nodes[i]) == _name_of(original)), alike[0] if alike else None)
    if at is None:
        return updated
    changed = apply(nodes[at])
    beside = list(changed.nodes) if isinstance(changed, cst.FlattenSentinel) else [changed]
    return cst.FlattenSentinel([*nodes[:at], *beside, *nodes[at + 1 :]])


def _name_of(node: cst.CSTNode) -> str:
    """What tells a class or function from others that were put beside it."""
    return node.name.value if isinstance(node, (cst.ClassDef, cst.FunctionDef)) else ""


def _removed(original: cst.CSTNode, updated: Any, with_comments: bool, taken: set[cst.CSTNode]) -> Any:
    if isinstance(original, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
        if with_comments:
            return gap()
        comments = [line for line in updated.leading_lines if line not in taken]
        trailing = getattr(updated, "trailing_whitespace", None)
        if trailing is not None and trailing.comment is not None and trailing.comment not in taken:
            comments.append(cst.EmptyLine(comment=trailing.comment))
        return gap(comments)
    return cst.RemoveFromParent()


def _without_last_semicolon(original: Any, updated: Any) -> Any:
    """When the last small statement of a line is gone, the one before it ends the line as that did."""
    if not updated.body or len(updated.body) == len(original.body):
        return updated
    last = updated.body[-1].with_changes(semicolon=original.body[-1].semicolon)
    return updated.with_changes(body=[*updated.body[:-1], last])


def _comments_taken(file: File, edits: _Edits) -> dict[int, Touch]:
    """The comment lines above statements that were removed with their comments → that removal."""
    by = {t.node: t for t in edits.touches if t.fate is Fate.REMOVED}
    lines: dict[int, Touch] = {}
    for node, with_comments in edits.removed.items():
        leading = getattr(node, "leading_lines", ())
        if leading and node in by and (with_comments or any(line in edits.comments for line in leading)):
            for number, line in enumerate(leading, file.module.first_line(node) - len(leading)):
                if line.comment is not None and (with_comments or line in edits.comments):
                    lines[number] = by[node]
    return lines

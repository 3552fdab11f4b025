"""Import edits, applied once per file after all rules: add what is wanted, drop what lost its last use."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import takewhile
from typing import cast

import libcst as cst

from lk_migrate.facts.imports import dotted, referenced_names
from lk_migrate.facts.module import Module
from lk_migrate.facts.walk import statements
from lk_migrate.rewrite.blocks import around, close_gaps, gap
from lk_migrate.rewrite.import_homes import exchanged, home_of, imports_of
from lk_migrate.rewrite.markers import parted

#: As wide as an import that was extended may be: what most projects' formatters allow at the most.
_WIDTH = 100


def add_imports(tree: cst.Module, wanted: Mapping[str, str], early: Collection[str] = ()) -> cst.Module:
    """`wanted`: full dotted target → local name. Extends a `from … import …` at module level, or adds one.

    A new statement goes after the imports that open the file, never between `__future__` imports; inside a `try` or a
    function only where the file imports nothing of that package elsewhere (import_homes.py), and none of `early`.
    """
    for target, local in sorted(wanted.items(), key=lambda item: item[0] not in early):
        module, _, name = target.rpartition(".")
        home = home_of(tree, (module or name).partition(".")[0], local) if target not in early else None
        if home is not None:
            tree = exchanged(tree, home, home.with_changes(body=_beside(home, module, name, local)))
            continue
        extended = _extended(tree.body, module, name, local)
        tree = tree.with_changes(body=extended) if extended else _with_new_import(tree, module, name, local)
    return tree


def _beside(block: cst.IndentedBlock, module: str, name: str, local: str) -> Sequence[cst.BaseStatement]:
    """The block's lines with the import: in one that it has of the module, else after the first of the package."""
    if _is_imported(block, module, name, local):
        return block.body
    at = imports_of(block, (module or name).partition(".")[0])[0] + 1
    line = cst.SimpleStatementLine(body=[_import(module, name, local)])
    return _extended(block.body, module, name, local) or [*block.body[:at], line, *block.body[at:]]


def _is_imported(block: cst.IndentedBlock, module: str, name: str, local: str) -> bool:
    """Whether a line of the block imports `name` of `module` (the module `name`, without one) as `local`."""
    small = (each for line in block.body if isinstance(line, cst.SimpleStatementLine) for each in line.body)
    if module:
        of_it = (s for s in small if isinstance(s, cst.ImportFrom) and not s.relative and dotted(s.module) == module)
        names = [a for s in of_it if not isinstance(s.names, cst.ImportStar) for a in s.names]
    else:
        names = [a for s in small if isinstance(s, cst.Import) for a in s.names]
    return any(dotted(alias.name) == name and _local(alias) == local for alias in names)


def fold_long_imports(tree: cst.Module, wanted: Mapping[str, str]) -> cst.Module:
    """The imports that `add_imports` extended, with a name a line where they no longer fit into one."""
    return tree.with_changes(body=[_folded(line, wanted, tree.default_indent) for line in tree.body])


def _folded(line: cst.BaseStatement, wanted: Mapping[str, str], indent: str) -> cst.BaseStatement:
    """An import of something `wanted` that no longer fits into a line, with a name a line."""
    small = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
    if not isinstance(small, cst.ImportFrom) or isinstance(small.names, cst.ImportStar) or small.lpar is not None:
        return line
    if small.relative or not any(f"{dotted(small.module)}.{dotted(a.name)}" in wanted for a in small.names):
        return line
    text = cst.Module([]).code_for_node(small)
    if len(text) <= _WIDTH or "\n" in text:
        return line
    each = cst.Comma(whitespace_after=_new_line(cst.SimpleWhitespace(indent)))
    names = [alias.with_changes(comma=each) for alias in small.names[:-1]]
    last = small.names[-1].with_changes(comma=cst.Comma())
    brackets = {
        "lpar": cst.LeftParen(whitespace_after=_new_line(cst.SimpleWhitespace(indent))),
        "rpar": cst.RightParen(whitespace_before=_new_line(cst.SimpleWhitespace(""))),
    }
    return line.with_changes(body=[small.with_changes(names=[*names, last], **brackets)])


def _new_line(indent: cst.SimpleWhitespace) -> cst.ParenthesizedWhitespace:
    return cst.ParenthesizedWhitespace(last_line=indent)


def _alias(name: str, local: str) -> cst.ImportAlias:
    return cst.ImportAlias(name=cst.Name(name), asname=None if local == name else cst.AsName(name=cst.Name(local)))


def _extended(lines: Sequence[cst.BaseStatement], module: str, name: str, local: str) -> list[cst.BaseStatement] | None:
    """The lines with the alias added to a `from module import …` among them, None if there is none."""
    for i, line in enumerate(lines):
        if not isinstance(line, cst.SimpleStatementLine):
            continue
        for j, small in enumerate(line.body):
            if (
                isinstance(small, cst.ImportFrom)
                and not small.relative
                and dotted(small.module) == module
                and not isinstance(small.names, cst.ImportStar)
            ):
                bigger = small.with_changes(names=_insert_alias(list(small.names), _alias(name, local)))
                small_body = [*line.body[:j], bigger, *line.body[j + 1 :]]
                return [*lines[:i], line.with_changes(body=small_body), *lines[i + 1 :]]
    return None


def _insert_alias(names: list[cst.ImportAlias], new: cst.ImportAlias) -> list[cst.ImportAlias]:
    """In order if the list is in order, else last; commas and line breaks as their neighbours have them."""
    keys = [_key(a) for a in names]
    position = len(names)
    if keys == sorted(keys):
        position = next((i for i, k in enumerate(keys) if k > _key(new)), len(names))
    if position < len(names):
        comma = names[position].comma
        if not isinstance(comma, cst.Comma):
            comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        elif names[0].comma is not cst.MaybeSentinel.DEFAULT:
            comma = names[0].comma
        return [*names[:position], new.with_changes(comma=_bare(comma)), *names[position:]]
    last = names[-1]
    separator = names[-2].comma if len(names) > 1 else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    if not isinstance(separator, cst.Comma):
        separator = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    if isinstance(last.comma, cst.Comma):
        # A trailing comma: the new last one takes it, with the line break before the closing bracket.
        return [
            *names[:-1],
            last.with_changes(comma=_inner(last.comma, separator)),
            new.with_changes(comma=_bare(last.comma)),
        ]
    return [*names[:-1], last.with_changes(comma=_bare(separator)), new]


def _key(alias: cst.ImportAlias) -> tuple[int, str]:
    """isort's order within a statement: constants, classes, then functions."""
    name = dotted(alias.name) or ""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower()


def _bare(comma: cst.Comma) -> cst.Comma:
    """The comma without a comment of its neighbour."""
    after = comma.whitespace_after
    if isinstance(after, cst.ParenthesizedWhitespace):
        after = after.with_changes(
            first_line=after.first_line.with_changes(comment=None, whitespace=cst.SimpleWhitespace("")),
            empty_lines=[],
        )
    return comma.with_changes(whitespace_after=after)


def _inner(last: cst.Comma, separator: cst.Comma) -> cst.Comma:
    """A closing comma turned into one between two names; its own trailing comment stays."""
    after, pattern = last.whitespace_after, separator.whitespace_after
    if isinstance(after, cst.ParenthesizedWhitespace):
        if isinstance(pattern, cst.ParenthesizedWhitespace):
            return last.with_changes(
                whitespace_after=after.with_changes(indent=pattern.indent, last_line=pattern.last_line)
            )
        return last.with_changes(whitespace_after=after.with_changes(last_line=cst.SimpleWhitespace("    ")))
    return _bare(separator)


def _import(module: str, name: str, local: str) -> cst.Import | cst.ImportFrom:
    names = [_alias(name, local)]
    return cst.ImportFrom(module=_dotted_node(module), names=names) if module else cst.Import(names=names)


def _with_new_import(tree: cst.Module, module: str, name: str, local: str) -> cst.Module:
    statement = _import(module, name, local)
    line = cst.SimpleStatementLine(body=[statement])
    at = _import_position(tree, (module or name).partition(".")[0])
    body = list(tree.body)
    sorted_at = _sorted_position(body, at, statement)
    if sorted_at < at:
        after = cast(cst.SimpleStatementLine, body[sorted_at])
        opens = bool(after.leading_lines) and all(line.comment is None for line in after.leading_lines)
        if opens or not after.leading_lines:
            # The blank lines that open a group stay above it.
            body[sorted_at] = after.with_changes(leading_lines=[])
            body.insert(sorted_at, line.with_changes(leading_lines=after.leading_lines))
            return tree.with_changes(body=body)
    header, marked = parted(tree.header)
    if at == 0 and body and (marked or not header):
        # The first statement's leading lines may hold the file's licence: they stay on top, but for our markers.
        first = body[0]
        lines, markers = parted(getattr(first, "leading_lines", ()))
        body[0] = first.with_changes(leading_lines=[cst.EmptyLine(indent=False), *marked, *markers])
        return tree.with_changes(header=header, body=[line.with_changes(leading_lines=lines), *body])
    if at > 0 and (at == _docstring_end(tree) or _opens_a_group(body, at, statement)):
        line = line.with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    return tree.with_changes(body=[*body[:at], line, *body[at:]])


def _opens_a_group(body: Sequence[cst.BaseStatement], at: int, new: cst.Import | cst.ImportFrom) -> bool:
    """Whether `new` is the first import of a package after those of the standard library, in a file that parts them."""
    unparted = at < len(body) and any(_is_import(body[at], rank) for rank in (1, 2)) and not _is_group_start(body[at])
    return _import_rank(new) == 1 and _is_import(body[at - 1], 0) and not unparted


def _sorted_position(body: Sequence[cst.BaseStatement], at: int, new: cst.Import | cst.ImportFrom) -> int:
    """Where `new` stands among the imports of its kind that end at `at`, if these are in isort's order; else `at`."""
    rank = _import_rank(new)
    begin = at
    while begin > 0 and _is_import(body[begin - 1], rank) and not (begin < at and _is_group_start(body[begin])):
        begin -= 1
    keys = [_line_key(cast(cst.SimpleStatementLine, line).body[0]) for line in body[begin:at]]
    if keys != sorted(keys):
        return at
    return next((begin + i for i, key in enumerate(keys) if key > _line_key(new)), at)


def _is_import(statement: cst.BaseStatement, rank: int) -> bool:
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    small = statement.body[0]
    if isinstance(small, cst.ImportFrom) and dotted(small.module) == "__future__":
        return False  # nothing may stand before it, whatever the order
    return isinstance(small, (cst.Import, cst.ImportFrom)) and _import_rank(small) == rank


def is_import_line(statement: cst.CSTNode) -> bool:
    """A line of nothing but imports."""
    return isinstance(statement, cst.SimpleStatementLine) and all(
        isinstance(small, (cst.Import, cst.ImportFrom)) for small in statement.body
    )


def _is_group_start(statement: cst.BaseStatement) -> bool:
    return bool(getattr(statement, "leading_lines", ()))


def _line_key(statement: cst.BaseSmallStatement) -> tuple[bool, str]:
    """`import x` before `from x import y`, each by module."""
    if isinstance(statement, cst.ImportFrom):
        return True, (dotted(statement.module) or "").lower() if statement.module is not None else ""
    names = cast(cst.Import, statement).names
    return False, (dotted(names[0].name) or "").lower()


def _dotted_node(name: str) -> cst.Name | cst.Attribute:
    head, *rest = name.split(".")
    node: cst.Name | cst.Attribute = cst.Name(head)
    for part in rest:
        node = cst.Attribute(value=node, attr=cst.Name(part))
    return node


def _docstring_end(tree: cst.Module) -> int:
    first = tree.body[0] if tree.body else None
    expression = first.body[0] if isinstance(first, cst.SimpleStatementLine) and first.body else None
    is_text = isinstance(expression, cst.Expr) and isinstance(
        expression.value, (cst.SimpleString, cst.ConcatenatedString)
    )
    return 1 if is_text else 0


def _import_position(tree: cst.Module, package: str) -> int:
    """After the last import of its kind before the first function or class; after the docstring when there is none.

    Standard library first, then packages, then relative imports: where the file has them in that order already. Else
    the standard library goes to what the file opens with of it.
    """
    end = _docstring_end(tree)
    positions = dict.fromkeys((0, 1, 2), end)
    order: list[int] = []
    if _package_rank(package) == 0:
        opening = list(takewhile(is_import_line, tree.body[end:]))
        library = [i for i, statement in enumerate(opening, end + 1) if _is_import(statement, 0)]
        if library:
            return library[-1]
    beside = None  # the last import of the same distribution: what follows may be the project's own
    for i, statement in enumerate(tree.body):
        if isinstance(statement, (cst.ClassDef, cst.FunctionDef)):
            break
        for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
            if isinstance(small, (cst.Import, cst.ImportFrom)):
                order.append(_import_rank(small))
                positions.update(dict.fromkeys(range(order[-1], 3), i + 1))
                if order[-1] == 1 and _line_key(small)[1].split(".")[0] == package.split(".")[0]:
                    beside = i + 1
    if beside is not None:
        return beside
    return positions[_package_rank(package)] if order == sorted(order) else positions[2]


def _import_rank(statement: cst.Import | cst.ImportFrom) -> int:
    if isinstance(statement, cst.ImportFrom):
        return 2 if statement.relative else _package_rank((dotted(statement.module) or "").partition(".")[0])
    return _package_rank((dotted(statement.names[0].name) or "").partition(".")[0])


def _package_rank(package: str) -> int:
    return 0 if package in sys.stdlib_module_names else 1


def drop_unused(before: Module, after: cst.Module, keep: frozenset[str] = frozenset()) -> tuple[cst.Module, list[str]]:
    """Take out of `after` the imported names that `before` used and `after` no longer does.

    `keep`: names that other files import from here, or that `__all__` lists. Names that were unused before
    are not ours to judge. Returns the tree and the names taken out.
    """
    found: list[cst.Import | cst.ImportFrom] = list(statements(after, cst.Import, cst.ImportFrom))
    imported = {local for node in found for local in _locals(node)} - keep
    if not imported:
        return after, []
    used_before, used_after = before.references, referenced_names(after, before.references)
    lost = {n for n in imported if not used_after.get(n)}.intersection(used_before.words)
    if not lost:
        return after, []
    editor = _Dropper(lost, around(after, lambda node: not lost.isdisjoint(_locals(node))))
    return after.visit(editor), sorted(editor.dropped)


def _locals(node: cst.CSTNode) -> list[str]:
    """What an import statement binds."""
    if type(node) is not cst.Import and type(node) is not cst.ImportFrom:
        return []
    if isinstance(node.names, cst.ImportStar):
        return []
    return [_local(alias) for alias in node.names]


def _local(alias: cst.ImportAlias) -> str:
    return (dotted(alias.asname.name) if alias.asname else (dotted(alias.name) or "").split(".")[0]) or ""


class _Dropper(cst.CSTTransformer):
    """Removes import aliases whose local name is in `lost`; statements that become empty leave a gap."""

    def __init__(self, lost: set[str], around: set[cst.CSTNode]) -> None:
        super().__init__()
        self.lost = lost
        self.around = around
        self.dropped: Counter[str] = Counter()

    def on_visit(self, node: cst.CSTNode) -> bool:
        return node in self.around

    def _kept(self, names: list[cst.ImportAlias]) -> list[cst.ImportAlias]:
        kept = []
        for alias in names:
            local = _local(alias)
            if local in self.lost:
                self.dropped[local] += 1
            else:
                kept.append(alias)
        if kept and kept[-1] is not names[-1]:
            kept[-1] = kept[-1].with_changes(comma=names[-1].comma)
        return kept

    def leave_Import(self, original_node: cst.Import, updated_node: cst.Import) -> cst.Import | cst.RemovalSentinel:
        kept = self._kept(list(updated_node.names))
        return updated_node.with_changes(names=kept) if kept else cst.RemoveFromParent()

    def leave_ImportFrom(
        self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom
    ) -> cst.ImportFrom | cst.RemovalSentinel:
        if isinstance(updated_node.names, cst.ImportStar) or dotted(updated_node.module) == "__future__":
            return updated_node
        kept = self._kept(list(updated_node.names))
        return updated_node.with_changes(names=kept) if kept else cst.RemoveFromParent()

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine:
        return updated_node if updated_node.body else gap(updated_node.leading_lines)

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> cst.BaseSuite:
        return cast(cst.IndentedBlock, close_gaps(updated_node))

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        return cast(cst.Module, close_gaps(updated_node))

"""What the names of a module stand for: a small, file-local import table.

Absolute and relative imports, aliases, imports inside functions and `try` blocks. It replaces LibCST's
QualifiedNameProvider, which is slow to pathological on real files (docs/architecture.md).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import libcst as cst

from lk_migrate.facts.walk import Index, children, is_block, own_scope

Scope = cst.FunctionDef | cst.Lambda | cst.ClassDef | cst.Module

_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class ImportedName:
    """`local` is bound to `target` by `statement`. `alias` is None for a star import (`local` is "*")."""

    local: str
    target: str
    statement: cst.Import | cst.ImportFrom
    alias: cst.ImportAlias | None
    scope: Scope


def dotted(node: cst.CSTNode | None) -> str | None:
    """`a.b.c` for a chain of names, None for anything else."""
    if type(node) is cst.Name:
        return node.value
    if type(node) is cst.Attribute:
        base = dotted(node.value)
        return None if base is None else f"{base}.{node.attr.value}"
    return None


def from_module(node: cst.ImportFrom, package: str) -> str:
    """The absolute dotted name of the module that `node` imports from; `package` is the importer's package."""
    base = dotted(node.module) or ""
    if not node.relative:
        return base
    parts = package.split(".") if package else []
    up = len(node.relative) - 1
    parts = parts[: len(parts) - up] if up else parts
    return ".".join([*parts, base] if base else parts)


def imported_names(index: Index, package: str) -> list[ImportedName]:
    """Every name that an import statement of the module binds, in source order."""
    found: list[ImportedName] = []

    for plain in index.of(cst.Import):
        scope = cast(Scope, index.scope(plain))
        for alias in plain.names:
            target = dotted(alias.name) or ""
            if alias.asname is not None:
                found.append(ImportedName(dotted(alias.asname.name) or "", target, plain, alias, scope))
            else:
                head = target.split(".")[0]
                found.append(ImportedName(head, head, plain, alias, scope))
    for statement in index.of(cst.ImportFrom):
        scope = cast(Scope, index.scope(statement))
        base = from_module(statement, package)
        if isinstance(statement.names, cst.ImportStar):
            found.append(ImportedName("*", base, statement, None, scope))
            continue
        for alias in statement.names:
            name = dotted(alias.name) or ""
            local = dotted(alias.asname.name) if alias.asname else name
            target = f"{base}.{name}" if base else name
            found.append(ImportedName(local or name, target, statement, alias, scope))
    return found


_NAMED = frozenset({cst.Param, cst.FunctionDef, cst.ClassDef})
_WITH_TARGET = frozenset({cst.AssignTarget, cst.For, cst.CompFor, cst.AnnAssign, cst.AugAssign, cst.NamedExpr})
_CAPTURES = frozenset({cst.MatchAs, cst.MatchStar, cst.MatchMapping})
_OUTER = frozenset({cst.Global, cst.Nonlocal})


def bound_names(scope: cst.CSTNode) -> frozenset[str]:
    """Names that a function, lambda or class body binds itself (parameters, targets, definitions), imports left out."""
    return names_bound_by(own_scope(scope))


def names_bound_by(nodes: Iterable[cst.CSTNode]) -> frozenset[str]:
    """The same, of the nodes that stand in the scope itself."""
    names: set[str] = set()
    outer: set[str] = set()
    for node in nodes:
        kind = type(node)  # every node of a scope comes by here: `isinstance` of LibCST's types is slow
        if kind in _NAMED:
            names.add(node.name.value)  # type: ignore[attr-defined]
        elif kind in _WITH_TARGET:
            names |= target_names(node.target)  # type: ignore[attr-defined]
        elif kind is cst.AsName:
            names |= target_names(node.name)  # type: ignore[attr-defined]
        elif kind in _CAPTURES:
            captured = node.rest if kind is cst.MatchMapping else node.name  # type: ignore[attr-defined]
            names |= target_names(captured) if captured is not None else set()
        elif kind in _OUTER:
            outer |= {item.name.value for item in node.names}  # type: ignore[attr-defined]
    return frozenset(names - outer)


def target_names(target: cst.CSTNode) -> set[str]:
    """The plain names that an assignment target binds (`a, (b, *c)`); attributes and subscripts bind none."""
    if type(target) is cst.Name:
        return {target.value}
    if type(target) is cst.Tuple or type(target) is cst.List:
        return set().union(*(target_names(e.value) for e in target.elements)) if target.elements else set()
    return set()


@dataclass(frozen=True)
class References:
    """`words`: the plain names in use in a tree, as `referenced_names` counts them; `at`: their places in its index."""

    index: Index
    at: list[int]
    words: list[str]

    def below(self, node: cst.CSTNode) -> list[str] | None:
        """Those below a node of the tree, None for any other node."""
        number = self.index.at.get(id(node))
        if number is None:
            return None
        return self.words[bisect_left(self.at, number) : bisect_left(self.at, self.index.ends[number])]


def references(index: Index) -> References:
    """The names of a whole tree in one pass over its nodes."""
    at: list[int] = []
    words: list[str] = []
    own: set[int] = set()  # the names of attributes, keywords and definitions: they refer to nothing in this module
    ignored = quoted = 0  # up to which node
    for number, node in enumerate(index.nodes):
        if number < ignored:
            continue
        kind = type(node)  # every node of the file: see `bound_names`
        if kind is cst.Name:
            if id(node) not in own:
                at.append(number)
                words.append(node.value)  # type: ignore[attr-defined]
        elif kind is cst.Attribute:
            own.add(id(node.attr))  # type: ignore[attr-defined]
        elif kind is cst.Arg:
            own.add(id(node.keyword))  # type: ignore[attr-defined]
        elif kind is cst.ClassDef or kind is cst.FunctionDef:
            own.add(id(node.name))  # type: ignore[attr-defined]
        elif kind is cst.SimpleString:
            if number < quoted:
                found = _WORD.findall(node.value)  # type: ignore[attr-defined]
                at += [number] * len(found)
                words += found
        elif kind is cst.Annotation:
            quoted = max(quoted, index.ends[number])
        elif kind is cst.Import or kind is cst.ImportFrom:
            ignored = index.ends[number]
    return References(index, at, words)


def referenced_names(tree: cst.CSTNode, known: References | None = None) -> Counter[str]:
    """How often each plain name is used below `tree`, import statements left out.

    Words of string annotations count too: `"Assistant | None"` keeps an import alive. `known`: of the tree from which
    this one was made; the statements that both share are not walked again.
    """
    counts: Counter[str] = Counter()
    stack: list[tuple[cst.CSTNode, bool]] = [(tree, False)]
    while stack:
        node, quoted = stack.pop()
        kind = type(node)  # every node of the file: see `bound_names`
        if kind is cst.Name:
            counts[node.value] += 1  # type: ignore[attr-defined]
        elif kind is cst.Attribute or kind is cst.Arg:
            # The attribute's or keyword's own name refers to nothing in this module.
            stack.append((node.value, quoted))  # type: ignore[attr-defined]
        elif kind is cst.SimpleString:
            if quoted:
                counts.update(_WORD.findall(node.value))  # type: ignore[attr-defined]
        elif kind is not cst.Import and kind is not cst.ImportFrom:
            shared = known.below(node) if known is not None and is_block(node) else None
            if shared is not None:
                counts.update(shared)
                continue
            inside = quoted or kind is cst.Annotation
            defined = node.name if kind is cst.ClassDef or kind is cst.FunctionDef else None  # type: ignore[attr-defined]
            for child in children(node):
                if child is not defined:
                    stack.append((child, inside))
    return counts

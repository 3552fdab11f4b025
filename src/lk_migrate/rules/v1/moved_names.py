"""Names that moved: the answer that several rules give for a class that has another name or address today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import libcst as cst

from lk_migrate.facts.framework import library_name
from lk_migrate.facts.importers import imported_elsewhere
from lk_migrate.facts.imports import dotted
from lk_migrate.rewrite.changes import Change, Remove, Replace, Rewrite
from lk_migrate.rewrite.file import File


def is_reference(node: cst.Name | cst.Attribute, file: File) -> bool:
    """Whether `node` uses a name (and is no import, keyword, parameter, target, or part of a longer chain)."""
    parent = file.parent(node)
    if isinstance(parent, (cst.ImportAlias, cst.ImportFrom, cst.Attribute, cst.AssignTarget, cst.AsName)):
        return isinstance(parent, cst.Attribute) and parent.value is node  # `WorkerOptions.__init__`
    if isinstance(parent, (cst.Arg, cst.Param)) and getattr(parent, "keyword", getattr(parent, "name", None)) is node:
        return False
    return not isinstance(parent, (cst.FunctionDef, cst.ClassDef)) or parent.name is not node


def old_name(node: cst.Name | cst.Attribute, file: File, moved: Mapping[str, str]) -> str | None:
    """The full old name that `node` stands for, if it is one of `moved`. Cheap for names that are none."""
    text = dotted(node) if file.module.may_be_foreign(node) else None
    if text is None:
        return None
    lasts = {old.rpartition(".")[2] for old in moved}
    if text.rpartition(".")[2] not in lasts and not any(
        i.local == text and i.target.rpartition(".")[2] in lasts for i in file.module.imports
    ):
        return None
    name = library_name(file.project, file.module, node)
    return name if name in moved else None


def replaced(node: cst.Name | cst.Attribute, file: File, moved: Mapping[str, str]) -> Iterator[Change]:
    """`node` spelled with its new address."""
    old = old_name(node, file, moved)
    if old is None or not is_reference(node, file):
        return
    spelling = file.use(moved[old])
    last = old.rpartition(".")[2]
    yield Replace(node, lambda _: cst.parse_expression(spelling), f"`{last}` is now `{spelling}`")


def unused_import(node: cst.ImportFrom, file: File, moved: Mapping[str, str]) -> Iterator[Change]:
    """An old name's import that nothing uses, here or elsewhere, goes; the others of its statement stay."""
    if isinstance(node.names, cst.ImportStar):
        return
    gone = [i for i in file.module.imports if i.statement is node and i.target in moved]
    unused = [i for i in gone if i.local not in file.module.references.words]
    kept = imported_elsewhere(file.project, file.path) if unused else ()
    unused = [i for i in unused if i.local not in kept]
    if not unused:
        return
    if len(unused) == len(node.names):
        yield Remove(node, "an import of an old name, unused")
        return
    names = [dotted(i.alias.name) for i in unused if i.alias is not None]
    yield Rewrite(node, lambda updated: _without(updated, names), "an import of an old name, unused")


def _without(node: cst.ImportFrom, names: list[str | None]) -> cst.ImportFrom:
    assert not isinstance(node.names, cst.ImportStar)
    kept = [a for a in node.names if dotted(a.name) not in names]
    kept[-1] = kept[-1].with_changes(comma=node.names[-1].comma)
    return node.with_changes(names=kept)

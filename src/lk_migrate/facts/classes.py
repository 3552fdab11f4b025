"""Classes across files: what a class derives from, and what derives from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project, Symbol

_HEADER = re.compile(rb"class\s+(\w+)\s*\(([^)]*)\)")
_WORD = re.compile(rb"\w+")


@dataclass(frozen=True)
class ClassRef:
    """A class of the project and the file that it stands in."""

    module: Module
    node: cst.ClassDef

    @property
    def name(self) -> str:
        return self.node.name.value


@dataclass(frozen=True)
class ClassTable:
    """Classes that may matter, by node: their bases (a class of the project, or a dotted name) and subclasses."""

    refs: dict[cst.ClassDef, ClassRef]
    bases: dict[cst.ClassDef, tuple[ClassRef | str, ...]]
    subclasses: dict[cst.ClassDef, tuple[ClassRef, ...]]

    def ancestors(self, ref: ClassRef) -> tuple[ClassRef, ...]:
        """The project's own classes above `ref`, nearest first, each once."""
        found: list[ClassRef] = []
        queue = list(self.bases.get(ref.node, ()))
        while queue:
            base = queue.pop(0)
            if isinstance(base, ClassRef) and base not in found and base.node is not ref.node:
                found.append(base)
                queue.extend(self.bases.get(base.node, ()))
        return tuple(found)

    def descendants(self, ref: ClassRef) -> tuple[ClassRef, ...]:
        """The project's classes below `ref`, each once."""
        found: list[ClassRef] = []
        queue = list(self.subclasses.get(ref.node, ()))
        while queue:
            sub = queue.pop(0)
            if sub not in found and sub.node is not ref.node:
                found.append(sub)
                queue.extend(self.subclasses.get(sub.node, ()))
        return tuple(found)

    def library_bases(self, ref: ClassRef) -> frozenset[str]:
        """The dotted names of all bases outside the project, the own ancestors' included."""
        names: set[str] = set()
        for each in (ref, *self.ancestors(ref)):
            names.update(b for b in self.bases.get(each.node, ()) if isinstance(b, str))
        return frozenset(names)


def class_bases(project: Project, ref: ClassRef) -> tuple[ClassRef | str, ...]:
    """The bases in order; subscripts (`Generic[T]`) count as what they subscribe."""
    found: list[ClassRef | str] = []
    for arg in ref.node.bases:
        expression = arg.value.value if isinstance(arg.value, cst.Subscript) else arg.value
        symbol = project.resolve(ref.module, expression)
        if symbol is not None and symbol.module is ref.module and dotted(expression) == ref.name:
            base = _of_that_name_before(ref)
        else:
            base = symbol
        if base is not None and base.module is not None and isinstance(base.node, cst.ClassDef):
            found.append(ClassRef(base.module, base.node))
        else:
            found.append(symbol.name if symbol is not None else dotted(expression) or "?")
    return tuple(found)


def _of_that_name_before(ref: ClassRef) -> Symbol | None:
    """`class Base(Base)`: the class of the module that the name stood for until then."""
    index, found = ref.module.index, None
    for node in index.of(cst.ClassDef):
        if node is ref.node:
            break
        if node.name.value == ref.name and type(index.scopes[index.number(node)]) is cst.Module:
            found = Symbol(ref.name, ref.module, node)
    return found


def class_table(project: Project, seeds: Iterator[str]) -> ClassTable:
    """The classes of the `seeds` files, of the files that they derive from, and of those that derive from them."""
    refs: dict[cst.ClassDef, ClassRef] = {}
    bases: dict[cst.ClassDef, tuple[ClassRef | str, ...]] = {}
    read: set[str] = set()
    queue = list(seeds)
    while queue:
        path = queue.pop()
        if path not in read and (module := project.module(path)) is not None:
            for node in module.index.of(cst.ClassDef):
                ref = ClassRef(module, node)
                refs[node] = ref
                bases[node] = class_bases(project, ref)
                queue.extend(b.module.path for b in bases[node] if isinstance(b, ClassRef))
        read.add(path)
        if not queue:
            names = {ref.name.encode() for ref in refs.values()}
            headers = project.fact(class_headers)
            queue.extend(
                p for p, found in headers.items() if p not in read and any(words & names for _, words in found)
            )
    subclasses: dict[cst.ClassDef, list[ClassRef]] = {}
    for node, found in bases.items():
        for base in found:
            if isinstance(base, ClassRef):
                subclasses.setdefault(base.node, []).append(refs[node])
    return ClassTable(refs, bases, {node: tuple(subs) for node, subs in subclasses.items()})


def class_headers(project: Project) -> dict[str, list[tuple[bytes, set[bytes]]]]:
    """Path → its classes with bases, each with the words in its header's brackets, without parsing: use as a fact."""
    return {
        path: [(name, set(_WORD.findall(bases))) for name, bases in _HEADER.findall(data)]
        for path, data in project.files.items()
        if b"class " in data
    }


def methods(node: cst.ClassDef) -> list[cst.FunctionDef]:
    """The functions defined directly in the class body."""
    return [s for s in node.body.body if isinstance(s, cst.FunctionDef)]


def method(node: cst.ClassDef, name: str) -> cst.FunctionDef | None:
    """The last definition of `name` in the class body: the one that counts."""
    return next((m for m in reversed(methods(node)) if m.name.value == name), None)


def class_attributes(node: cst.ClassDef) -> dict[str, tuple[cst.SimpleStatementLine, cst.BaseExpression]]:
    """`name = value` in the class body: name → (its line, its value)."""
    found: dict[str, tuple[cst.SimpleStatementLine, cst.BaseExpression]] = {}
    for line in node.body.body:
        if not isinstance(line, cst.SimpleStatementLine):
            continue
        for small in line.body:
            if isinstance(small, cst.Assign):
                for target in small.targets:
                    if isinstance(target.target, cst.Name):
                        found[target.target.value] = (line, small.value)
            elif isinstance(small, cst.AnnAssign) and small.value is not None and isinstance(small.target, cst.Name):
                found[small.target.value] = (line, small.value)
    return found


def assigning(line: cst.SimpleStatementLine, name: str) -> cst.BaseSmallStatement:
    """The statement of a class body's line that binds `name`; others may stand on the line."""
    return next(
        small
        for small in line.body
        for target in (small.targets if isinstance(small, cst.Assign) else (small,))
        if isinstance(target, (cst.AssignTarget, cst.AnnAssign))
        and isinstance(target.target, cst.Name)
        and target.target.value == name
    )


def self_name(function: cst.FunctionDef) -> str | None:
    """What the method calls its instance; None for static and class methods."""
    kinds = {dotted(d.decorator) for d in function.decorators}
    if kinds & {"staticmethod", "classmethod"}:
        return None
    params = [*function.params.posonly_params, *function.params.params]
    return params[0].name.value if params else None


def is_self_attribute(node: cst.CSTNode, instance: str | None, name: str | None = None) -> bool:
    """Whether `node` is `self.<name>` (any attribute when `name` is None)."""
    return (
        instance is not None
        and isinstance(node, cst.Attribute)
        and isinstance(node.value, cst.Name)
        and node.value.value == instance
        and (name is None or node.attr.value == name)
    )


def is_super_init(call: cst.CSTNode) -> bool:
    """`super().__init__(…)` or `super(X, self).__init__(…)`."""
    return (
        isinstance(call, cst.Call)
        and isinstance(call.func, cst.Attribute)
        and call.func.attr.value == "__init__"
        and isinstance(call.func.value, cst.Call)
        and dotted(call.func.value.func) == "super"
    )

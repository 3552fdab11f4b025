"""Whose is a name? Every occurrence of a plain name below a node, with the scope that owns it.

Python's rules in one walk: parameters, assignments, comprehensions, `global`, `nonlocal`, class bodies that
functions inside them don't see, and `except … as e`, which is a scope of its own for our purpose (Python unbinds
the name at the handler's end).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

import libcst as cst

from lk_migrate.facts.imports import dotted, target_names
from lk_migrate.facts.walk import children

Kind = Literal["read", "write", "delete", "def", "import", "param", "walrus", "capture", "declared", "quoted"]
#: A name in a quoted annotation; what follows a dot is an attribute.
_WORD = re.compile(r"(?<![.\w])[^\W\d]\w*")


@dataclass(frozen=True)
class Occurrence:
    """`name` at `node` (a `Name`, or the alias, string or definition that holds it); `owner` None: the module's."""

    name: str
    node: cst.CSTNode
    owner: cst.CSTNode | None
    kind: Kind


@dataclass
class _Scope:
    node: cst.CSTNode
    bound: Set[str]
    outer: Set[str] = frozenset()  # declared nonlocal
    module: Set[str] = frozenset()  # declared global
    is_class: bool = False
    is_inner: bool = False  # a comprehension or handler: walrus targets go further out


@lru_cache(maxsize=256)
def occurrences(node: cst.CSTNode) -> tuple[Occurrence, ...]:
    """Every occurrence below `node`, in source order as far as evaluation goes. `node` may be a scope itself.

    Remembered: the parts of an entrypoint are looked at again and again while it is taken apart.
    """
    walker = _Walker()
    walker.walk(node)
    return tuple(walker.found)


@lru_cache(maxsize=256)
def bindings(scope: cst.CSTNode) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """What the body of a function or class binds itself, what it declares nonlocal, and what global."""
    bound: set[str] = set()
    outer: set[str] = set()
    module: set[str] = set()
    stack: list[cst.CSTNode] = [getattr(scope, "body", scope)]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind in _NO_STATEMENTS and not _may_hold_walrus(node):
            continue
        if kind is cst.FunctionDef or kind is cst.ClassDef:
            bound.add(node.name.value)  # type: ignore[attr-defined]
            # What a decorator, default or base holds is evaluated here; only a walrus could bind.
            continue
        if kind is cst.Lambda:
            continue
        if kind is cst.Nonlocal:
            outer |= {n.name.value for n in node.names}  # type: ignore[attr-defined]
        elif kind is cst.Global:
            module |= {n.name.value for n in node.names}  # type: ignore[attr-defined]
        elif kind is cst.Import or kind is cst.ImportFrom:
            bound |= {name for name, _ in imported(cast(cst.Import, node))}
            continue
        elif kind in _TARGETED:
            bound |= _targets(node.target)  # type: ignore[attr-defined]
        elif kind is cst.WithItem and node.asname is not None:  # type: ignore[attr-defined]
            bound |= _targets(node.asname.name)  # type: ignore[attr-defined]
        elif (kind is cst.MatchAs or kind is cst.MatchStar) and node.name is not None:  # type: ignore[attr-defined]
            bound.add(node.name.value)  # type: ignore[attr-defined]
        elif kind is cst.MatchMapping and node.rest is not None:  # type: ignore[attr-defined]
            bound.add(node.rest.value)  # type: ignore[attr-defined]
        stack.extend(children(node))
    return frozenset(bound - outer - module), frozenset(outer), frozenset(module)


_TARGETED = frozenset({cst.AssignTarget, cst.For, cst.AnnAssign, cst.AugAssign, cst.NamedExpr})
#: Leaves and plain chains: nothing below them binds a name.
_NO_STATEMENTS = frozenset({cst.Name, cst.SimpleString, cst.Integer, cst.Float, cst.Attribute})


def _may_hold_walrus(node: cst.CSTNode) -> bool:
    return type(node) is cst.Attribute and type(node.value) not in (cst.Name, cst.Attribute)


def imported(node: cst.Import | cst.ImportFrom) -> Iterator[tuple[str, cst.ImportAlias]]:
    """The names that an import statement binds, each with its alias (none for a star)."""
    if isinstance(node.names, cst.ImportStar):
        return
    for alias in node.names:
        if alias.asname is not None:
            yield dotted(alias.asname.name) or "", alias
        else:
            name = dotted(alias.name) or ""
            yield (name.split(".")[0] if isinstance(node, cst.Import) else name), alias


def _targets(target: cst.CSTNode) -> set[str]:
    if type(target) is cst.Tuple or type(target) is cst.List:
        return set().union(*(_targets(e.value) for e in target.elements)) if target.elements else set()
    return target_names(target)


def _parameters(params: cst.Parameters) -> list[cst.Param]:
    found = [*params.posonly_params, *params.params, *params.kwonly_params]
    if isinstance(params.star_arg, cst.Param):
        found.append(params.star_arg)
    if params.star_kwarg is not None:
        found.append(params.star_kwarg)
    return found


class _Walker:
    """Adds what it meets to `found` (generators within generators would pass each occurrence on level by level)."""

    def __init__(self) -> None:
        self.scopes: list[_Scope] = []
        self.found: list[Occurrence] = []

    def owner(self, name: str) -> cst.CSTNode | None:
        first = True
        for scope in reversed(self.scopes):
            if scope.is_class and not first:
                continue
            first = first and scope.is_inner
            if name in scope.module:
                return None
            if name in scope.bound:
                return scope.node
        return None

    def at(self, node: cst.CSTNode, name: str, kind: Kind) -> None:
        self.found.append(Occurrence(name, node, self.owner(name), kind))

    def walk(self, node: cst.CSTNode | None, kind: Kind = "read") -> None:
        if node is None:
            return
        what = type(node)
        if what is cst.Name:
            self.at(node, node.value, kind)  # type: ignore[attr-defined]
        elif what in _LEAVES:
            return
        elif kind != "read" and what in (cst.Tuple, cst.List, cst.StarredElement):
            for element in getattr(node, "elements", [node]):
                self.walk(element.value, kind)
        else:
            handler = _HANDLERS.get(what)
            if handler is not None:
                handler(self, node)
            else:
                for child in children(node):
                    self.walk(child)

    def value_of(self, node: cst.Attribute | cst.Arg) -> None:
        """The attribute's or keyword's own name refers to nothing."""
        self.walk(node.value)

    def lambda_(self, node: cst.Lambda) -> None:
        self.defaults(node.params)
        names = {p.name.value for p in _parameters(node.params)}
        self.inside(_Scope(node, names), node.params, node.body)

    def import_(self, node: cst.Import | cst.ImportFrom) -> None:
        for name, alias in imported(node):
            self.at(alias, name, "import")

    def declaration(self, node: cst.Global | cst.Nonlocal) -> None:
        for item in node.names:
            self.at(item, item.name.value, "declared")

    def annotated(self, node: cst.Annotation) -> None:
        self.annotation(node.annotation)

    def assign(self, node: cst.Assign) -> None:
        self.walk(node.value)
        for target in node.targets:
            self.walk(target.target, "write")

    def ann_assign(self, node: cst.AnnAssign) -> None:
        self.walk(node.annotation)
        self.walk(node.value)
        self.walk(node.target, "write")

    def aug_assign(self, node: cst.AugAssign) -> None:
        self.walk(node.value)
        self.walk(node.target, "write")

    def for_(self, node: cst.For) -> None:
        self.walk(node.iter)
        self.walk(node.target, "write")
        self.walk(node.body)
        self.walk(node.orelse)

    def as_name(self, node: cst.AsName) -> None:
        self.walk(node.name, "write")

    def walrus(self, node: cst.NamedExpr) -> None:
        self.walk(node.value)
        self.walk(node.target, "walrus")

    def delete(self, node: cst.Del) -> None:
        self.walk(node.target, "delete")

    def match_as(self, node: cst.MatchAs | cst.MatchStar) -> None:
        if isinstance(node, cst.MatchAs):
            self.walk(node.pattern)
        self.walk(node.name, "capture")

    def match_mapping(self, node: cst.MatchMapping) -> None:
        for element in node.elements:
            self.walk(element.key)
            self.walk(element.pattern)
        self.walk(node.rest, "capture")

    def match_keyword(self, node: cst.MatchKeywordElement) -> None:
        self.walk(node.pattern)

    def function(self, node: cst.FunctionDef) -> None:
        for decorator in node.decorators:
            self.walk(decorator.decorator)
        self.defaults(node.params)
        for param in _parameters(node.params):
            self.walk(param.annotation)
        self.walk(node.returns)
        self.at(node, node.name.value, "def")
        bound, outer, module = bindings(node)
        bound |= {p.name.value for p in _parameters(node.params)}
        self.inside(_Scope(node, bound, outer, module), node.params, node.body)

    def defaults(self, params: cst.Parameters) -> None:
        for param in _parameters(params):
            self.walk(param.default)

    def inside(self, scope: _Scope, params: cst.Parameters | None, *body: cst.CSTNode) -> None:
        self.scopes.append(scope)
        if params is not None:
            for param in _parameters(params):
                self.at(param.name, param.name.value, "param")
        for part in body:
            self.walk(part)
        self.scopes.pop()

    def class_(self, node: cst.ClassDef) -> None:
        for decorator in node.decorators:
            self.walk(decorator.decorator)
        for arg in [*node.bases, *node.keywords]:
            self.walk(arg.value)
        self.at(node, node.name.value, "def")
        bound, outer, module = bindings(node)
        self.inside(_Scope(node, bound, outer, module, is_class=True), None, node.body)

    def comprehension(self, node: cst.ListComp | cst.SetComp | cst.DictComp | cst.GeneratorExp) -> None:
        self.walk(node.for_in.iter)
        bound: set[str] = set()
        part: cst.CompFor | None = node.for_in
        while part is not None:
            bound |= _targets(part.target)
            part = part.inner_for_in
        self.scopes.append(_Scope(node, bound, is_inner=True))
        part = node.for_in
        while part is not None:
            if part is not node.for_in:
                self.walk(part.iter)
            self.walk(part.target, "write")
            for condition in part.ifs:
                self.walk(condition.test)
            part = part.inner_for_in
        if isinstance(node, cst.DictComp):
            self.walk(node.key)
            self.walk(node.value)
        else:
            self.walk(node.elt)
        self.scopes.pop()

    def handler(self, node: cst.ExceptHandler) -> None:
        self.walk(node.type)
        if node.name is None:
            self.walk(node.body)
            return
        self.scopes.append(_Scope(node, target_names(node.name.name), is_inner=True))
        self.walk(node.name.name, "write")
        self.walk(node.body)
        self.scopes.pop()

    def annotation(self, node: cst.CSTNode) -> None:
        if type(node) in _SPELLED_OUT:
            self.walk(node)
        elif isinstance(node, cst.SimpleString):
            for word in _WORD.findall(node.raw_value):
                self.at(node, word, "quoted")
        elif isinstance(node, cst.Subscript) and (dotted(node.value) or "").endswith("Literal"):
            self.walk(node.value)
        elif isinstance(node, cst.Subscript) and (dotted(node.value) or "").endswith("Annotated"):
            self.walk(node.value)
            first, *rest = node.slice
            self.annotation(first)
            for element in rest:
                self.walk(element)
        else:
            for child in children(node):
                self.annotation(child)


_SPELLED_OUT = frozenset({cst.Name, cst.Attribute, cst.Call})
_LEAVES = frozenset({cst.SimpleString, cst.Integer, cst.Float, cst.Pass, cst.Break, cst.Continue})
_HANDLERS: dict[type[cst.CSTNode], Callable[[_Walker, Any], None]] = {
    cst.Attribute: _Walker.value_of,
    cst.Arg: _Walker.value_of,
    cst.FunctionDef: _Walker.function,
    cst.Lambda: _Walker.lambda_,
    cst.ClassDef: _Walker.class_,
    cst.ListComp: _Walker.comprehension,
    cst.SetComp: _Walker.comprehension,
    cst.DictComp: _Walker.comprehension,
    cst.GeneratorExp: _Walker.comprehension,
    cst.ExceptHandler: _Walker.handler,
    cst.Import: _Walker.import_,
    cst.ImportFrom: _Walker.import_,
    cst.Global: _Walker.declaration,
    cst.Nonlocal: _Walker.declaration,
    cst.Annotation: _Walker.annotated,
    cst.Assign: _Walker.assign,
    cst.AnnAssign: _Walker.ann_assign,
    cst.AugAssign: _Walker.aug_assign,
    cst.For: _Walker.for_,
    cst.AsName: _Walker.as_name,
    cst.NamedExpr: _Walker.walrus,
    cst.Del: _Walker.delete,
    cst.MatchAs: _Walker.match_as,
    cst.MatchStar: _Walker.match_as,
    cst.MatchMapping: _Walker.match_mapping,
    cst.MatchKeywordElement: _Walker.match_keyword,
}

"""Which classes of the project an expression may be an instance of: `assistant`, `self.assistant`, `DESKS[desk](…)`.

Follows constructors, factories, parameters, attributes and dictionaries of classes through the files; what it cannot
follow makes the answer uncertain, and rules then mark instead of rewriting.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.classes import ClassRef, class_bases, method, self_name
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find, own_scope


@dataclass(frozen=True)
class Held:
    """The classes seen; `certain` unless something else may be there, too."""

    classes: frozenset[cst.ClassDef] = frozenset()
    certain: bool = True

    def __or__(self, other: Held) -> Held:
        return Held(self.classes | other.classes, self.certain and other.certain)


NOTHING = Held()
UNKNOWN = Held(certain=False)


@dataclass
class Holders:
    """The question, with what has been answered so far. `paths`: the files whose calls and assignments count."""

    project: Project
    paths: tuple[str, ...]
    _known: dict[cst.CSTNode, Held] = field(default_factory=dict)
    _calls: dict[str, list[tuple[Module, cst.Call]]] | None = None
    _attributes: dict[cst.ClassDef, dict[str, list[cst.BaseExpression]]] = field(default_factory=dict)
    _variables: dict[cst.CSTNode, dict[str, list[cst.BaseExpression | None]]] = field(default_factory=dict)

    def of(self, module: Module, node: cst.CSTNode | None) -> Held:
        """What `node` may be an instance of."""
        if node is None:
            return UNKNOWN
        if node not in self._known:
            self._known[node] = UNKNOWN if not isinstance(node, cst.Name) else NOTHING  # while it is being asked
            self._known[node] = self._work_out(module, node)
        return self._known[node]

    def unchecked(self, module: Module, node: cst.BaseExpression) -> Held:
        """The same, but whatever an `isinstance` around a variable has made sure of."""
        return self._named(module, node) if isinstance(node, cst.Name) else self.of(module, node)

    def _work_out(self, module: Module, node: cst.CSTNode) -> Held:
        if isinstance(node, cst.Await):
            return self.of(module, node.expression)
        if isinstance(node, cst.IfExp):
            return self.of(module, node.body) | self.of(module, node.orelse)
        if isinstance(node, cst.BooleanOperation):
            return self.of(module, node.left) | self.of(module, node.right)
        if isinstance(node, cst.Call):
            return self._made_by(module, node)
        if isinstance(node, cst.Name):
            if node.value == "None":
                return NOTHING
            test = checked_class(module, node)
            return self._narrowed(module, node, test) if test is not None else self._named(module, node)
        if isinstance(node, cst.Attribute):
            return self._attribute(module, node)
        return UNKNOWN

    def _made_by(self, module: Module, call: cst.Call) -> Held:
        classes = self.classes_of(module, call.func)
        if classes.classes:
            return classes
        for owner, function in self.functions_of(module, call.func):
            if function.name.value == "__init__":
                continue
            returned = [r for r in own_scope(function) if isinstance(r, cst.Return) and r.value is not None]
            found = NOTHING
            for value in returned:
                found |= self.of(owner, value.value)
            return found if returned else UNKNOWN
        return UNKNOWN

    def classes_of(self, module: Module, node: cst.CSTNode) -> Held:
        """The classes that an expression stands for itself: `Assistant`, `DESKS[desk]`, `DESKS.get(desk)`."""
        if isinstance(node, cst.Subscript):
            return self._values(module, node.value)
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "get":
            return self._values(module, node.func.value)
        if isinstance(node, (cst.Name, cst.Attribute)):
            symbol = self.project.resolve(module, node)
            if symbol is not None and isinstance(symbol.node, cst.ClassDef):
                return Held(frozenset({symbol.node}))
            if isinstance(node, cst.Name):
                found = NOTHING
                for value in self._assigned_values(module, node):
                    found |= self.classes_of(module, value)
                return found
        return UNKNOWN

    def _values(self, module: Module, table: cst.CSTNode) -> Held:
        symbol = self.project.resolve(module, table)
        if symbol is None or symbol.module is None or not isinstance(symbol.node, cst.Dict):
            return UNKNOWN
        found = NOTHING
        for item in symbol.node.elements:
            found |= self.classes_of(symbol.module, item.value)
        return found

    def functions_of(self, module: Module, func: cst.CSTNode) -> Iterator[tuple[Module, cst.FunctionDef]]:
        """The project's functions that a call of `func` runs: by name, through an instance, or a class's `__init__`."""
        symbol = self.project.resolve(module, func)
        if symbol is not None and symbol.module is not None:
            if isinstance(symbol.node, cst.FunctionDef):
                yield symbol.module, symbol.node
                return
            if isinstance(symbol.node, cst.ClassDef):
                yield from self._methods(ClassRef(symbol.module, symbol.node), "__init__")
                return
        if isinstance(func, cst.Name):
            nested = self._nested(module, func)
            if nested is not None:
                yield module, nested
        if isinstance(func, cst.Attribute):
            owner = self._self_class(module, func.value)
            classes = {owner} if owner is not None else set(self.of(module, func.value).classes)
            for node in classes:
                ref = self._ref(node)
                if ref is not None:
                    yield from self._methods(ref, func.attr.value)

    def _nested(self, module: Module, name: cst.Name) -> cst.FunctionDef | None:
        for scope in module.scopes(name):
            for node in own_scope(scope) if isinstance(scope, cst.FunctionDef) else ():
                if isinstance(node, cst.FunctionDef) and node.name.value == name.value:
                    return node
        return None

    def _methods(self, ref: ClassRef, name: str) -> Iterator[tuple[Module, cst.FunctionDef]]:
        function = method(ref.node, name)
        if function is not None:
            yield ref.module, function
            return
        for base in class_bases(self.project, ref):
            if isinstance(base, ClassRef) and base.node is not ref.node:
                yield from self._methods(base, name)

    def _ref(self, node: cst.ClassDef) -> ClassRef | None:
        for path in (*self.paths, *sorted(self.project.files)):
            module = self.project.module(path) if path in self.paths else self.project._parsed.get(path)
            if module is not None and node in module.index.parents:
                return ClassRef(module, node)
        return None

    def _self_class(self, module: Module, node: cst.CSTNode) -> cst.ClassDef | None:
        """The class whose method `node` is the instance parameter of."""
        if not isinstance(node, cst.Name):
            return None
        for ancestor in module.index.ancestors(node):
            if isinstance(ancestor, cst.FunctionDef):
                block = module.index.parents.get(ancestor)
                owner = module.index.parents.get(block) if block is not None else None
                if isinstance(owner, cst.ClassDef):
                    return owner if self_name(ancestor) == node.value else None
        return None

    def _named(self, module: Module, name: cst.Name) -> Held:
        owner = self._self_class(module, name)
        if owner is not None:
            return Held(frozenset({owner}))
        for scope in module.scopes(name):
            if isinstance(scope, (cst.FunctionDef, cst.Lambda)):
                for param in find(scope.params, cst.Param):
                    if param.name.value == name.value:
                        return self._parameter(module, scope, param)
                values = self._assignments(scope, name.value)
            elif isinstance(scope, cst.Module):
                values = self._assignments(scope, name.value)
            else:
                continue
            if values:
                found = NOTHING
                for value in values:
                    found |= self.of(module, value)
                return found
            if type(scope) is not cst.Module and name.value in module.bound(scope):
                return UNKNOWN  # by an unpacking, a `def`, an `except`: it is no variable further out
        symbol = self.project.resolve(module, name)
        if symbol is not None and symbol.module is not None and symbol.module is not module:
            return self.of(symbol.module, symbol.node) if symbol.node is not None else UNKNOWN
        return UNKNOWN

    def _narrowed(self, module: Module, name: cst.Name, test: cst.BaseExpression) -> Held:
        """Inside `if isinstance(name, test)`: a class of the project, or those that derive from a library's."""
        symbol = self.project.resolve(module, test)
        if symbol is not None and isinstance(symbol.node, cst.ClassDef):
            return Held(frozenset({symbol.node}))
        held = self._named(module, name)
        if symbol is None or symbol.module is not None:
            return held
        kept = (c for c in held.classes if (ref := self._ref(c)) is not None and self._derives(ref, symbol.name))
        return Held(frozenset(kept), held.certain)

    def _derives(self, ref: ClassRef, library: str) -> bool:
        bases = class_bases(self.project, ref)
        last = library.rpartition(".")[2]
        return any(
            b.rpartition(".")[2] == last if isinstance(b, str) else b.node is not ref.node and self._derives(b, library)
            for b in bases
        )

    def _assigned_values(self, module: Module, name: cst.Name) -> list[cst.BaseExpression]:
        for scope in module.scopes(name):
            values = [v for v in self._assignments(scope, name.value) if v is not None]
            if values:
                return values
        return []

    def _parameter(self, module: Module, function: cst.FunctionDef | cst.Lambda, param: cst.Param) -> Held:
        if param.annotation is not None:
            for part in find(param.annotation, cst.Name):
                symbol = self.project.resolve(module, part)
                if symbol is not None and isinstance(symbol.node, cst.ClassDef):
                    return Held(frozenset({symbol.node}))
        if isinstance(function, cst.Lambda):
            return UNKNOWN
        name = function.name.value
        owner = module.index.enclosing(function, cst.ClassDef) if name == "__init__" else None
        called = owner.name.value if isinstance(owner, cst.ClassDef) else name
        found, seen = NOTHING, False
        for at, call in self.calls(called):
            if not any(f is function for _, f in self.functions_of(at, call.func)):
                continue
            value = _argument(module, function, param, call)
            if value is not None:
                seen = True
                found |= self.of(at, value)
        return found if seen else UNKNOWN

    def calls(self, name: str) -> list[tuple[Module, cst.Call]]:
        """The calls of something called `name` in the files that count."""
        if self._calls is None:
            self._calls = {}
            for module in self.project.modules(iter(self.paths)):
                for call in module.index.of(cst.Call):
                    called = (dotted(call.func) or _last(call.func)).rpartition(".")[2]
                    self._calls.setdefault(called, []).append((module, call))
        return self._calls.get(name, [])

    def _assignments(self, scope: cst.CSTNode, name: str) -> list[cst.BaseExpression | None]:
        if scope not in self._variables:
            self._variables[scope] = _assignments(scope)
        return self._variables[scope].get(name, [])

    def _attribute(self, module: Module, node: cst.Attribute) -> Held:
        owner = self._self_class(module, node.value)
        owners = {owner} if owner is not None else set(self.of(module, node.value).classes)
        if not owners:
            return UNKNOWN
        found, seen = NOTHING, False
        for each in owners:
            ref = self._ref(each)
            if ref is None:
                continue
            if each not in self._attributes:
                self._attributes[each] = _own_assignments(ref)
            for value in self._attributes[each].get(node.attr.value, ()):
                seen = True
                found |= self.of(ref.module, value)
        return found if seen else UNKNOWN


def checked_class(module: Module, name: cst.Name) -> cst.BaseExpression | None:
    """The class that an `isinstance(name, …)` around the place has made sure of, as it is written there."""
    inner: cst.CSTNode = name
    for outer in module.index.ancestors(name):
        tests: list[cst.BaseExpression] = []
        if isinstance(outer, (cst.If, cst.IfExp)) and outer.body is inner:
            tests = [outer.test]
        elif isinstance(outer, cst.BooleanOperation) and isinstance(outer.operator, cst.And) and outer.right is inner:
            tests = [outer.left]
        elif isinstance(outer, cst.FunctionDef):
            return None
        while tests:
            test = tests.pop()
            if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
                tests += [test.left, test.right]
            elif (
                isinstance(test, cst.Call)
                and dotted(test.func) == "isinstance"
                and len(test.args) == 2
                and dotted(test.args[0].value) == name.value
            ):
                return test.args[1].value
        inner = outer
    return None


def _last(func: cst.CSTNode) -> str:
    return func.attr.value if isinstance(func, cst.Attribute) else ""


_ASSIGNING = frozenset({cst.Assign, cst.AnnAssign, cst.NamedExpr, cst.For, cst.CompFor, cst.AsName})


def _assignments(scope: cst.CSTNode) -> dict[str, list[cst.BaseExpression | None]]:
    """Plain name → the values that `scope` assigns to it; None for what is no plain assignment (a loop, a `with`)."""
    found: dict[str, list[cst.BaseExpression | None]] = {}
    for node in own_scope(scope):
        kind = type(node)
        if kind not in _ASSIGNING:
            continue
        names: Iterable[cst.CSTNode] = ()
        value: cst.BaseExpression | None = None
        if isinstance(node, cst.Assign):
            names, value = [t.target for t in node.targets], node.value
        elif isinstance(node, (cst.AnnAssign, cst.NamedExpr)):
            names, value = [node.target] if node.value is not None else [], node.value
        elif isinstance(node, (cst.For, cst.CompFor)):
            names = find(node.target, cst.Name)
        elif isinstance(node, cst.AsName):
            names = [node.name]
        for name in {n.value for n in names if isinstance(n, cst.Name)}:
            found.setdefault(name, []).append(value)
    return found


def _own_assignments(ref: ClassRef) -> dict[str, list[cst.BaseExpression]]:
    """Attribute → what the class's code assigns to that attribute of `self`, in source order."""
    found: dict[str, list[cst.BaseExpression]] = {}
    for node in ref.module.index.find(ref.node, cst.Assign, cst.AnnAssign):
        targets = [t.target for t in node.targets] if type(node) is cst.Assign else [node.target]
        for target in targets:
            if type(target) is cst.Attribute and node.value is not None and dotted(target.value) == "self":
                found.setdefault(target.attr.value, []).append(node.value)
    return found


def _argument(module: Module, function: cst.FunctionDef, param: cst.Param, call: cst.Call) -> cst.BaseExpression | None:
    """What `call` passes for `param`."""
    names = [p.name.value for p in [*function.params.posonly_params, *function.params.params]]
    block = module.index.parents.get(function)
    in_class = block is not None and isinstance(module.index.parents.get(block), cst.ClassDef)
    if in_class and self_name(function) is not None:
        names = names[1:]
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == param.name.value:
            return arg.value
    position = names.index(param.name.value) if param.name.value in names else None
    if position is None or position >= len(call.args) or any(a.star for a in call.args[: position + 1]):
        return None
    arg = call.args[position]
    return arg.value if arg.keyword is None else None

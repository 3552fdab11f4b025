"""The project's classes with their own bases, and its functions with what a call gives them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project


@dataclass(frozen=True)
class Function:
    """A function of the project. `owner` is the class whose method it is."""

    module: Module
    node: cst.FunctionDef
    owner: cst.ClassDef | None


@dataclass
class Families:
    """Which of the project's classes derive from which. `home`: the modules of the classes met so far."""

    project: Project
    home: dict[cst.CSTNode, Module] = field(default_factory=dict)
    _parents: dict[cst.ClassDef, list[cst.ClassDef]] = field(default_factory=dict)

    def root(self, node: cst.ClassDef) -> cst.ClassDef:
        """The project's topmost class above `node`: attributes are shared by a whole family."""
        seen = {node}
        while True:
            above = [c for c in self.parents(node) if c not in seen]
            if not above:
                return node
            node = above[0]
            seen.add(node)

    def parents(self, node: cst.ClassDef) -> list[cst.ClassDef]:
        """The project's own classes among the bases of `node`, in order."""
        if node not in self._parents:
            module = self.home.get(node)
            found = []
            for arg in node.bases if module is not None else ():
                symbol = self.project.resolve(module, arg.value) if module is not None else None
                if symbol is not None and isinstance(symbol.node, cst.ClassDef):
                    found.append(symbol.node)
                    if symbol.module is not None:
                        self.home.setdefault(symbol.node, symbol.module)
            self._parents[node] = found
        return self._parents[node]

    def ancestry(self, node: cst.ClassDef) -> Iterator[cst.ClassDef]:
        """`node` and the project's classes above it, nearest first (depth first, each once)."""
        seen: set[cst.ClassDef] = set()
        stack = [node]
        while stack:
            current = stack.pop(0)
            if current not in seen:
                seen.add(current)
                yield current
                stack = self.parents(current) + stack

    def method(self, node: cst.ClassDef, name: str) -> Function | None:
        """The method `name` of a class, inherited ones included."""
        for owner in self.ancestry(node):
            for statement in owner.body.body:
                if isinstance(statement, cst.FunctionDef) and statement.name.value == name:
                    return Function(self.home[owner], statement, owner)
        return None


def parameters(function: Function) -> list[cst.Param]:
    """The parameters that positional arguments fill, `self` left out."""
    params = [*function.node.params.posonly_params, *function.node.params.params]
    static = any(dotted(d.decorator) == "staticmethod" for d in function.node.decorators)
    return params[1:] if function.owner is not None and not static else params


def arguments(function: Function, call: cst.Call) -> Iterator[tuple[cst.Param, cst.Arg]]:
    """Which parameter each argument of `call` fills, as far as the call says."""
    positional = parameters(function)
    by_name = {p.name.value: p for p in (*positional, *function.node.params.kwonly_params)}
    position = 0
    for arg in call.args:
        if arg.star:
            return
        if arg.keyword is not None:
            param = by_name.get(arg.keyword.value)
            if param is not None:
                yield param, arg
        else:
            if position < len(positional):
                yield positional[position], arg
            position += 1

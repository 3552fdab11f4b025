"""What is to be removed with turn gates: statements, parts of statements, and the places that stand in the way."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.gate_mentions import in_all, modules_with
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import descendants


@dataclass(frozen=True)
class Removal:
    """`node` goes; with `parts`, only these elements of it (targets, aliases, strings of `__all__`)."""

    module: Module
    node: cst.CSTNode
    what: str
    parts: tuple[cst.CSTNode, ...] = ()


@dataclass(frozen=True)
class Read:
    """A place outside a gate that needs the gate's state or the gate itself."""

    module: Module
    node: cst.CSTNode
    name: str


@dataclass
class Search:
    """What goes so far: `gone` holds every node of it. `emptied`: functions that only reset a gate, used elsewhere."""

    project: Project
    gone: set[cst.CSTNode] = field(default_factory=set)
    removals: dict[cst.CSTNode, Removal] = field(default_factory=dict)
    emptied: dict[cst.FunctionDef, Read] = field(default_factory=dict)

    def take(self, removal: Removal) -> None:
        """Add a removal; parts of one statement add up, to the whole statement in the end."""
        old = self.removals.get(removal.node)
        if old is not None and removal.parts and old.parts:
            removal = Removal(removal.module, removal.node, removal.what, (*old.parts, *removal.parts))
        if removal.parts and len(removal.parts) == _size(removal.node):
            removal = Removal(removal.module, removal.node, removal.what)
        self.removals[removal.node] = removal
        for node in removal.parts or (removal.node,):
            self.gone.update(descendants(node))


def _size(node: cst.CSTNode) -> int:
    """How many parts a statement has; 0 for an empty `__all__` that may stay."""
    if isinstance(node, cst.ImportFrom) and not isinstance(node.names, cst.ImportStar):
        return len(node.names)
    if isinstance(node, (cst.Nonlocal, cst.Global)):
        return len(node.names)
    if isinstance(node, cst.Assign):
        target = node.targets[0].target
        return len(target.elements) if isinstance(target, cst.Tuple) else len(node.targets)
    return 0


def take_imports(search: Search, home: Module, name: str) -> None:
    """The imports of a name that is gone, and its entry in `__all__`, in every file."""
    for module in modules_with(search.project, name):
        for item in module.imports:
            if item.local != name or item.alias is None or item.alias in search.gone:
                continue
            symbol = search.project.resolve_name(module, name)
            if symbol is not None and symbol.module is home and symbol.name == name:
                search.take(Removal(module, item.statement, f"`{name}` is gone", (item.alias,)))
        for text in module.strings.get(name, ()):
            if text not in search.gone and in_all(module, text):
                element = module.index.parents[text]
                if isinstance(element, cst.Element):
                    search.take(Removal(module, module.index.parents[element], f"`{name}` is gone", (element,)))

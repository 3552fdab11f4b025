"""Which local names of an entrypoint several phases share, and how each occurrence reads afterwards.

A name that only one phase uses stays as it is. A name that several use, be it in a closure that reads it late or
re-binds it with `nonlocal`, becomes an attribute of the one state object that all phases get.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.entrypoint.spine import CannotSplit
from lk_migrate.facts.module import Module
from lk_migrate.facts.scopes import Occurrence

#: The home of what stays in main.py's entrypoint: the cuts, and the `try` and `with` around them.
MAIN = -1
_DEFINING = ("def", "import")
Homes = Mapping[cst.CSTNode, int]


@dataclass
class Names:
    """Every occurrence of a name that `function` owns, with the phase (or `MAIN`) in which it stands."""

    function: cst.FunctionDef
    uses: dict[str, list[tuple[int, Occurrence]]] = field(default_factory=lambda: defaultdict(list))
    everything: frozenset[str] = frozenset()
    all: tuple[Occurrence, ...] = ()

    def of(self, name: str) -> list[Occurrence]:
        """Every occurrence of `name` in the function, whoever owns it."""
        return [o for o in self.all if o.name == name]

    def homes(self, name: str) -> frozenset[int]:
        return frozenset(home for home, _ in self.uses.get(name, ()))

    def bound_in(self, name: str) -> frozenset[int]:
        """The phases that bind `name`, closures with `nonlocal` included."""
        return frozenset(h for h, o in self.uses.get(name, ()) if o.kind not in ("read", "quoted", "declared"))

    def defined_in(self, name: str) -> int | None:
        """The one phase that defines `name` by `def`, `class` or `import`, None when it is (also) assigned."""
        binding = [(h, o.kind) for h, o in self.uses.get(name, ()) if o.kind not in ("read", "quoted")]
        homes = {h for h, _ in binding}
        return homes.pop() if len(homes) == 1 and all(k in _DEFINING for _, k in binding) else None

    def writes(self, name: str) -> int:
        """How often `name` is bound."""
        return sum(o.kind not in ("read", "quoted", "declared") for _, o in self.uses.get(name, ()))


def read_names(module: Module, function: cst.FunctionDef, found: Sequence[Occurrence], homes: Homes) -> Names:
    """Names of the occurrences `found`. `homes`: node → phase; a node belongs to the nearest ancestor (or itself)
    that is listed, else to `MAIN`.
    """
    names = Names(function, all=tuple(found), everything=frozenset(o.name for o in found))
    phases = {id(node): phase for node, phase in homes.items()}
    phases[id(function)] = MAIN
    for occurrence in found:
        if occurrence.owner is function:
            names.uses[occurrence.name].append((_home(module, occurrence.node, phases), occurrence))
    return names


def _home(module: Module, node: cst.CSTNode, phases: Mapping[int, int]) -> int:
    """`phases`: node's id → phase. (Asked of every name of the entrypoint: LibCST hashes nodes in Python.)"""
    above = module.index.above
    current: cst.CSTNode | None = node
    while current is not None:
        phase = phases.get(id(current))
        if phase is not None:
            return phase
        current = above.get(id(current))
    return MAIN


def shared_names(names: Names, parameters: frozenset[str]) -> list[str]:
    """The names that need a place in the state object, in the order in which they are first bound."""
    found: list[str] = []
    for name, uses in names.uses.items():
        if name in parameters or len(names.homes(name)) < 2:
            continue
        if all(home == MAIN for home, _ in uses) or _is_fresh_everywhere(names, name):
            continue
        for _, occurrence in uses:
            if occurrence.kind == "capture":
                raise CannotSplit(f"`{name}` is bound by a `match` and used in several phases", occurrence.node)
            if occurrence.kind == "walrus":
                raise CannotSplit(f"`{name}` is bound by `:=` and used in several phases", occurrence.node)
        found.append(name)
    return found


def _is_fresh_everywhere(names: Names, name: str) -> bool:
    """Whether every phase that uses `name` imports it for itself."""
    by_home: dict[int, list[Occurrence]] = defaultdict(list)
    for home, occurrence in names.uses[name]:
        by_home[home].append(occurrence)
    return all(found[0].kind == "import" for found in by_home.values())

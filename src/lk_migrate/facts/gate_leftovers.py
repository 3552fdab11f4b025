"""What only a turn gate needed: its definition, state, constants, helpers, and the imports of all that.

Found as a fixed point: we start from the guards, and whatever is then mentioned nowhere else goes, too. A name that
we cannot follow (`getattr(x, "_turn_gate")`, an object of unknown class) counts as a mention, so doubt keeps code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.gate_guards import Strip
from lk_migrate.facts.gates import Gate, find_gates, written
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import lineages, method
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import descendants, find

#: Calls whose only effect is the value that they give.
_PURE = {
    *("dict", "set", "list", "int", "str", "bool", "float", "frozenset", "tuple", "Lock", "RLock", "Counter"),
    *("defaultdict", "deque", "OrderedDict", "getenv", "get", "ContextVar", "field"),
}


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


@dataclass(frozen=True)
class Leftovers:
    """`going`: the gates whose guards are stripped; `staying`: gates that other code looks into, with the places."""

    going: tuple[Gate, ...]
    staying: tuple[tuple[Gate, tuple[Read, ...]], ...]
    removals: tuple[Removal, ...]

    def defined(self, gate: Gate) -> bool:
        """Whether the gate's definition is among what goes."""
        nodes = {r.node for r in self.removals}
        return gate.node in nodes or gate.owner in nodes


@dataclass
class _Search:
    project: Project
    gone: set[cst.CSTNode] = field(default_factory=set)
    removals: dict[cst.CSTNode, Removal] = field(default_factory=dict)

    def take(self, removal: Removal) -> None:
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
    if isinstance(node, cst.Assign):
        target = node.targets[0].target
        return len(target.elements) if isinstance(target, cst.Tuple) else len(node.targets)
    return 0


def find_leftovers(project: Project) -> Leftovers:
    """What goes with the gates of the project. Memoise with `project.fact(find_leftovers)`."""
    gates = project.fact(find_gates)
    staying: dict[Gate, tuple[Read, ...]] = {}
    while True:
        going = [g for g in gates.all if g not in staying and not g.trial.effects]
        search = _Search(project)
        for gate in going:
            for guard in gate.guards:
                if isinstance(guard.strip, Strip):
                    search.gone.update(_gone_with(guard.strip, guard.node))
        looked_into = {g: tuple(_reads_of_state(search, g, going)) for g in going}
        looked_into = {g: reads for g, reads in looked_into.items() if reads}
        if not looked_into:
            break
        staying.update(looked_into)
    _grow(search, going)
    effects = {g: () for g in gates.all if g.trial.effects}
    return Leftovers(
        tuple(going),
        tuple({**effects, **staying}.items()),
        tuple(search.removals.values()),
    )


def _gone_with(strip: Strip, call: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield from descendants(call)
    for node in strip.remove:
        yield from descendants(node)
    for compound, kept in strip.unwrap:
        inside = set(descendants(kept)) if kept is not None else set()
        if not isinstance(compound, cst.With):
            yield from (n for n in descendants(compound) if n not in inside)
    for old, new in strip.values:
        inside = set(descendants(new)) if new is not None else set()
        yield from (n for n in descendants(old) if n not in inside)


# -- who else looks at the state ------------------------------------------------------------------------------


def _reads_of_state(search: _Search, gate: Gate, going: list[Gate]) -> Iterator[Read]:
    inside = {n for g in going for n in descendants(_unit(search.project, g))}
    for name in sorted(set(written(gate.node))):
        for module, node in _attribute_mentions(search.project, name, gate):
            if node in inside or node in search.gone:
                continue
            if _write(module, node) is None:
                yield Read(module, node, name)


def _unit(project: Project, gate: Gate) -> cst.CSTNode:
    """What defines the gate: its function, or the class of a gate that is an object of its own."""
    if gate.owner is None:
        return gate.node
    related = project.fact(lineages).related(gate.owner)
    if any(g.owner in related for g in gate.guards):
        return gate.node
    return gate.owner


def _attribute_mentions(project: Project, name: str, gate: Gate) -> Iterator[tuple[Module, cst.CSTNode]]:
    """Attributes, class-level names and strings called `name` that may be the gate's."""
    lines = project.fact(lineages)
    owners = {o for o in [gate.owner, *(g.owner for g in gate.guards)] if o is not None}
    related = {c for o in owners for c in lines.related(o)}
    for module in _holding(project, name):
        for node in module.index.of(cst.Attribute):
            if node.attr.value != name:
                continue
            owner = module.index.enclosing(node, cst.ClassDef)
            if dotted(node.value) in ("self", "cls") and owner is not None and owner not in related:
                continue
            yield module, node
        for node in module.strings.get(name, ()):
            if not _in_slots(module, node):
                yield module, node
        for node in module.index.of(cst.Name):
            if node.value == name and _class_level(module, node) in related:
                yield module, node


def _holding(project: Project, name: str) -> Iterator[Module]:
    for path in sorted(project.files):
        if name.encode() in project.files[path]:
            module = project.module(path)
            if module is not None:
                yield module


def _in_slots(module: Module, node: cst.CSTNode) -> bool:
    assign = module.index.enclosing(node, cst.Assign)
    return isinstance(assign, cst.Assign) and dotted(assign.targets[0].target) == "__slots__"


def _class_level(module: Module, node: cst.Name) -> cst.CSTNode | None:
    """The class in whose body the name is assigned."""
    parent = module.index.parents[node]
    if not (isinstance(parent, (cst.AssignTarget, cst.AnnAssign)) and parent.target is node):
        return None
    scope = module.index.enclosing(node, cst.ClassDef, cst.FunctionDef)
    return scope if isinstance(scope, cst.ClassDef) else None


def _write(module: Module, node: cst.CSTNode) -> tuple[cst.CSTNode, cst.CSTNode | None] | None:
    """The statement that only sets `node` to something harmless, and the part of it that does; None for a read."""
    parents = module.index.parents
    parent = parents[node]
    if isinstance(parent, cst.AnnAssign) and parent.target is node:
        return (parent, None) if parent.value is None or _harmless(parent.value) else None
    if isinstance(parent, cst.AugAssign) and parent.target is node:
        return (parent, None) if _harmless(parent.value) else None
    if isinstance(parent, cst.AssignTarget):
        assign = parents[parent]
        if isinstance(assign, cst.Assign) and _harmless(assign.value):
            return (assign, None) if len(assign.targets) == 1 else (assign, parent)
        return None
    if isinstance(parent, cst.Element) and isinstance(parents[parents[parent]], cst.AssignTarget):
        assign = parents[parents[parents[parent]]]
        target = parents[parent]
        if not isinstance(assign, cst.Assign) or len(assign.targets) != 1 or not isinstance(target, cst.Tuple):
            return None
        if isinstance(assign.value, cst.Tuple) and len(assign.value.elements) == len(target.elements):
            position = list(target.elements).index(parent)
            return (assign, parent) if _harmless(assign.value.elements[position].value) else None
        return None
    if isinstance(parent, cst.Attribute) and parent.attr.value in ("clear", "reset"):
        call = parents[parent]
        if isinstance(call, cst.Call) and isinstance(parents[call], cst.Expr) and not call.args:
            return parents[call], None
    return None


def _harmless(value: cst.CSTNode) -> bool:
    for node in descendants(value):
        if isinstance(node, (cst.Await, cst.NamedExpr, cst.Yield)):
            return False
        if isinstance(node, cst.Call) and (dotted(node.func) or "").rpartition(".")[2] not in _PURE:
            return False
    return True


# -- what nobody mentions any more ----------------------------------------------------------------------------


def _grow(search: _Search, going: list[Gate]) -> None:
    """Take definitions, state and constants until nothing more is mentioned only by what goes."""
    project = search.project
    units = {_unit(project, g): g for g in going}
    pending = list(units)
    while True:
        before = len(search.gone)
        for unit in list(pending):
            gate = units[unit]
            if _unmentioned(search, gate, unit):
                search.take(Removal(gate.module, unit, "the turn gate"))
                _take_imports(search, gate.module, unit.name.value)  # type: ignore[attr-defined]
                pending.remove(unit)
        for gate in going:
            if _unit(project, gate) in search.gone:
                _take_state(search, gate)
            _take_holders(search, gate)
        for module in {g.module for g in going} | {x.module for g in going for x in g.guards}:
            _take_module_level(search, module)
        if len(search.gone) == before:
            return


def _unmentioned(search: _Search, gate: Gate, unit: cst.CSTNode) -> bool:
    project = search.project
    inside = set(descendants(unit))
    name = unit.name.value  # type: ignore[attr-defined]
    if isinstance(unit, cst.FunctionDef) and gate.owner is not None:
        mentions = (node for _, node in _method_mentions(project, name, gate))
        return all(node in inside or node in search.gone for node in mentions)
    return not list(_name_mentions(search, gate.module, name, inside))


def _method_mentions(project: Project, name: str, gate: Gate) -> Iterator[tuple[Module, cst.CSTNode]]:
    """Attributes and strings that may mean the gate's method; those of another class with such a method don't."""
    lines = project.fact(lineages)
    assert gate.owner is not None
    related = lines.related(gate.owner)
    for module in _holding(project, name):
        for node in module.index.of(cst.Attribute):
            if node.attr.value != name:
                continue
            owner = module.index.enclosing(node, cst.ClassDef)
            if dotted(node.value) == "self" and isinstance(owner, cst.ClassDef):
                found = method(lines.of.get(owner, ()), name)
                if owner not in related or (found is not None and found[1] is not gate.node):
                    continue
            yield module, node
        for text in module.strings.get(name, ()):
            yield module, text


def _name_mentions(search: _Search, home: Module, name: str, inside: set[cst.CSTNode]) -> Iterator[cst.CSTNode]:
    """Where the module-level `name` of `home` is used by what stays; imports and `__all__` are not uses."""
    for module in _holding(search.project, name):
        for node in module.index.of(cst.Name):
            if node.value != name or node in search.gone or node in inside:
                continue
            parent = module.index.parents[node]
            expression: cst.CSTNode = node
            if isinstance(parent, cst.Attribute) and parent.attr is node:
                expression = parent
            elif isinstance(parent, (cst.ImportAlias, cst.AsName)):
                if isinstance(parent, cst.AsName) or parent.asname is not None:
                    yield node  # under another name: too far to follow
                continue
            elif _only_names(module, node):
                continue
            symbol = search.project.resolve(module, expression)
            if symbol is not None and symbol.module is home and symbol.name == name:
                yield node
        for statement in module.index.of(cst.ImportFrom):
            if isinstance(statement.names, cst.ImportStar) and module is not home:
                target = search.project.resolve_name(module, name)
                if target is not None and target.module is home:
                    yield statement
        for text in module.strings.get(name, ()):
            if text not in search.gone and not _in_all(module, text):
                yield text


def _only_names(module: Module, node: cst.CSTNode) -> bool:
    """Whether the word is no use of a value: a keyword, a parameter, a module's name, or what is being defined."""
    parent = module.index.parents[node]
    if isinstance(parent, (cst.Arg, cst.Param)):
        return parent.keyword is node if isinstance(parent, cst.Arg) else parent.name is node
    if module.index.enclosing(node, cst.Import, cst.ImportFrom) is not None:
        return True
    return (isinstance(parent, (cst.AssignTarget, cst.AnnAssign)) and parent.target is node) or (
        isinstance(parent, (cst.FunctionDef, cst.ClassDef)) and parent.name is node
    )


def _in_all(module: Module, node: cst.CSTNode) -> bool:
    assign = module.index.enclosing(node, cst.Assign)
    return isinstance(assign, cst.Assign) and dotted(assign.targets[0].target) == "__all__"


def _take_imports(search: _Search, home: Module, name: str) -> None:
    """The imports of a name that is gone, and its entry in `__all__`, in every file."""
    for module in _holding(search.project, name):
        for item in module.imports:
            if item.local != name or item.alias is None or item.alias in search.gone:
                continue
            symbol = search.project.resolve_name(module, name)
            if symbol is not None and symbol.module is home and symbol.name == name:
                search.take(Removal(module, item.statement, f"`{name}` is gone", (item.alias,)))
        for text in module.strings.get(name, ()):
            if text not in search.gone and _in_all(module, text):
                element = module.index.parents[text]
                if isinstance(element, cst.Element):
                    search.take(Removal(module, module.index.parents[element], f"`{name}` is gone", (element,)))


# -- state ----------------------------------------------------------------------------------------------------


def _take_state(search: _Search, gate: Gate) -> None:
    counted = set(written(gate.node))
    mentioned = {n.attr.value for n in find(_unit(search.project, gate), cst.Attribute) if dotted(n.value) == "self"}
    for name in sorted(counted | mentioned):
        _take_attribute(search, gate, name, name in counted)


def _take_attribute(search: _Search, gate: Gate, name: str, counted: bool) -> None:
    """Statements that only set an attribute which nothing reads any more; of helpers, the definition."""
    writes: list[tuple[Module, cst.CSTNode, cst.CSTNode | None]] = []
    for module, node in _attribute_mentions(search.project, name, gate):
        if node in search.gone:
            continue
        found = _write(module, node)
        if found is None:
            return
        function = module.index.enclosing(node, cst.FunctionDef)
        early = not isinstance(function, cst.FunctionDef) or function.name.value == "__init__"
        if not counted and not early:
            return  # something that changes while the program runs is not ours: the id of the turn, for example
        writes.append((module, *found))
    for module, statement, part in writes:
        search.take(Removal(module, statement, "the state of the turn gate", (part,) if part is not None else ()))
    if not writes:
        _take_helper(search, gate, name)
    for module, statement, _ in writes:
        function = module.index.enclosing(statement, cst.FunctionDef)
        if isinstance(function, cst.FunctionDef):
            _take_empty_method(search, gate, module, function)


def _take_helper(search: _Search, gate: Gate, name: str) -> None:
    """A private method that only the gate called."""
    if gate.owner is None or not name.startswith("_") or name.startswith("__"):
        return
    found = method(search.project.fact(lineages).of.get(gate.owner, ()), name)
    if found is None or found[1] in search.gone:
        return
    inside = set(descendants(found[1]))
    helper = Gate("method", found[0].module, found[1], found[0].node, found[1], (), None, gate.trial)
    if all(n in search.gone or n in inside for _, n in _method_mentions(search.project, name, helper)):
        search.take(Removal(found[0].module, found[1], "only the turn gate called it"))


def _take_empty_method(search: _Search, gate: Gate, module: Module, function: cst.FunctionDef) -> None:
    """A method that did nothing but reset the gate, with the statements that call it."""
    if function.name.value.startswith("__") or function.name.value.startswith("on_") or function in search.gone:
        return
    rest = [
        s
        for line in function.body.body
        for s in (line.body if isinstance(line, cst.SimpleStatementLine) else [line])
        if s not in search.gone and not (isinstance(s, cst.Expr) and isinstance(s.value, cst.SimpleString))
    ]
    owner = module.index.enclosing(function, cst.ClassDef)
    if rest or not isinstance(owner, cst.ClassDef):
        return
    helper = Gate("method", module, function, owner, function, (), None, gate.trial)
    calls = []
    for where, node in _method_mentions(search.project, function.name.value, helper):
        if node in search.gone:
            continue
        call = where.index.parents[node]
        call = where.index.parents[call] if isinstance(where.index.parents[call], cst.Await) else call
        if not isinstance(node, cst.Attribute) or not isinstance(where.index.parents[call], cst.Expr):
            return
        calls.append((where, where.index.parents[call]))
    if not calls and not function.name.value.startswith("_"):
        return
    search.take(Removal(module, function, "it only reset the turn gate"))
    for where, statement in calls:
        search.take(Removal(where, statement, "it only reset the turn gate"))


def _take_holders(search: _Search, gate: Gate) -> None:
    """`self.gate = TurnGate(5)` and `gate = TurnGate(5)`, when only guards used them."""
    if gate.owner is None or _unit(search.project, gate) is not gate.owner:
        return
    made = gate.owner.name.value
    for module in _holding(search.project, made):
        for call in module.index.of(cst.Call):
            if (dotted(call.func) or "").rpartition(".")[2] != made or call in search.gone:
                continue
            statement = module.index.parents[call]
            if not isinstance(statement, (cst.Assign, cst.AnnAssign)):
                continue
            target = statement.targets[0].target if isinstance(statement, cst.Assign) else statement.target
            scope = module.index.enclosing(statement, cst.FunctionDef, cst.ClassDef)
            name = target.attr.value if isinstance(target, cst.Attribute) else dotted(target) or ""
            if not name or not all(_harmless(a.value) for a in call.args):
                continue
            if scope is None:
                inside = set(descendants(statement))
                if not list(_name_mentions(search, module, name, inside)):
                    search.take(Removal(module, statement, "it held the turn gate"))
                    _take_imports(search, module, name)
                continue
            others = [
                (where, node, _mere_reset(where, node, gate.owner))
                for where, node in _attribute_mentions(search.project, name, gate)
                if node not in search.gone and node not in set(descendants(statement))
            ]
            if all(reset is not None for _, _, reset in others):
                search.take(Removal(module, statement, "it held the turn gate"))
                for where, _, reset in others:
                    if reset is not None:
                        search.take(Removal(where, reset, "it only reset the turn gate"))


def _mere_reset(module: Module, node: cst.CSTNode, made: cst.ClassDef) -> cst.CSTNode | None:
    """The statement `self.gate.reset()`, where that method of the gate does nothing but set its own attributes."""
    parents = module.index.parents
    attribute = parents[node]
    call = parents.get(attribute)
    if not (
        isinstance(attribute, cst.Attribute) and isinstance(call, cst.Call) and isinstance(parents[call], cst.Expr)
    ):
        return None
    for function in find(made.body, cst.FunctionDef):
        if function.name.value == attribute.attr.value:
            statements = [s for line in function.body.body for s in getattr(line, "body", ())]
            sets = all(isinstance(s, (cst.Assign, cst.AnnAssign, cst.Expr, cst.Pass)) for s in statements)
            return parents[call] if sets and _harmless_calls(function) else None
    return None


def _harmless_calls(function: cst.FunctionDef) -> bool:
    return all(
        isinstance(c.func, cst.Attribute) and c.func.attr.value in ("clear", "pop", "discard")
        for c in find(function.body, cst.Call)
    )


# -- constants ------------------------------------------------------------------------------------------------


def _take_module_level(search: _Search, module: Module) -> None:
    """Constants and private functions of the module that only what is gone mentioned."""
    mentioned = {n.value for n in module.index.of(cst.Name) if n in search.gone}
    for name in sorted(mentioned):
        symbol = search.project.resolve_name(module, name)
        if symbol is None or symbol.module is None or symbol.node is None or symbol.node in search.gone:
            continue
        home = symbol.module
        statement = _definition(home, symbol.name, symbol.node)
        if statement is None or statement in search.gone:
            continue
        if not list(_name_mentions(search, home, symbol.name, set(descendants(statement)))):
            search.take(Removal(home, statement, "only the turn gate used it"))
            _take_imports(search, home, symbol.name)


def _definition(home: Module, name: str, node: cst.CSTNode) -> cst.CSTNode | None:
    """The statement that defines a module-level name, if it may go: a harmless value, or a private helper."""
    parent = home.index.parents.get(node)
    if isinstance(node, cst.FunctionDef):
        return node if name.startswith("_") and isinstance(parent, cst.Module) and not node.decorators else None
    if isinstance(node, cst.ClassDef):
        only_error = node.bases and all((dotted(b.value) or "").endswith(("Error", "Exception")) for b in node.bases)
        return node if only_error and not list(find(node.body, cst.FunctionDef)) else None
    if isinstance(parent, cst.Assign) and len(parent.targets) == 1 and dotted(parent.targets[0].target) == name:
        return parent if _harmless(node) else None
    if isinstance(parent, cst.AnnAssign):
        return parent if _harmless(node) else None
    return None

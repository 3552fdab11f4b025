"""What holds a gate that is an object, or hands it on: variables, attributes, parameters and their arguments.

`limiter = TurnLimiter(3)`, `Desk(store, limiter)`, `def __init__(self, store, limiter)`, `self.limiter = limiter`: it
all goes together, or nothing of it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from lk_migrate.facts.classes import is_super_init
from lk_migrate.facts.emptied_functions import take_emptied
from lk_migrate.facts.evaluation.given import argument_for, call_sites
from lk_migrate.facts.gate_mentions import attribute_mentions, modules_with, name_mentions
from lk_migrate.facts.gate_removals import Removal, Search
from lk_migrate.facts.gate_state import harmless, mere_reset
from lk_migrate.facts.gates import Gate
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import lineages, method
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.variables import Binding, binding_of, uses
from lk_migrate.facts.walk import descendants

_HELD = "it held the turn gate"


class InUse(Exception):
    """Something else needs the value, or cannot be followed."""


def take_holders(search: Search, gate: Gate, owner: cst.ClassDef) -> None:
    """Whatever keeps an object of the gate's class, when only guards used it."""
    made = owner.name.value
    for module in modules_with(search.project, made):
        for call in module.index.of(cst.Call):
            if (dotted(call.func) or "").rpartition(".")[2] != made or call in search.gone:
                continue
            try:
                holders = _Holders(search, gate, owner)
                holders.give_up(module, call)
            except InUse:
                continue
            for removal in holders.found:
                search.take(removal)
            for where, reset in holders.resets:
                take_emptied(search, where, reset)


def held_as(gate: Gate) -> Iterator[str]:
    """The attributes that a gate which is an object of its own is asked by: `turn` of `self.turn.claim("book")`."""
    for guard in gate.guards:
        asked = guard.node.func if isinstance(guard.node, cst.Call) else None
        holder = asked.value if isinstance(asked, cst.Attribute) else None
        if isinstance(holder, cst.Attribute) and dotted(holder.value) == "self" and guard.owner is not gate.owner:
            yield holder.attr.value


def take_parameter(search: Search, gate: Gate, function: cst.FunctionDef, name: str) -> None:
    """A parameter that only the gate read, with the arguments given for it."""
    try:
        holders = _Holders(search, gate, gate.owner)
        holders.drop_parameter(gate.module, function, name)
    except InUse:
        return
    for removal in holders.found:
        search.take(removal)


class _Holders:
    """The removals that taking one object away asks for. Any method raises `InUse` when that cannot be done."""

    def __init__(self, search: Search, gate: Gate, owner: cst.ClassDef | None) -> None:
        self.search, self.gate, self.owner = search, gate, owner
        self.found: list[Removal] = []
        self.resets: list[tuple[Module, cst.CSTNode]] = []
        self._gone: set[cst.CSTNode] = set()

    def _take(self, module: Module, node: cst.CSTNode, *parts: cst.CSTNode) -> None:
        self.found.append(Removal(module, node, _HELD, parts))
        for one in parts or (node,):
            self._gone.update(descendants(one))

    def _left(self, nodes: Iterable[cst.CSTNode]) -> list[cst.CSTNode]:
        return [n for n in nodes if n not in self._gone and n not in self.search.gone]

    def give_up(self, module: Module, value: cst.CSTNode) -> None:
        """The object at `value` goes, with what takes it."""
        if isinstance(value, cst.Call) and not all(harmless(a.value) for a in value.args):
            raise InUse
        parent = module.index.parents[value]
        if isinstance(parent, (cst.Assign, cst.AnnAssign)) and parent.value is value:
            if isinstance(parent, cst.Assign) and len(parent.targets) != 1:
                raise InUse
            self._take(module, parent)
            self._target(module, parent.targets[0].target if isinstance(parent, cst.Assign) else parent.target)
        elif isinstance(parent, cst.Arg):
            self._argument(module, parent)
        elif isinstance(parent, cst.BooleanOperation) and harmless(parent.left) and parent.right is value:
            self.give_up(module, parent)  # `limiter or TurnLimiter(3)`
            if isinstance(parent.left, cst.Name):
                self._variable(module, parent.left)
        else:
            raise InUse

    def _target(self, module: Module, target: cst.CSTNode) -> None:
        if isinstance(target, cst.Attribute):
            around = module.index.enclosing(target, cst.ClassDef)
            holder = around if isinstance(around, cst.ClassDef) else None
            mentions = list(attribute_mentions(self.search.project, target.attr.value, self.gate, holder))
            for where, node in mentions:
                if self._left([node]):
                    self._use(where, node)
        elif isinstance(target, cst.Name):
            for node in self._left(uses(module, binding_of(module, target))):
                self._use(module, node)
            if module.index.enclosing(target, cst.FunctionDef, cst.ClassDef) is None:
                self._elsewhere(module, target.value)
        else:
            raise InUse

    def _elsewhere(self, home: Module, name: str) -> None:
        """A module's variable is used and imported by other modules, too."""
        for node in name_mentions(self.search.project, self.search.gone, home, name, self._gone):
            module = self.search.project.home(node)
            assert module is not None
            self._use(module, module.index.parents[node] if module.index.is_attribute(node) else node)
        for module in modules_with(self.search.project, name):
            for item in module.imports:
                if item.local == name and item.alias is not None and self._left([item.alias]):
                    symbol = self.search.project.resolve_name(module, name)
                    if symbol is not None and symbol.module is home and symbol.name == name:
                        self._take(module, item.statement, item.alias)

    def _use(self, module: Module, node: cst.CSTNode) -> None:
        """Where a variable or attribute with the object is mentioned: set, reset, or handed on."""
        parent = module.index.parents[node]
        reset = mere_reset(module, node, self.owner) if self.owner is not None else None
        if reset is not None:
            self._take(module, reset)
            self.resets.append((module, reset))
        elif isinstance(parent, cst.AnnAssign) and parent.target is node and parent.value is None:
            self._take(module, parent)
        elif isinstance(parent, cst.AssignTarget):
            assign = module.index.parents[parent]
            if not isinstance(assign, cst.Assign) or len(assign.targets) != 1 or not harmless(assign.value):
                raise InUse
            self._take(module, assign)
        else:
            self.give_up(module, node)

    def _argument(self, module: Module, arg: cst.Arg) -> None:
        call = module.index.parents[arg]
        taker = _callee(self.search.project, module, call) if isinstance(call, cst.Call) and not arg.star else None
        if taker is None:
            raise InUse
        home, function = taker
        for param in (*function.params.posonly_params, *function.params.params, *function.params.kwonly_params):
            if argument_for(function, param, call) is arg:  # type: ignore[arg-type]
                self.drop_parameter(home, function, param.name.value)
                return
        raise InUse

    def drop_parameter(self, module: Module, function: cst.FunctionDef, name: str) -> None:
        """The parameter goes, with the argument of every call; there must be no call that we do not know."""
        params = function.params
        param = next((p for p in (*params.params, *params.kwonly_params) if p.name.value == name), None)
        if param is None or any(dotted(d.decorator) is None for d in function.decorators):
            raise InUse
        if self._left([param]):
            sites = list(call_sites(self.search.project, module, function))
            if not all(self._is_call(m, n, sites) for m, n in _mentions(self.search, module, function)):
                raise InUse
            self._take(module, params, param)
            for node in self._left(uses(module, Binding(function, name))):
                self._use(module, node)
            for where, call in sites:
                if any(a.star for a in call.args):
                    raise InUse
                arg = argument_for(function, param, call)
                if arg is not None and self._left([arg]):
                    if not harmless(arg.value) and not self._makes_gate(arg.value):
                        raise InUse
                    self._take(where, call, arg)
                    if isinstance(arg.value, cst.Name):
                        self._variable(where, arg.value)

    def _makes_gate(self, value: cst.BaseExpression) -> bool:
        made = (dotted(value.func) or "").rpartition(".")[2] if isinstance(value, cst.Call) else ""
        return self.owner is not None and made == self.owner.name.value

    def _variable(self, module: Module, name: cst.Name) -> None:
        """What held an argument, if that was the gate's object, or a parameter, and nothing else reads it."""
        binding = binding_of(module, name)
        left = self._left(uses(module, binding))
        if name in self._gone:
            left = [n for n in left if n is not name]
        for node in left:
            assign = module.index.enclosing(node, cst.Assign)
            if isinstance(assign, cst.Assign) and self._makes_gate(assign.value):
                self._use(module, node)
        if len(left) == 1 and isinstance(module.index.parents[left[0]], cst.Param):
            before = list(self.found), set(self._gone)
            try:
                self.drop_parameter(module, binding.owner, binding.name)  # type: ignore[arg-type]
            except InUse:
                self.found, self._gone = before

    def _is_call(self, module: Module, node: cst.CSTNode, sites: list[tuple[Module, cst.Call]]) -> bool:
        """Whether a mention of the function (or its class) is a call that we know, a base, or an annotation."""
        parent = module.index.parents[node]
        if module.index.is_attribute(node):
            node, parent = parent, module.index.parents[parent]
        if isinstance(parent, cst.Call) and parent.func is node:
            return any(parent is call for _, call in sites)
        if isinstance(parent, cst.Arg) and isinstance(module.index.parents[parent], cst.ClassDef):
            return True
        return module.index.enclosing(node, cst.Annotation) is not None


def _callee(project: Project, module: Module, call: cst.Call) -> tuple[Module, cst.FunctionDef] | None:
    """The function that gets the arguments of a call: the project's own, or its class's `__init__`."""
    if is_super_init(call):
        around = module.index.enclosing(call, cst.ClassDef)
        above = project.fact(lineages).of(around)[1:] if isinstance(around, cst.ClassDef) else ()
        found = method(above, "__init__")
        return (found[0].module, found[1]) if found is not None else None
    symbol = project.resolve(module, call.func)
    if symbol is None or symbol.module is None:
        return None
    if isinstance(symbol.node, cst.ClassDef):
        if sum(c.name.value == symbol.name for c in symbol.module.index.of(cst.ClassDef)) > 1:
            return None  # which of them it is, only a run tells
        found = method(project.fact(lineages).of(symbol.node), "__init__")
        return (found[0].module, found[1]) if found is not None else None
    return (symbol.module, symbol.node) if isinstance(symbol.node, cst.FunctionDef) else None


def _mentions(search: Search, module: Module, function: cst.FunctionDef) -> Iterator[tuple[Module, cst.CSTNode]]:
    """Every place that speaks of a function; of an `__init__`, of its class and those that inherit it."""
    owner = module.index.enclosing(function, cst.ClassDef, cst.FunctionDef)
    if isinstance(owner, cst.FunctionDef):
        for node in uses(module, Binding(owner, function.name.value)):
            yield module, node
        return
    named = [(module, function.name.value)]
    if isinstance(owner, cst.ClassDef):
        if function.name.value != "__init__":
            for where in modules_with(search.project, function.name.value):
                yield from ((where, n) for n in where.index.of(cst.Attribute) if n.attr.value == function.name.value)
                if where.strings.get(function.name.value):
                    raise InUse
            return
        lines = search.project.fact(lineages).heirs(owner)
        made_by = [line for line in lines if (found := method(line, "__init__")) is not None and found[1] is function]
        named = [(line[0].module, line[0].name) for line in made_by]
    for home, name in named:
        for mention in name_mentions(search.project, search.gone, home, name, set()):
            where_it_is = search.project.home(mention)
            assert where_it_is is not None
            yield where_it_is, mention

"""What kept a turn gate's state beside the agent: `ctx.userdata.turn.calls`, `ctx.userdata["calls"]`.

A field goes when nothing mentions it any more and nobody gives it a value by hand; a class goes when the gate's state
was all that it held. What may still be needed stays, and is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.evaluation.userdata import user_data_displays
from lk_migrate.facts.gate_candidates import written
from lk_migrate.facts.gate_holders import take_holders
from lk_migrate.facts.gate_mentions import attribute_mentions, modules_with, name_mentions
from lk_migrate.facts.gate_removals import Read, Removal, Search, take_imports
from lk_migrate.facts.gate_state import harmless
from lk_migrate.facts.gates import Gate
from lk_migrate.facts.lineage import lineages
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import descendants, find

_STATE = "the state of the turn gate"
_MIXIN = "nothing is left of it without the turn gate"
#: Calls that read every field of an object, whatever it is called.
_READS_ALL = re.compile(rb"\b(asdict|astuple|vars|fields|model_dump|model_dump_json)\(|__dict__|\.dict\(")


def take_records(search: Search, gate: Gate) -> None:
    """The fields and classes that only held the gate's state."""
    for record in gate.trial.records:
        home = search.project.home(record)
        if home is None or record in search.gone:
            continue
        for module, field in _fields_with(search, record):
            _take_field(search, gate, module, field)
        if not _is_spent(search, record):
            continue
        take_holders(search, gate, record)
        if not any(_uses(search, home, record)):
            search.take(Removal(home, record, _STATE))
            take_imports(search, home, record.name.value)


def take_keys(search: Search, gate: Gate) -> None:
    """The keys of the session's data that only the gate set and read."""
    displays = search.project.fact(user_data_displays)
    for key in keys_of(gate):
        if any(key_reads(search, key)):
            continue
        for module, display in displays:
            for element in display.elements:
                if isinstance(element, cst.DictElement) and _text(element.key) == key and harmless(element.value):
                    search.take(Removal(module, display, _STATE, (element,)))


def keys_of(gate: Gate) -> list[str]:
    """The keys that the gate sets in a dictionary: `data["calls"] += 1`."""
    found: dict[str, None] = {}
    for node in find(gate.node, cst.AssignTarget, cst.AugAssign):
        target = node.target  # type: ignore[attr-defined]
        if isinstance(target, cst.Subscript) and len(target.slice) == 1:
            index = target.slice[0].slice
            key = _text(index.value) if isinstance(index, cst.Index) else ""
            if key:
                found.setdefault(key)
    return list(found)


def key_reads(search: Search, key: str) -> Iterator[tuple[Module, cst.CSTNode]]:
    """Where a key is asked for by what stays: `data["calls"]`, `data.get("calls")`."""
    for module in modules_with(search.project, key):
        for text in module.strings.get(key, ()):
            parent = module.index.parents[text]
            around = module.index.parents[parent]
            call = around if isinstance(parent, cst.Arg) else None
            asked = isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute)
            if text not in search.gone and (asked or isinstance(around, cst.SubscriptElement)):
                yield module, text


def _text(node: cst.CSTNode) -> str:
    return text_of(node) or ""


def take_mixin(search: Search, owner: cst.ClassDef) -> None:
    """A class of which nothing is left goes, as a base of other classes, too, if it is nothing but a base."""
    home = search.project.home(owner)
    if home is None or owner in search.gone or owner.bases or owner.decorators or not _is_spent(search, owner):
        return
    bases: list[Removal] = []
    for node in _uses(search, home, owner):
        module = search.project.home(node)
        assert module is not None
        parent = module.index.parents[node]
        heir = module.index.parents[parent]
        if not (isinstance(parent, cst.Arg) and isinstance(heir, cst.ClassDef) and parent in heir.bases):
            return
        bases.append(Removal(module, heir, _MIXIN, (parent,)))
    for removal in (Removal(home, owner, _MIXIN), *bases):
        search.take(removal)
    take_imports(search, home, owner.name.value)


def left_records(search: Search, going: list[Gate]) -> Iterator[Read]:
    """What only held the gate's state and had to stay: fields that nothing reads, or the class when these are all."""
    for gate in going:
        counted = set(written(gate.node))
        for record in gate.trial.records:
            home = search.project.home(record)
            if home is None or record in search.gone:
                continue
            left = [s for s in _statements(record) if s not in search.gone and not _does_nothing(s)]
            idle = [s for s in left if _name_of(s) in counted and not any(_mentions(search, gate, s))]
            if len(idle) == len(left):
                yield Read(home, record, record.name.value)
            else:
                yield from (Read(home, s, _name_of(s)) for s in idle)


def may_go(project: Project, field: cst.CSTNode, owner: cst.ClassDef) -> bool:
    """Whether nobody gives the class's field a value by hand, or reads all fields at once."""
    names = [line[0].name for line in project.fact(lineages).heirs(owner)] or [owner.name.value]
    fields = list(_field_names(owner))
    if _name_of(field) not in fields:
        return False  # (it stands in a block of the class)
    position = fields.index(_name_of(field))
    for module in project.modules(iter(sorted(project.paths_with(name.encode() for name in names)))):
        for call in (c for name in names for c in module.calls.get(name, ())):
            by_position = sum(a.keyword is None for a in call.args)
            named = {a.keyword.value for a in call.args if a.keyword is not None}
            if by_position > position or any(a.star for a in call.args) or _name_of(field) in named:
                return False
    return not any(_READS_ALL.search(data) for data in project.files.values())


def _field_names(owner: cst.ClassDef) -> Iterator[str]:
    return (_name_of(s) for s in _statements(owner) if _name_of(s))


def _statements(owner: cst.ClassDef) -> Iterator[cst.CSTNode]:
    for line in owner.body.body:
        yield from line.body if isinstance(line, cst.SimpleStatementLine) else (line,)


def _name_of(field: cst.CSTNode) -> str:
    target = field.target if isinstance(field, cst.AnnAssign) else None
    if isinstance(field, cst.Assign) and len(field.targets) == 1:
        target = field.targets[0].target
    return target.value if isinstance(target, cst.Name) else ""


def _fields_with(search: Search, record: cst.ClassDef) -> Iterator[tuple[Module, cst.CSTNode]]:
    """The fields of other classes that hold such an object: `turn: TurnState = field(default_factory=TurnState)`."""
    name = record.name.value
    for module in modules_with(search.project, name):
        seen: set[cst.CSTNode] = set()
        for node in module.names.get(name, ()):
            field = module.index.enclosing(node, cst.AnnAssign, cst.Assign, cst.FunctionDef)
            if field is None or field in seen or field in search.gone or not _name_of(field):
                continue
            seen.add(field)
            symbol = search.project.resolve(module, node)
            in_class = isinstance(module.index.enclosing(field, cst.ClassDef, cst.FunctionDef), cst.ClassDef)
            if in_class and symbol is not None and symbol.node is record:
                yield module, field


def _take_field(search: Search, gate: Gate, module: Module, field: cst.CSTNode) -> None:
    owner = module.index.enclosing(field, cst.ClassDef)
    if not isinstance(owner, cst.ClassDef) or any(_mentions(search, gate, field)):
        return
    if may_go(search.project, field, owner):
        search.take(Removal(module, field, _STATE))


def _mentions(search: Search, gate: Gate, field: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Where a field may still be read or set."""
    inside = set(descendants(field))
    mentions = attribute_mentions(search.project, _name_of(field), gate)
    return (node for _, node in mentions if node not in search.gone and node not in inside)


def _is_spent(search: Search, record: cst.ClassDef) -> bool:
    """Whether nothing but a docstring is left of the class."""
    statements = list(_statements(record))
    return any(s in search.gone for s in statements) and all(s in search.gone or _does_nothing(s) for s in statements)


def _does_nothing(statement: cst.CSTNode) -> bool:
    is_text = isinstance(statement, cst.Expr) and harmless(statement.value)
    return is_text or isinstance(statement, cst.Pass)


def _uses(search: Search, home: Module, record: cst.ClassDef) -> Iterator[cst.CSTNode]:
    return name_mentions(search.project, search.gone, home, record.name.value, set(descendants(record)))

"""Every place that may mean a gate, its attributes, or a name that only it needed.

A name that cannot be followed (`getattr(x, "_turn_gate")`, an object of unknown class) counts as a mention, so doubt
keeps code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from lk_migrate.facts.gates import Gate
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import lineages, method
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.testcode import is_test
from lk_migrate.facts.walk import find


def attribute_mentions(
    project: Project, name: str, gate: Gate, holder: cst.ClassDef | None = None
) -> Iterator[tuple[Module, cst.CSTNode]]:
    """Attributes, class-level names and strings called `name` that may be the gate's, or those of its `holder`."""
    lines = project.fact(lineages)
    owners = {o for o in [gate.owner, holder, *(g.owner for g in gate.guards), *gate.trial.records] if o is not None}
    related = {c for o in owners for c in lines.related(o)}
    for module in modules_with(project, name):
        names = module.names.get(name, ())
        for node in (p for n in names if type(p := module.index.parents[n]) is cst.Attribute and p.attr is n):
            if _names_a_module(module, node) or _is_of_nobody_here(project, node):
                continue
            owner = module.index.enclosing(node, cst.ClassDef)
            if dotted(node.value) in ("self", "cls") and owner is not None and owner not in related:
                continue
            yield module, node
        for text in module.strings.get(name, ()):
            if not _in_slots(module, text) and not _in_json(module, text):
                yield module, text
        for word in names:
            if _class_level(module, word) in related:
                yield module, word


def _names_a_module(module: Module, node: cst.Attribute) -> bool:
    """Whether it is part of what an import imports: `from shared.turns import …`."""
    return module.index.enclosing(node, cst.Import, cst.ImportFrom) is not None


def _is_of_nobody_here(project: Project, node: cst.Attribute) -> bool:
    """`client.audio.speech`, where nothing in the project has an `audio`: what is asked belongs to a library."""
    holder = node.value
    return isinstance(holder, cst.Attribute) and not any(
        _is_given(module, holder.attr.value) for module in modules_with(project, holder.attr.value)
    )


def _is_given(module: Module, name: str) -> bool:
    """Whether the name is anything but an attribute that is read."""
    parents = module.index.parents
    for node in module.names.get(name, ()):
        outer = parents[node]
        if not (isinstance(outer, cst.Attribute) and outer.attr is node):
            return True
        if isinstance(parents[outer], (cst.AssignTarget, cst.AnnAssign, cst.AugAssign)):
            return True
    return bool(module.strings.get(name))


def modules_with(project: Project, name: str) -> Iterator[Module]:
    """The modules in whose text `name` stands somewhere, tests left out."""
    for path in project.paths_naming([name]):
        module = project.module(path) if not is_test(path) else None
        if module is not None:
            yield module


def tests_of(project: Project, names: Iterable[str]) -> Iterator[tuple[Module, cst.CSTNode, str]]:
    """Where tests speak of what is gone: the outermost function or statement of each, once, and the name."""
    wanted = frozenset(names)
    for path in filter(is_test, project.paths_naming(wanted)):
        module = project.module(path)
        seen: set[cst.CSTNode] = set()
        for node in module.index.of(cst.Name) if module is not None else ():
            if module is None or node.value not in wanted:
                continue
            place = module.index.enclosing(node, cst.FunctionDef) or module.index.top_level(node)
            if place not in seen:
                seen.add(place)
                yield module, place, node.value


def _in_slots(module: Module, node: cst.CSTNode) -> bool:
    assign = module.index.enclosing(node, cst.Assign)
    return isinstance(assign, cst.Assign) and dotted(assign.targets[0].target) == "__slots__"


def _in_json(module: Module, text: cst.CSTNode) -> bool:
    """Whether it is a key of an answer in JSON: `json.dumps({"left": 2})`."""
    element = module.index.parents[text]
    call = module.index.enclosing(text, cst.Call)
    if not isinstance(element, cst.DictElement) or element.key is not text or not isinstance(call, cst.Call):
        return False
    return (dotted(call.func) or "").rpartition(".")[2] == "dumps"


def _class_level(module: Module, node: cst.Name) -> cst.CSTNode | None:
    """The class in whose body the name is assigned."""
    parent = module.index.parents[node]
    if not (isinstance(parent, (cst.AssignTarget, cst.AnnAssign)) and parent.target is node):
        return None
    scope = module.index.enclosing(node, cst.ClassDef, cst.FunctionDef)
    return scope if isinstance(scope, cst.ClassDef) else None


def method_mentions(project: Project, name: str, gate: Gate) -> Iterator[tuple[Module, cst.CSTNode]]:
    """Attributes and strings that may mean the gate's method; those of another class with such a method don't."""
    lines = project.fact(lineages)
    assert gate.owner is not None
    related = lines.related(gate.owner)
    for module in modules_with(project, name):
        for node in module.index.of(cst.Attribute):
            if node.attr.value != name:
                continue
            owner = module.index.enclosing(node, cst.ClassDef)
            if dotted(node.value) == "self" and isinstance(owner, cst.ClassDef):
                found = method(lines.of(owner), name)
                if owner not in related or (found is not None and found[1] is not gate.node):
                    continue
            yield module, node
        for text in module.strings.get(name, ()):
            yield module, text


def other_calls(project: Project, gate: Gate) -> list[tuple[Module, cst.CSTNode]]:
    """The calls of a gate that is an object's method, made for something that is no turn gate: the same class may
    count the text messages of a call. None where anything but calls speaks of it, which may be anything.
    """
    if gate.owner is None or any(guard.owner is gate.owner for guard in gate.guards):
        return []
    asked = {id(guard.node) for guard in gate.guards}
    inside = {id(n) for n in find(gate.owner, cst.Attribute)}
    found: list[tuple[Module, cst.CSTNode]] = []
    for module, node in method_mentions(project, gate.name, gate):
        call = module.index.parents.get(node)
        if id(call) in asked or id(node) in inside:
            continue
        if not (isinstance(call, cst.Call) and call.func is node):
            return []
        found.append((module, call))
    return found


def name_mentions(
    project: Project, gone: set[cst.CSTNode], home: Module, name: str, inside: set[cst.CSTNode]
) -> Iterator[cst.CSTNode]:
    """Where the module-level `name` of `home` is used by what stays; imports and `__all__` are not uses."""
    for module in modules_with(project, name):
        for node in module.index.of(cst.Name):
            if node.value != name or node in gone or node in inside:
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
            symbol = project.resolve(module, expression)
            if symbol is not None and symbol.module is home and symbol.name == name:
                yield node
        for statement in module.index.of(cst.ImportFrom):
            if isinstance(statement.names, cst.ImportStar) and module is not home:
                target = project.resolve_name(module, name)
                if target is not None and target.module is home:
                    yield statement
        for text in module.strings.get(name, ()):
            if text not in gone and not in_all(module, text):
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


def in_all(module: Module, node: cst.CSTNode) -> bool:
    """Whether the string stands in an `__all__`."""
    assign = module.index.enclosing(node, cst.Assign)
    return isinstance(assign, cst.Assign) and dotted(assign.targets[0].target) == "__all__"

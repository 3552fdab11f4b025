"""What kind of framework object a variable holds: `session`, `self.session`, `ctx.session`, `self._session`, …

Only evidence in the code counts: a construction, an annotation, an attribute of an Agent, a parameter of a tool.
A variable that merely has a good name is `session` to nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import libcst as cst

from lk_migrate.facts.agents import any_tool, any_tool_files
from lk_migrate.facts.framework import Owner, agents_name, callee, class_of, framework_base
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.importers import importing, where_livekit_is_imported
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_evidence import may_hold_0x
from lk_migrate.facts.walk import Index

AGENT_CLASSES = frozenset({"Agent", "AgentTask"})
#: What a class of old is today.
_TODAY = {"AsyncRunContext": "RunContext"}


def instance_of(project: Project, module: Module, expression: cst.CSTNode, depth: int = 0) -> str | None:
    """The framework class that `expression` is an instance of, as far as the code shows it; None if it does not."""
    if depth > 8:
        return None
    if depth == 0 and project.fact(holdings).is_v0_agent(module, expression):
        # What 0.x called the agent is the session of the converted file.
        return "AgentSession"
    kind = type(expression)  # most are names
    if kind is cst.Name:
        return _of_name(project, module, cast(cst.Name, expression), depth)
    if kind is cst.Attribute:
        return _of_attribute(project, module, cast(cst.Attribute, expression), depth)
    if kind is cst.Call:
        return _made_by(project, module, cast(cst.Call, expression), depth)
    if isinstance(expression, cst.Await):
        return instance_of(project, module, expression.expression, depth + 1)
    if isinstance(expression, cst.NamedExpr):
        return instance_of(project, module, expression.value, depth + 1)
    return None


def where_objects_may_be(project: Project) -> frozenset[str]:
    """The files in which `instance_of` or `holdings` may know anything: the `paths` of rules that ask these.

    What is LiveKit's is named there, or comes from a file that does by an import, or by a tool's bare `ctx`. Objects of
    0.x are followed through calls, into any file.
    """
    if project.fact(may_hold_0x):
        return frozenset(project.files)
    return project.fact(where_livekit_is_imported) | importing(project, project.fact(any_tool_files))


def _is_out_of_reach(project: Project, module: Module, expression: cst.CSTNode) -> bool:
    """Whether `expression` is imported from a file that no such object can be in."""
    home = project.home_of_import(module, expression) if module.may_be_imported(expression) else None
    return home is not None and home not in project.fact(where_objects_may_be)


def _made_by(project: Project, module: Module, call: cst.Call, depth: int) -> str | None:
    target = callee(call)
    name = agents_name(project, module, target)
    if name is not None:
        return _TODAY.get(name, name) if name[:1].isupper() else None
    if isinstance(target, cst.Attribute) and target.attr.value in ("say", "generate_reply"):
        return "SpeechHandle" if instance_of(project, module, target.value, depth + 1) == "AgentSession" else None
    if _is_out_of_reach(project, module, target) or project.sure_definition(module, target) in ("class", "value"):
        return None
    owner = class_of(project, module, target)
    if owner is not None:
        return framework_base(project, owner)
    symbol = project.resolve(module, target)
    if symbol is not None and isinstance(symbol.node, cst.FunctionDef) and symbol.module is not None:
        return _returned(project, symbol.module, symbol.node, depth)
    if isinstance(target, cst.Attribute) and dotted(target.value) == "self":
        node = module.index.enclosing(call, cst.ClassDef)
        if isinstance(node, cst.ClassDef):
            for statement in node.body.body:
                if isinstance(statement, cst.FunctionDef) and statement.name.value == target.attr.value:
                    return _returned(project, module, statement, depth)
    return None


def _returned(project: Project, module: Module, function: cst.FunctionDef, depth: int) -> str | None:
    if function.returns is not None:
        found = of_annotation(project, module, function.returns.annotation)
        if found is not None:
            return found
    kinds = {
        instance_of(project, module, node.value, depth + 1)
        for node in module.index.own_scope(function)
        if type(node) is cst.Return and node.value is not None
    }
    return kinds.pop() if len(kinds) == 1 else None


def of_annotation(project: Project, module: Module, annotation: cst.BaseExpression) -> str | None:
    """The framework class that an annotation names, through Optional, `| None`, subscripts and quotes."""
    for part in _alternatives(annotation):
        name = agents_name(project, module, part)
        if name is not None:
            return _TODAY.get(name, name)
        if project.sure_definition(module, part) == "class":
            return None
        owner = class_of(project, module, part)
        if owner is not None:
            return framework_base(project, owner)
    return None


def _alternatives(annotation: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    if isinstance(annotation, cst.BinaryOperation):
        yield from _alternatives(annotation.left)
        yield from _alternatives(annotation.right)
    elif isinstance(annotation, cst.Subscript):
        head = (dotted(annotation.value) or "").rpartition(".")[2]
        if head in ("Optional", "Union", "Annotated", "ClassVar", "Final"):
            for element in annotation.slice:
                if isinstance(element.slice, cst.Index):
                    yield from _alternatives(element.slice.value)
        else:
            yield annotation.value
    else:
        yield annotation


def _of_name(project: Project, module: Module, name: cst.Name, depth: int) -> str | None:
    for scope in module.scopes(name):
        if type(scope) is cst.ClassDef:
            continue
        found, bound = _bound_in(project, module, scope, name, depth)
        if bound:
            return found
        if type(scope) is not cst.Module and name.value in module.bound(scope):
            return None  # by an unpacking, a `def`, an `except`: it is no variable further out
    if _is_out_of_reach(project, module, name):
        return None
    symbol = project.resolve(module, name)
    if symbol is not None and symbol.module is not None and symbol.node is not None and symbol.module is not module:
        return instance_of(project, symbol.module, symbol.node, depth + 1)
    return None


_BINDING = (cst.Assign, cst.WithItem, cst.AnnAssign, cst.NamedExpr, cst.For, cst.CompFor)


@dataclass
class _Known:
    """What was found before: every use of a name, or of `self.x`, asks the same again. Use as a fact.

    By scope, or class, and name; and by depth, for the deeper the question the sooner it is given up. `binding`: by
    file, what may bind a name in a scope.
    """

    names: dict[tuple[cst.CSTNode, str, int], tuple[str | None, bool]] = field(default_factory=dict)
    attributes: dict[tuple[cst.CSTNode, str, int], str | None] = field(default_factory=dict)
    binding: dict[str, dict[tuple[int, str], list[cst.CSTNode]]] = field(default_factory=dict)


def _known(project: Project) -> _Known:
    return _Known()


def _bound_in(
    project: Project, module: Module, scope: cst.CSTNode, name: cst.Name, depth: int
) -> tuple[str | None, bool]:
    """(kind, whether `scope` binds the name at all)."""
    known, key = project.fact(_known).names, (scope, name.value, depth)
    if key not in known:
        known[key] = _read_bindings(project, module, scope, name, depth)
    return known[key]


def _read_bindings(
    project: Project, module: Module, scope: cst.CSTNode, name: cst.Name, depth: int
) -> tuple[str | None, bool]:
    kinds: set[str | None] = set()
    bound = False
    if isinstance(scope, (cst.FunctionDef, cst.Lambda)):
        for param in module.index.find(scope.params, cst.Param):
            if param.name.value == name.value:
                bound = True
                if param.annotation is not None:
                    kinds.add(of_annotation(project, module, param.annotation.annotation))
                elif isinstance(scope, cst.FunctionDef) and _is_run_context(project, module, scope, param):
                    kinds.add("RunContext")
                elif isinstance(scope, cst.FunctionDef):
                    kinds.add(_passed(project, module, scope, param, depth))
    binding = project.fact(_known).binding
    if module.path not in binding:
        binding[module.path] = _bindings(module.index)
    for node in binding[module.path].get((id(scope), name.value), ()):
        values: list[cst.BaseExpression] = []
        if not any(isinstance(t, cst.Name) and t.value == name.value for t in _targets(node)):
            bound = True
            kinds.add(None)  # a part of something
        elif isinstance(node, (cst.Assign, cst.NamedExpr)):
            values.append(node.value)
        elif isinstance(node, cst.AnnAssign):
            bound = True
            found = of_annotation(project, module, node.annotation.annotation)
            if found is not None:
                kinds.add(found)
            elif node.value is not None:
                values.append(node.value)
        elif isinstance(node, cst.WithItem):
            values.append(node.item)
        else:
            bound = True
            kinds.add(None)
        for value in values:
            bound = True
            if dotted(value) != "None":
                kinds.add(instance_of(project, module, value, depth + 1))
    return (next(iter(kinds)) if len(kinds) == 1 else None), bound


def _bindings(index: Index) -> dict[tuple[int, str], list[cst.CSTNode]]:
    """Id of a scope and plain name → what may bind the name there, in source order."""
    found: dict[tuple[int, str], list[cst.CSTNode]] = {}
    for node in sorted((n for kind in _BINDING for n in index.of(kind)), key=index.number):
        targets = _targets(node)
        parts = (e.value for t in targets if isinstance(t, (cst.Tuple, cst.List)) for e in t.elements)
        for name in dict.fromkeys(t.value for t in (*targets, *parts) if type(t) is cst.Name):
            found.setdefault((id(index.scopes[index.number(node)]), name), []).append(node)
    return found


def _targets(node: Any) -> list[cst.CSTNode]:
    """What one of `_BINDING` binds: names, attributes, and tuples of them."""
    if isinstance(node, cst.Assign):
        return [t.target for t in node.targets]
    if isinstance(node, cst.WithItem):
        return [node.asname.name] if node.asname is not None else []
    return [node.target]


def _is_run_context(project: Project, module: Module, function: cst.FunctionDef, param: cst.Param) -> bool:
    """Whether it is the bare `ctx` of a tool, which LK114 gives its type."""
    tool = any_tool(project, module, function)
    return tool is not None and tool.context is param


def _passed(project: Project, module: Module, function: cst.FunctionDef, param: cst.Param, depth: int) -> str | None:
    """What the callers in the same module pass for a parameter of a function that is no method, if they agree."""
    block = module.index.parents.get(function)
    if depth > 4 or block is None or type(block) not in (cst.Module, cst.IndentedBlock):
        return None
    if type(module.index.parents.get(block)) is cst.ClassDef:
        return None
    names = [p.name.value for p in function.params.params]
    position = names.index(param.name.value) if param.name.value in names else None
    kinds: set[str | None] = set()
    for call in module.calls.get(function.name.value, ()):
        if not isinstance(call.func, cst.Name):
            continue
        for i, arg in enumerate(call.args):
            if (arg.keyword is None and not arg.star and i == position) or (
                arg.keyword is not None and arg.keyword.value == param.name.value
            ):
                kinds.add(instance_of(project, module, arg.value, depth + 2))
    return kinds.pop() if len(kinds) == 1 else None


def _of_attribute(project: Project, module: Module, node: cst.Attribute, depth: int) -> str | None:
    attr = node.attr.value
    base = dotted(node.value)
    if base == "self":
        owner_node = module.index.enclosing(node, cst.ClassDef)
        if not isinstance(owner_node, cst.ClassDef):
            return None
        owner = Owner(module, owner_node)
        if attr == "session" and framework_base(project, owner) in AGENT_CLASSES:
            return "AgentSession"
        return _of_own_attribute(project, owner, attr, depth)
    kind = instance_of(project, module, node.value, depth + 1)
    if attr == "session" and (kind == "RunContext" or kind in AGENT_CLASSES):
        return "AgentSession"
    symbol = project.resolve(module, node)
    if symbol is not None and symbol.module is not None and symbol.node is not None:
        return instance_of(project, symbol.module, symbol.node, depth + 1)
    return None


def _of_own_attribute(project: Project, owner: Owner, attr: str, depth: int) -> str | None:
    known, key = project.fact(_known).attributes, (owner.node, attr, depth)
    if key not in known:
        known[key] = _read_own_attribute(project, owner, attr, depth)
    return known[key]


def _read_own_attribute(project: Project, owner: Owner, attr: str, depth: int) -> str | None:
    kinds: set[str | None] = set()
    for node in owner.module.index.find(owner.node, cst.Assign, cst.AnnAssign):
        if isinstance(node, cst.Assign):
            for target in node.targets:
                if _is_own(target.target, attr) and dotted(node.value) != "None":
                    kinds.add(instance_of(project, owner.module, node.value, depth + 1))
        elif isinstance(node, cst.AnnAssign) and (
            _is_own(node.target, attr) or (isinstance(node.target, cst.Name) and node.target.value == attr)
        ):
            found = of_annotation(project, owner.module, node.annotation.annotation)
            if found is not None:
                kinds.add(found)
    kinds.discard(None) if len(kinds) > 1 else None
    return kinds.pop() if len(kinds) == 1 else None


def _is_own(target: cst.CSTNode, attr: str) -> bool:
    return isinstance(target, cst.Attribute) and target.attr.value == attr and dotted(target.value) == "self"

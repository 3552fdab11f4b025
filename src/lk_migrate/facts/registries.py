"""Where a class lists its tools by hand: dicts and lists of its methods, calls that register them, JSON schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.classes import ClassRef, class_attributes, class_bases, is_self_attribute, methods, self_name
from lk_migrate.facts.constants import NotConstant, value_of
from lk_migrate.facts.framework import AGENT
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.schemas import ToolSchema, tool_schemas
from lk_migrate.facts.walk import find

_HINT = re.compile(r"tool|func|handler|action|regist|command|capabilit", re.IGNORECASE)
#: Methods that list tools; one called `handlers` may list those of events.
_GIVES_TOOLS = re.compile(r"tool|func|regist|command|capabilit", re.IGNORECASE)


@dataclass(frozen=True)
class Registry:
    """A statement that lists tools. `entries`: tool name → method name; `schemas` when it is a list of JSON schemas.

    `others`: the tools beside these that are no methods of the instance (functions, lambdas).
    """

    attribute: str
    statement: cst.CSTNode
    entries: tuple[tuple[str, str], ...] = ()
    schemas: tuple[ToolSchema, ...] = ()
    others: tuple[str, ...] = ()


def registries(project: Project, ref: ClassRef) -> Iterator[Registry]:
    """Attributes and calls of the class that list tools."""
    module, node = ref.module, ref.node
    own = {m.name.value for m in methods(node)}
    for name, (line, value) in class_attributes(node).items():
        schemas = tool_schemas(project, module, value)
        if schemas:
            yield Registry(name, line, (), schemas)
        elif _HINT.search(name):
            entries = _named_methods(value, own)
            if entries:
                yield Registry(name, line, entries)
    for function in methods(node):
        instance = self_name(function)
        for assign in module.index.find(function, cst.Assign, cst.AnnAssign):
            target = assign.targets[0].target if isinstance(assign, cst.Assign) else assign.target
            if assign.value is None or not is_self_attribute(target, instance):
                continue
            assert isinstance(target, cst.Attribute)
            statement = module.index.parents[assign]
            schemas = tool_schemas(project, module, assign.value)
            if schemas:
                yield Registry(target.attr.value, statement, (), schemas)
            elif _HINT.search(target.attr.value):
                entries, others = _bound_methods(assign.value, instance)
                if entries and not _is_looked_up_for_words(project, ref, target.attr.value):
                    yield Registry(target.attr.value, statement, entries, (), others)
        for loop in module.index.find(function, cst.For):
            entries = _named_in_loop(project, module, node, loop, instance)
            if entries:
                yield Registry("", loop, entries)
        for call in module.index.find(function, cst.Call):
            entry = _registered(call, instance)
            if entry is not None:
                yield Registry("", module.index.enclosing(call, cst.SimpleStatementLine) or call, (entry,))
        if re.search(r"tool|function|schema", function.name.value):
            for returned in find(function, cst.Return):
                schemas = tool_schemas(project, module, returned.value) if returned.value is not None else ()
                if schemas:
                    yield Registry(function.name.value, function, (), schemas)
                    break
        if _GIVES_TOOLS.search(function.name.value):
            for returned in module.index.find(function, cst.Return):
                entries, others = _bound_methods(returned.value, instance) if returned.value is not None else ((), ())
                if entries:
                    yield Registry(function.name.value, function, entries, others=others)
    # a module constant that only a method uses: `tools=TOOLS` in the call of the model
    used = {n.value for n in module.index.find(node, cst.Name)}
    for name, constant in module.definitions.items():
        if name in used and _HINT.search(name) and isinstance(constant, (cst.List, cst.BinaryOperation)):
            schemas = tool_schemas(project, module, constant)
            if schemas:
                yield Registry("", constant, (), schemas)


def _is_looked_up_for_words(project: Project, ref: ClassRef, attribute: str) -> bool:
    """An `Agent` that calls `self.commands[word](text)`: the class picks by what was said, the model is not asked.

    What a model calls gets its arguments by name (`**arguments`), and an `Agent` offers its decorated methods only.
    """
    if not any(base in AGENT for base in class_bases(project, ref)):
        return False
    return any(
        isinstance(call.func, cst.Subscript)
        and (dotted(call.func.value) or "").endswith(f".{attribute}")
        and call.args
        and not any(a.star or a.keyword is not None for a in call.args)
        for call in ref.module.index.find(ref.node, cst.Call)
    )


def _bound_methods(value: cst.CSTNode, instance: str | None) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """`{"set_notes": self.set_notes}` and `[self.set_notes]` as (tool, method) pairs, and the names of other callables.

    Nothing for anything else.
    """
    pairs: list[tuple[str, str]] = []
    others: list[str] = []
    if isinstance(value, cst.Dict):
        for item in value.elements:
            if not (isinstance(item, cst.DictElement) and isinstance(item.key, cst.SimpleString)):
                return (), ()
            bound = item.value.elements[0].value if isinstance(item.value, cst.Tuple) and item.value.elements else None
            target = bound if bound is not None else item.value
            name = str(string_value(item.key))
            if is_self_attribute(target, instance):
                assert isinstance(target, cst.Attribute)
                pairs.append((name, target.attr.value))
            elif isinstance(target, (cst.Name, cst.Attribute, cst.Lambda, cst.Call)):
                others.append(name)
            else:
                return (), ()
    elif isinstance(value, (cst.List, cst.Tuple, cst.Set)):
        for element in value.elements:
            if is_self_attribute(element.value, instance):
                assert isinstance(element.value, cst.Attribute)
                pairs.append((element.value.attr.value, element.value.attr.value))
            elif isinstance(element.value, (cst.Name, cst.Attribute)):
                others.append((dotted(element.value) or "").rpartition(".")[2])
            else:
                return (), ()
    return tuple(pairs), tuple(others)


def _named_in_loop(
    project: Project, module: Module, node: cst.ClassDef, loop: cst.For, instance: str | None
) -> tuple[tuple[str, str], ...]:
    """`for name in NAMES: self.tools[name] = getattr(self, name)`: the names, when they are methods of the class."""
    if not isinstance(loop.target, cst.Name):
        return ()
    looked_up = any(
        dotted(call.func) == "getattr"
        and len(call.args) > 1
        and dotted(call.args[0].value) == instance
        and dotted(call.args[1].value) == loop.target.value
        for call in find(loop.body, cst.Call)
    )
    iterated: cst.CSTNode = loop.iter
    if is_self_attribute(iterated, instance):
        own = class_attributes(node).get(iterated.attr.value)  # type: ignore[attr-defined]
        iterated = own[1] if own is not None else iterated
    try:
        names = value_of(project, module, iterated) if looked_up else ()
    except (NotConstant, TypeError):
        return ()
    listed = list(names) if isinstance(names, (list, dict)) else []
    return tuple((n, n) for n in listed if isinstance(n, str) and n.isidentifier())


def _named_methods(value: cst.CSTNode, own: set[str]) -> tuple[tuple[str, str], ...]:
    """`{"set_notes": "set_notes"}` and `["set_notes"]` at class level, when the strings are methods of the class."""
    pairs: list[tuple[str, str]] = []
    if isinstance(value, cst.Dict):
        for item in value.elements:
            if not isinstance(item, cst.DictElement) or not isinstance(item.key, cst.SimpleString):
                return ()
            target = string_value(item.value) if isinstance(item.value, cst.SimpleString) else dotted(item.value)
            if target not in own:
                return ()
            pairs.append((str(string_value(item.key)), str(target)))
    elif isinstance(value, (cst.List, cst.Tuple)):
        for element in value.elements:
            name = string_value(element.value) if isinstance(element.value, cst.SimpleString) else None
            if name not in own:
                return ()
            pairs.append((str(name), str(name)))
    return tuple(pairs)


def _registered(call: cst.Call, instance: str | None) -> tuple[str, str] | None:
    """`self.register_tool("set_notes", self.set_notes)` → (tool, method)."""
    name = dotted(call.func) or ""
    if not re.search(r"(register|add)\w*", name.rpartition(".")[2]) or not name.startswith(f"{instance}."):
        return None
    if not _HINT.search(name):
        return None
    bound = [a.value.attr.value for a in call.args if is_self_attribute(a.value, instance)]  # type: ignore[attr-defined]
    said = [str(string_value(a.value)) for a in call.args if isinstance(a.value, cst.SimpleString)]
    if len(bound) != 1:
        return None
    return (said[0] if said and said[0].isidentifier() else bound[0], bound[0])

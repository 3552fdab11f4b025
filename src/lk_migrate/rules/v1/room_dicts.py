"""Dicts that bring options of a room to a call: which can have one `room_options`, and what is in the way (LK305)."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.flows import text_key
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.rewrite.arguments import keyword
from lk_migrate.rules.v1.room_fields import FIELDS
from lk_migrate.rules.v1.room_values import START, convertible, old_class

_TRIGGERS = tuple(word.encode() for word in (*FIELDS, *START.old))


def unconverted(project: Project) -> list[str]:
    """Places that keep options of old from being rewritten wherever they are held: `opts.py:12`.

    Such are constructions with `**fields`, and dicts that get both old keywords one after the other (or one of them
    for a call that has the other). A dict that is written with both is none by itself.
    """
    found: list[str] = []
    spelled: dict[str, list[str]] = {}
    both: list[str] = []
    beside = False
    for path, data in sorted(project.files.items()):
        module = project.module(path) if any(name in data for name in _TRIGGERS) else None
        if module is None:
            continue
        for call in module.index.of(cst.Call):
            if old_class(project, module, call) is not None and not convertible(call):
                found.append(_spot(module, call))
            names = {keyword(a) for a in call.args}.intersection(START.old)
            beside = beside or (bool(names) and any(a.star == "**" for a in call.args))
            if names and is_dict_call(call):
                _add(call, module, both, spelled)
        for node in module.index.of(cst.Dict):
            _add(node, module, both, spelled)
        for name in START.old:
            for text in module.strings.get(name, ()):
                if is_key(text, module):
                    spelled.setdefault(name, []).append(_spot(module, text))
    if both and (spelled or beside):
        for name in START.old:
            spelled.setdefault(name, []).extend(both)
    if len(spelled) == 2 or (spelled and beside):
        found += dict.fromkeys(p for places in spelled.values() for p in places)
    return found


def _add(node: cst.Dict | cst.Call, module: Module, both: list[str], spelled: dict[str, list[str]]) -> None:
    found = old_items(node)
    if has_new(node):
        return  # today's options count alone
    names = {key_of(item) or "" for item in found}
    if len(names) == len(found) == 2:
        both.append(_spot(module, node))
        return
    for name in names:
        spelled.setdefault(name, []).append(_spot(module, node))


def _spot(module: Module, node: cst.CSTNode) -> str:
    return f"{module.path}:{module.span(node).line}"


def is_dict_call(call: cst.Call) -> bool:
    """`dict(…)` or `d.update(…)`."""
    return dotted(call.func) == "dict" or (isinstance(call.func, cst.Attribute) and call.func.attr.value == "update")


def old_items(node: cst.Dict | cst.Call) -> list[cst.DictElement | cst.Arg]:
    """What gives old options, in a display or a call; a display may have a key twice."""
    return [item for item in items(node) if key_of(item) in START.old]


def items(node: cst.Dict | cst.Call) -> list[cst.DictElement | cst.Arg]:
    """What a display or a call gives by name."""
    given = node.elements if isinstance(node, cst.Dict) else node.args
    return [item for item in given if isinstance(item, (cst.DictElement, cst.Arg))]


def has_new(node: cst.Dict | cst.Call) -> bool:
    """Whether it gives `room_options`."""
    return any(key_of(item) == START.new for item in items(node))


def key_of(item: cst.BaseDictElement | cst.Arg) -> str | None:
    """The name under which it gives its value."""
    if isinstance(item, cst.Arg):
        return keyword(item)
    return text_key(item.key) if isinstance(item, cst.DictElement) else None


def is_key(text: cst.SimpleString, module: Module) -> bool:
    """Whether a string is the key of a dict: in a subscript, `get`, `pop`, `setdefault`, or `in`."""
    parent = module.index.parents.get(text)
    if isinstance(parent, cst.Arg):
        call = module.index.parents.get(parent)
        method = call.func.attr.value if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) else ""
        return method in ("get", "pop", "setdefault")
    if isinstance(parent, cst.Comparison):
        return parent.left is text
    return isinstance(parent, cst.Index)

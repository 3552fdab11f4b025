"""Attributes and methods that `Agent` has for itself get another name, everywhere.

`tools`, `session`, `llm`, `id`, `chat_ctx`, … are read-only properties of `Agent`: `self.session = …` raises
AttributeError as soon as the class is one, and a class attribute of the name hides what the framework asks for. They
become `own_…` in the class, its relatives, and wherever an instance is provably theirs; where it may be something else,
too, the place is marked.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import libcst as cst

from lk_migrate.facts.agents import agent_of
from lk_migrate.facts.among import calls_of
from lk_migrate.facts.classes import class_attributes
from lk_migrate.facts.collisions import renamed
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.project import Project
from lk_migrate.facts.renames import given_up, holders, renames
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule


def paths(project: Project) -> frozenset[str]:
    """Where a name stands that some class gives up."""
    return project.paths_with(name.encode() for name in project.fact(given_up))


rule = Rule("LK116", Edition.HANDROLLED, __doc__, safety=Safety.REVIEW, paths=paths)


@rule.on(cst.Attribute)
def rename_attribute(node: cst.Attribute, file: File) -> Iterator[Change]:
    name = node.attr.value
    if name not in file.project.fact(given_up):
        return
    verdict = _verdict(node, node.value, name, file)
    if verdict is True:
        yield Rewrite(
            node,
            lambda updated: updated.with_changes(attr=updated.attr.with_changes(value=renamed(name))),
            f"`{name}` belongs to `Agent`: `{renamed(name)}`",
        )
    elif verdict is False:
        yield Todo(node, _unsure(name))


@rule.on(cst.Call, among=calls_of("getattr", "hasattr", "setattr", "delattr"))
def rename_in_getattr(call: cst.Call, file: File) -> Iterator[Change]:
    """`getattr(assistant, "llm", None)`, `hasattr`, `setattr`."""
    if not (isinstance(call.func, cst.Name) and call.func.value in ("getattr", "hasattr", "setattr", "delattr")):
        return
    if len(call.args) < 2 or not isinstance(call.args[1].value, cst.SimpleString):
        return
    text = call.args[1].value
    name = str(string_value(text))
    if name not in file.project.fact(given_up):
        return
    verdict = _verdict(call, call.args[0].value, name, file)
    if verdict is True:
        value = text.value.replace(name, renamed(name))
        yield Rewrite(text, lambda updated: updated.with_changes(value=value), f"`{name}` is `{renamed(name)}`")
    elif verdict is False:
        yield Todo(call, _unsure(name))


def _unsure(name: str) -> str:
    return (
        f"`{name}` of the project's own assistants is `{renamed(name)}` now (`Agent` has its own), "
        "but this may be another object: choose"
    )


def _verdict(node: cst.CSTNode, receiver: cst.BaseExpression, name: str, file: File) -> bool | None:
    """True: the receiver gives `name` up; False: it may; None: nothing says so."""
    table = file.project.fact(renames)
    if isinstance(receiver, cst.Call) and dotted(receiver.func) == "super":
        owner = file.enclosing(node, cst.ClassDef)
        return True if owner is not None and name in table.get(owner, ()) else None
    symbol = file.resolve(receiver)
    if symbol is not None and isinstance(symbol.node, cst.ClassDef):
        return True if name in table.get(symbol.node, ()) else None
    held = file.project.fact(holders).of(file.module, receiver)
    giving = [c for c in held.classes if name in table.get(c, ())]
    if not giving:
        return None
    return held.certain and len(giving) == len(held.classes)


@rule.on(cst.ClassDef)
def rename_class_attributes(node: cst.ClassDef, file: File) -> Iterator[Change]:
    """`tools: list = []` in the class body."""
    names = file.project.fact(renames).get(node, frozenset())
    for name, (line, _) in class_attributes(node).items():
        if name not in names:
            continue
        new = renamed(name)
        for small in line.body:
            target = small.targets[0].target if isinstance(small, cst.Assign) else getattr(small, "target", None)
            if isinstance(target, cst.Name) and target.value == name:
                yield Rewrite(
                    target,
                    partial(_renamed, new),
                    f"`{name}` belongs to `Agent`: `{new}`",
                )


def _renamed(new: str, updated: cst.Name) -> cst.Name:
    return updated.with_changes(value=new)


@rule.on(cst.FunctionDef)
def rename_method(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """`def stt(self)` in the class body."""
    owner = file.parent(file.parent(node) or node)
    if not isinstance(owner, cst.ClassDef):
        return
    name = node.name.value
    agent = agent_of(file.project, owner)
    if name not in file.project.fact(renames).get(owner, ()) or (agent and node in {t.node for t in agent.tools}):
        return
    yield Rewrite(
        node,
        lambda updated: updated.with_changes(name=updated.name.with_changes(value=renamed(name))),
        f"`{name}` belongs to `Agent`: `{renamed(name)}`",
    )

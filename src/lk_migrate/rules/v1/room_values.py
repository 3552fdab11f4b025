"""Options of a room as values: which are built here, held from elsewhere, or nothing (LK305)."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from lk_migrate.facts.framework import agents_name, callee
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.rewrite.arguments import keyword
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v1.room_fields import FIELDS


class Keywords(NamedTuple):
    """What options of the input and of the output were given as, and what both are given as today."""

    source: str
    sink: str
    new: str

    @property
    def old(self) -> tuple[str, str]:
        return self.source, self.sink


START = Keywords("room_input_options", "room_output_options", "room_options")
ROOM_IO = Keywords("input_options", "output_options", "options")
DEFAULTS = ("DEFAULT_ROOM_INPUT_OPTIONS", "DEFAULT_ROOM_OUTPUT_OPTIONS")


def old_class(project: Project, module: Module, node: cst.CSTNode) -> str | None:
    """`RoomInputOptions` or `RoomOutputOptions` if `node` is a call that builds one."""
    if not isinstance(node, cst.Call):
        return None
    name = agents_name(project, module, callee(node))
    return name if name in FIELDS else None


def convertible(call: cst.Call) -> bool:
    """Whether every field is written out as a keyword."""
    return all(keyword(a) for a in call.args)


def is_held(value: cst.BaseExpression, file: File) -> bool:
    """Whether the options are an object from elsewhere, and not written out here."""
    if agents_name(file.project, file.module, value) in DEFAULTS or is_nothing(value):
        return False
    return old_class(file.project, file.module, value) is None


def is_nothing(value: cst.BaseExpression) -> bool:
    return (dotted(value) or "").rpartition(".")[2] in ("None", "NOT_GIVEN")


def may_be_none(value: cst.BaseExpression, where: cst.CSTNode, file: File) -> bool:
    """Whether the options may be `None` or `NOT_GIVEN`, which is as false; `where`: the node that they are given to."""
    if isinstance(value, cst.IfExp):
        return any(is_nothing(v) for v in (value.body, value.orelse))
    function = file.enclosing(where, cst.FunctionDef)
    if not isinstance(value, cst.Name) or function is None:
        return False
    for param in (*function.params.params, *function.params.kwonly_params):
        if param.name.value == value.value:
            return param.default is not None and is_nothing(param.default)
    for node in file.module.index.of(cst.Assign):
        if any(dotted(t.target) == value.value for t in node.targets) and (
            is_nothing(node.value) or (isinstance(node.value, cst.IfExp) and may_be_none(node.value, where, file))
        ):
            return True
    return False

"""Which models a session is built with, as far as its construction shows: LK310 listens to them one by one."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import libcst as cst

from lk_migrate.facts.classes import is_super_init
from lk_migrate.facts.framework import class_of, library_name, method
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.variables import Binding, binding_of
from lk_migrate.facts.walk import find


class SessionModels(Enum):
    """PIPELINE: an LLM (and what goes with it) is the session's own; REALTIME: a realtime model is.

    AGENT: the session has no language model, so its agents bring theirs; UNKNOWN: the code does not say.
    """

    PIPELINE = "pipeline"
    REALTIME = "realtime"
    AGENT = "agent"
    UNKNOWN = "unknown"


def session_models(project: Project, module: Module, session: cst.BaseExpression) -> SessionModels:
    """What the constructions of `session` (a name, or `self.…`) say; UNKNOWN when there is none, or they differ."""
    kinds = {_of_construction(project, module, call) for call in _constructions(module, session)}
    return kinds.pop() if len(kinds) == 1 else SessionModels.UNKNOWN


def _constructions(module: Module, session: cst.BaseExpression) -> Iterator[cst.Call]:
    """What is assigned to the variable anywhere, or to `self.…` in its class."""
    name = dotted(session)
    if name is None:
        return
    variable = _variable(module, session)
    for node in module.index.find(variable.owner, cst.Assign, cst.AnnAssign):
        targets = [t.target for t in node.targets] if isinstance(node, cst.Assign) else [node.target]
        if isinstance(node.value, cst.Call) and any(
            dotted(t) == name and _variable(module, t) == variable for t in targets
        ):
            yield node.value


def _variable(module: Module, node: cst.BaseExpression) -> Binding:
    """The variable that a dotted name begins with; `self` is the same one in the whole class."""
    while isinstance(node, cst.Attribute):
        node = node.value
    assert isinstance(node, cst.Name)
    owner = module.index.enclosing(node, cst.ClassDef) if node.value == "self" else None
    return Binding(owner, node.value) if owner is not None else binding_of(module, node)


def _of_construction(project: Project, module: Module, call: cst.Call) -> SessionModels:
    given = {a.keyword.value: a.value for a in call.args if a.keyword is not None}
    if any(a.star for a in call.args):
        return SessionModels.UNKNOWN
    model = given.get("llm", given.get("model"))
    if model is None:
        owner = call.func.value if isinstance(call.func, cst.Subscript) else call.func
        made = library_name(project, module, owner) or ""
        return SessionModels.AGENT if made.startswith("livekit.agents.") else SessionModels.UNKNOWN
    return model_kind(project, module, model)


def agent_model(project: Project, module: Module, agent: cst.BaseExpression) -> SessionModels:
    """What kind of language model an agent brings: `Agent(llm=…)`, or a class of the project with one of its own."""
    calls = [agent] if not isinstance(agent, cst.Name) else _assigned(module, agent)
    kinds = set()
    for call in calls:
        if not isinstance(call, cst.Call):
            return SessionModels.UNKNOWN
        model = _keyword(call, "llm")
        owner = class_of(project, module, call.func)
        init = method(owner, "__init__") if owner is not None else None
        if model is None and owner is not None and init is not None:
            inner = next((c for c in find(init, cst.Call) if is_super_init(c)), None)
            model = _keyword(inner, "llm") if inner is not None else None
            module = owner.module
        kinds.add(model_kind(project, module, model) if model is not None else SessionModels.UNKNOWN)
    return kinds.pop() if len(kinds) == 1 else SessionModels.UNKNOWN


def _keyword(call: cst.Call, name: str) -> cst.BaseExpression | None:
    return next((a.value for a in call.args if a.keyword is not None and a.keyword.value == name), None)


def model_kind(project: Project, module: Module, model: cst.BaseExpression, depth: int = 0) -> SessionModels:
    """PIPELINE for an LLM, REALTIME for a realtime model, else UNKNOWN."""
    if isinstance(model, (cst.SimpleString, cst.FormattedString)):
        return SessionModels.PIPELINE
    if isinstance(model, cst.Call):
        name = library_name(project, module, model.func) or ""
        if not name.startswith("livekit."):
            return SessionModels.UNKNOWN
        is_realtime = "realtime" in name.lower().split(".") or "Realtime" in name
        return SessionModels.REALTIME if is_realtime else SessionModels.PIPELINE
    if isinstance(model, cst.IfExp) and depth < 4:
        kinds = {model_kind(project, module, m, depth + 1) for m in (model.body, model.orelse)}
        return kinds.pop() if len(kinds) == 1 else SessionModels.UNKNOWN
    if isinstance(model, cst.Name) and depth < 4:
        kinds = {model_kind(project, module, value, depth + 1) for value in _assigned(module, model)}
        return kinds.pop() if len(kinds) == 1 else SessionModels.UNKNOWN
    return SessionModels.UNKNOWN


def _assigned(module: Module, name: cst.Name) -> list[cst.BaseExpression]:
    for scope in module.scopes(name):
        values = [
            node.value for node in find(scope, cst.Assign) if any(dotted(t.target) == name.value for t in node.targets)
        ]
        if values:
            return values
    return []

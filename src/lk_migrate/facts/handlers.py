"""Handlers of the events of 0.x agents and of sessions: where they are registered, and what they handle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.families import Function
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.variables import is_variable

#: 0.x event → today's event.
EVENTS = {
    "user_started_speaking": "user_state_changed",
    "user_stopped_speaking": "user_state_changed",
    "agent_started_speaking": "agent_state_changed",
    "agent_stopped_speaking": "agent_state_changed",
    "user_speech_committed": "conversation_item_added",
    "agent_speech_committed": "conversation_item_added",
    "agent_speech_interrupted": "conversation_item_added",
    "function_calls_finished": "function_tools_executed",
    "function_calls_collected": "tool_execution_updated",
}
_SESSIONS = (Kind.PIPELINE, Kind.MULTIMODAL, Kind.SESSION, Kind.REALTIME_SESSION)
_METHODS = frozenset({"on", "once", "off"})


@dataclass(frozen=True)
class Registration:
    """`session.on("event", …)`. `handler` is the function or lambda, None if it is not in sight."""

    module: Module
    call: cst.Call
    event: str
    decorates: bool
    handler: Function | None
    function: cst.FunctionDef | cst.Lambda | None
    kinds: frozenset[Kind]


@dataclass
class Handlers:
    """All registrations, and for every handler the events that it is registered for."""

    registrations: dict[cst.Call, Registration] = field(default_factory=dict)
    of: dict[cst.CSTNode, list[Registration]] = field(default_factory=dict)
    #: Handlers that are called or passed on elsewhere, too: their parameters must stay.
    shared: set[cst.CSTNode] = field(default_factory=set)


def handlers(project: Project) -> Handlers:
    """Use as `project.fact(handlers)`."""
    known = project.fact(holdings)
    result = Handlers()
    for module in known.modules:
        for call in module.index.of(cst.Call):
            found = _registration(project, module, call)
            if found is not None:
                result.registrations[call] = found
                if found.function is not None:
                    result.of.setdefault(found.function, []).append(found)
    for function, registrations in result.of.items():
        if isinstance(function, cst.FunctionDef) and _is_used_elsewhere(project, function, registrations):
            result.shared.add(function)
    return result


def _registration(project: Project, module: Module, call: cst.Call) -> Registration | None:
    func = call.func
    if not (isinstance(func, cst.Attribute) and func.attr.value in _METHODS and call.args):
        return None
    event = text_of(call.args[0].value)
    if event is None:
        return None
    known = project.fact(holdings)
    kinds = frozenset(k for k in known.kinds(module, func.value) if isinstance(k, Kind) and k in _SESSIONS)
    if not kinds:
        return None
    parent = module.index.parents.get(call)
    if isinstance(parent, cst.Decorator):
        function = module.index.parents.get(parent)
        node = function if isinstance(function, cst.FunctionDef) else None
        return Registration(module, call, event, True, None, node, kinds)
    if len(call.args) < 2:
        return Registration(module, call, event, False, None, None, kinds)
    value = call.args[1].value
    if isinstance(value, cst.Lambda):
        return Registration(module, call, event, False, None, value, kinds)
    handler = known.named_function(module, value)
    return Registration(module, call, event, False, handler, handler.node if handler else None, kinds)


def _is_used_elsewhere(project: Project, function: cst.FunctionDef, registrations: list[Registration]) -> bool:
    known = project.fact(holdings)
    calls = {r.call for r in registrations}
    for module in known.modules:
        if function.name.value.encode() not in module.data:
            continue
        for node in _mentions(module, function.name.value):
            target = known.named_function(module, node)
            if target is None or target.node is not function:
                continue
            arg = module.index.parents.get(node)
            if not (isinstance(arg, cst.Arg) and module.index.parents.get(arg) in calls):
                return True
    return False


def _mentions(module: Module, name: str) -> Iterator[cst.Name | cst.Attribute]:
    for node in module.index.of(cst.Name):
        if node.value == name and is_variable(module, node):
            yield node
    for node in module.index.of(cst.Attribute):
        if node.attr.value == name:
            yield node

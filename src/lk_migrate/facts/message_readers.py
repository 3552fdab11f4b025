"""The handlers of `conversation_item_added`, and whether one takes every item for a message without asking what it is.

Only what is shown to be a session counts, or to be its event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

import libcst as cst

from lk_migrate.facts.classes import method
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.instances import instance_of
from lk_migrate.facts.literals import string_value, text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find

#: What a `ChatMessage` has and no other item.
OF_MESSAGES = frozenset(
    {
        "role",
        "content",
        "text_content",
        "raw_text_content",
        "interrupted",
        "transcript_confidence",
        "metrics",
    }
)
#: Who asks for one of these, or what class it is, knows that there are other items.
_TELLING = frozenset({"type", "role", "content", "text_content"})
_DEPTH = 3

Handler: TypeAlias = cst.FunctionDef | cst.Lambda


ITEM_ADDED = "conversation_item_added"
_EVENT_CLASS = "ConversationItemAddedEvent"


@dataclass(frozen=True)
class ItemHandlers:
    """Those that are registered for this event and for no other. `shared`: called elsewhere, too."""

    functions: frozenset[Handler]
    shared: frozenset[Handler]


def item_handlers(project: Project) -> ItemHandlers:
    """Use as `project.fact(item_handlers)`."""
    events: dict[Handler, set[str]] = {}
    shared: set[Handler] = set()
    for module in project.modules(iter(sorted(project.paths_with([ITEM_ADDED.encode()])))):
        for call in (c for registering in ("on", "once") for c in module.calls.get(registering, ())):
            event = text_of(call.args[0].value) if call.args else None
            found = _registered(project, module, call) if event is not None else None
            if found is None:
                continue
            home, function = found
            if event == ITEM_ADDED and not _is_of_session(project, module, call, home, function):
                continue
            events.setdefault(function, set()).add(str(event))
            if isinstance(function, cst.FunctionDef) and _is_called(project, home, function):
                shared.add(function)
    return ItemHandlers(frozenset(f for f, names in events.items() if names == {ITEM_ADDED}), frozenset(shared))


def _registered(project: Project, module: Module, call: cst.Call) -> tuple[Module, Handler] | None:
    """The handler, and the file that it is in."""
    parent = module.index.parents.get(call)
    if isinstance(parent, cst.Decorator):
        decorated = module.index.parents.get(parent)
        return (module, decorated) if isinstance(decorated, cst.FunctionDef) else None
    if len(call.args) != 2:
        return None
    value = call.args[1].value
    return (module, value) if isinstance(value, cst.Lambda) else _function(project, module, value)


def _function(
    project: Project, module: Module, expression: cst.BaseExpression
) -> tuple[Module, cst.FunctionDef] | None:
    """The project's function that a name or `self.method` stands for."""
    found = project.fact(holdings).named_function(module, expression)
    if found is not None:
        return found.module, found.node
    owner = module.index.enclosing(expression, cst.ClassDef)
    if isinstance(expression, cst.Attribute) and dotted(expression.value) == "self" and isinstance(owner, cst.ClassDef):
        named = method(owner, expression.attr.value)
        return (module, named) if named is not None else None
    return None


def _is_of_session(project: Project, module: Module, call: cst.Call, home: Module, function: Handler) -> bool:
    """Whether the object is a session, or the handler says that it gets a session's event."""
    if isinstance(call.func, cst.Attribute) and instance_of(project, module, call.func.value) == "AgentSession":
        return True
    said = [p.annotation.annotation for p in function.params.params if p.annotation is not None]
    return any((project.full_name(home, node) or "").rpartition(".")[2] == _EVENT_CLASS for node in said)


def _is_called(project: Project, home: Module, function: cst.FunctionDef) -> bool:
    """Whether something calls a function of this name; one inside another function can be called in its file only."""
    name = function.name.value
    if home.index.enclosing(function, cst.FunctionDef) is not None:
        return bool(home.calls.get(name))
    return any(module.calls.get(name) for module in project.modules(iter(project.paths_naming([name]))))


def reads_item(project: Project, module: Module, function: Handler, event: str) -> bool:
    """`event`: the parameter of `function` that the event comes in."""
    return _reads(project, module, function, f"{event}.item", _DEPTH)


def _reads(project: Project, module: Module, function: Handler, item: str, depth: int) -> bool:
    """`item`: how it is spelled in the function, `ev.item`, or a parameter that it comes in itself."""
    read: set[str] = set()
    asked: set[str] = set()
    given: list[tuple[cst.Arg, str]] = []
    for use in _uses(module, function, item):
        parent = module.index.parents.get(use)
        if isinstance(parent, cst.Attribute):
            read.add(parent.attr.value)
        elif isinstance(parent, cst.Match):
            return False
        elif isinstance(parent, cst.Arg):
            asked |= asked_of(module.index.parents.get(parent))
            given.append((parent, ""))
    if "type" in read or asked & _TELLING:
        return False
    if (read - asked) & OF_MESSAGES:
        return True
    event, _, of_event = item.rpartition(".")
    given += [(a, f".{of_event}") for a in map(module.index.parents.get, _spelled(function, event)) if _is_arg(a)]
    return depth > 0 and any(_hands_on(project, module, arg, rest, depth) for arg, rest in given)


def _hands_on(project: Project, module: Module, arg: cst.Arg, rest: str, depth: int) -> bool:
    """Whether the project's function that is called reads what it is given as a message."""
    call = module.index.parents.get(arg)
    target = _function(project, module, call.func) if isinstance(call, cst.Call) else None
    if target is None or not isinstance(call, cst.Call):
        return False
    home, function = target
    params = [*function.params.posonly_params, *function.params.params]
    if isinstance(call.func, cst.Attribute) and params and params[0].name.value in ("self", "cls"):
        params = params[1:]
    if arg.keyword is not None:
        params = [p for p in (*params, *function.params.kwonly_params) if p.name.value == arg.keyword.value]
    else:
        params = params[list(call.args).index(arg) :]
    name = params[0].name.value if params else ""
    return bool(name) and _reads(project, home, function, f"{name}{rest}", depth - 1)


def _uses(module: Module, function: Handler, item: str) -> Iterator[cst.BaseExpression]:
    """The item as it is spelled, and the variables that hold it."""
    for use in _spelled(function, item):
        yield use
        parent = module.index.parents.get(use)
        target: cst.CSTNode | None = None
        if isinstance(parent, cst.Assign) and len(parent.targets) == 1:
            target = parent.targets[0].target
        elif isinstance(parent, (cst.AnnAssign, cst.NamedExpr)):
            target = parent.target
        if isinstance(target, cst.Name) and target.value != item:
            yield from (n for n in _spelled(function, target.value) if n is not target)


def _spelled(function: Handler, text: str) -> Iterator[cst.BaseExpression]:
    """`ev.item`, or a variable."""
    kind = cst.Attribute if "." in text else cst.Name
    return (node for node in find(function.body, kind) if text and dotted(node) == text)


def _is_arg(node: cst.CSTNode | None) -> TypeGuard[cst.Arg]:
    return isinstance(node, cst.Arg)


def asked_of(call: cst.CSTNode | None) -> set[str]:
    """What a call asks of an item: `hasattr(item, "role")` its role, `isinstance(item, ChatMessage)` its type."""
    name = call.func.value if isinstance(call, cst.Call) and isinstance(call.func, cst.Name) else ""
    if name in ("isinstance", "type", "issubclass"):
        return {"type"}
    if name in ("hasattr", "getattr") and isinstance(call, cst.Call):
        return {str(string_value(text)) for text in find(call, cst.SimpleString)}
    return set()

"""Which of the framework's classes and functions a name or a call finally reaches.

A call reaches `AgentSession` when it names it, by any alias or re-export; when it is `super().__init__(…)` in a
subclass; when it names a subclass of the project whose constructor hands its keywords on; or when it is a
`functools.partial` of one of these, or calls what such a partial is bound to.
"""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.classes import is_super_init
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.partials import is_partial, partial_behind
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find

#: What the agents of a session derive from; `InlineTask` was the name of `AgentTask` until 1.2.0.
AGENT = frozenset(
    f"livekit.agents.{package}{name}"
    for package in ("", "voice.", "voice.agent.")
    for name in ("Agent", "AgentTask", "InlineTask")
)
#: Packages whose star import binds the framework's public names.
_STARS = ("livekit.agents", "livekit.agents.voice", "livekit.agents.llm", "livekit.agents.voice.room_io")


def library_name(project: Project, module: Module, expression: cst.CSTNode) -> str | None:
    """The full dotted name behind `expression`, None for the project's own; star imports of the framework count."""
    found = project.full_name(module, expression)
    if found is not None or not module.stars:
        return found
    name = dotted(expression)
    if name is None:
        return None
    head = name.partition(".")[0]
    if module.import_of(head, expression) or head in module.definitions or module.is_local(head, expression):
        return None
    for item in module.stars:
        if item.target in _STARS and project.path_of(item.target, module.path) is None:
            return f"{item.target}.{name}"
    return None


def is_out_of_reach(project: Project, module: Module, expression: cst.CSTNode) -> bool:
    """Whether `expression` is imported from a file of the project that can name nothing of LiveKit's."""
    home = project.home_of_import(module, expression) if module.may_be_imported(expression) else None
    return home is not None and home not in project.fact(where_livekit_is_imported)


def agents_name(project: Project, module: Module, expression: cst.CSTNode) -> str | None:
    """`AgentSession` for `livekit.agents.AgentSession` and its other addresses; None outside `livekit.agents`."""
    if is_out_of_reach(project, module, expression):
        return None
    name = library_name(project, module, expression)
    if name is None or not name.startswith("livekit.agents."):
        return None
    return name.rpartition(".")[2]


def callee(call: cst.Call) -> cst.BaseExpression:
    """What is called; `AgentSession[UserData](…)` calls `AgentSession`."""
    func = call.func
    return func.value if type(func) is cst.Subscript else func


@dataclass(frozen=True)
class Owner:
    """A class of the project, with the module that holds it."""

    module: Module
    node: cst.ClassDef


def bases(project: Project, owner: Owner) -> list[Owner | str]:
    """The bases of a class: classes of the project, or full names of library classes."""
    found: list[Owner | str] = []
    for arg in owner.node.bases:
        if arg.keyword is not None or arg.star:
            continue
        value = arg.value.value if isinstance(arg.value, cst.Subscript) else arg.value
        symbol = project.resolve(owner.module, value)
        if symbol is not None and isinstance(symbol.node, cst.ClassDef) and symbol.module is not None:
            if symbol.node is not owner.node:
                found.append(Owner(symbol.module, symbol.node))
            continue
        name = library_name(project, owner.module, value)
        if name is not None:
            found.append(name)
        elif symbol is None:
            # Not in the project and not imported: a class defined in the same function, perhaps.
            local = _class_in_scope(owner.module, value, owner.node)
            if local is not None:
                found.append(local)
    return found


def _class_in_scope(module: Module, value: cst.CSTNode, at: cst.CSTNode) -> Owner | None:
    name = dotted(value)
    if all(node.name.value != name for node in module.index.of(cst.ClassDef)):
        return None
    for scope in module.scopes(at):
        for node in module.index.find(scope, cst.ClassDef):
            if node.name.value == name and node is not at:
                return Owner(module, node)
    return None


def framework_base(project: Project, owner: Owner, depth: int = 0) -> str | None:
    """The framework class (`Agent`, `AgentTask`, `AgentSession`, …) that a class of the project derives from."""
    if depth > 20:
        return None
    for base in bases(project, owner):
        if isinstance(base, str):
            if base.startswith("livekit.agents."):
                return base.rpartition(".")[2]
            continue
        found = framework_base(project, base, depth + 1)
        if found is not None:
            return found
    return None


def method(owner: Owner, name: str) -> cst.FunctionDef | None:
    """The method `name` in the class's own body."""
    for statement in owner.node.body.body:
        if isinstance(statement, cst.FunctionDef) and statement.name.value == name:
            return statement
    return None


def class_of(project: Project, module: Module, expression: cst.CSTNode) -> Owner | None:
    """The project's class that `expression` names."""
    symbol = project.resolve(module, expression)
    if symbol is not None and isinstance(symbol.node, cst.ClassDef) and symbol.module is not None:
        return Owner(symbol.module, symbol.node)
    if symbol is None and isinstance(expression, cst.Name):
        return _class_in_scope(module, expression, expression)
    return None


def constructor(project: Project, owner: Owner, keyword: str, depth: int = 0) -> str | None:
    """The framework class whose constructor receives `keyword` when `owner` is called with it, None if none does."""
    if depth > 20:
        return None
    init = method(owner, "__init__")
    if init is not None:
        names = {p.name.value for p in (*init.params.params, *init.params.kwonly_params, *init.params.posonly_params)}
        if keyword in names or not _hands_on(init):
            return None
    for base in bases(project, owner):
        if isinstance(base, str):
            if base.startswith("livekit.agents."):
                return base.rpartition(".")[2]
            continue
        found = constructor(project, base, keyword, depth + 1)
        if found is not None:
            return found
    return None


def _hands_on(init: cst.FunctionDef) -> bool:
    """Whether `__init__(…, **kwargs)` calls `super().__init__(…, **kwargs)`."""
    star = init.params.star_kwarg
    if star is None:
        return False
    return any(
        is_super_init(call) and any(arg.star == "**" and dotted(arg.value) == star.name.value for arg in call.args)
        for call in find(init, cst.Call)
    )


def constructed(project: Project, module: Module, call: cst.Call, keyword: str) -> str | None:
    """The framework class whose constructor gets the argument `keyword` of `call`; None if no such class does."""
    target = callee(call)
    if isinstance(target, cst.Attribute) and target.attr.value == "__init__":
        if is_super_init(call):
            node = module.index.enclosing(call, cst.ClassDef)
            if not isinstance(node, cst.ClassDef):
                return None
            return _above(project, Owner(module, node), keyword)
        # `Agent.__init__(self, …)`
        target = target.value
    if is_partial(project, module, call):
        target = call.args[0].value
    return _reached(project, module, target, keyword)


def _reached(project: Project, module: Module, target: cst.BaseExpression, keyword: str) -> str | None:
    if is_out_of_reach(project, module, target):
        return None
    name = agents_name(project, module, target)
    if name is not None:
        return name
    owner = class_of(project, module, target)
    if owner is not None:
        return constructor(project, owner, keyword)
    found = partial_behind(project, module, target)
    return _reached(project, found[0], found[1].args[0].value, keyword) if found is not None else None


def _above(project: Project, owner: Owner, keyword: str) -> str | None:
    for base in bases(project, owner):
        if isinstance(base, str):
            if base.startswith("livekit.agents."):
                return base.rpartition(".")[2]
        else:
            found = constructor(project, base, keyword)
            if found is not None:
                return found
    return None

"""`class Tools(llm.FunctionContext)` is now `class Tools(llm.Toolset)`.

`FunctionContext` went with 1.0. `Toolset` (since 1.2) is the nearest: an object with state whose decorated methods are
tools, handed over as `Agent(tools=[Tools()])`. It wants an `id`, so the constructor that reaches it gets one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.facts.function_contexts import FunctionContexts, bare_uses, function_contexts, invented, is_bare
from lk_migrate.facts.holdings import where_0x_may_be
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.kept_tools import kept_tools
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_names import llm_name
from lk_migrate.facts.variables import Binding
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import keyword, keyword_arg
from lk_migrate.rewrite.bodies import insert_first
from lk_migrate.rewrite.changes import Change, Note, Remove, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK210",
    Edition.V0,
    __doc__,
    triggers=(b"FunctionContext", b"fnc_ctx", b"ai_callable", b"class "),
    since="1.0.0",
    paths=where_0x_may_be,
)

#: What `Toolset` itself calls so; a class that uses the name for something of its own breaks it.
_RESERVED = frozenset({"id", "tools", "setup", "aclose", "_id", "_tools"})


def is_function_context(file: File, node: cst.CSTNode) -> bool:
    """`llm.FunctionContext` by any name."""
    return llm_name(file.full_name(node)) == "FunctionContext"


@rule.on(cst.ClassDef)
def base(node: cst.ClassDef, file: File) -> Iterator[Change]:
    """The base class, and an `__init__` that gives the id where none does."""
    found = file.project.fact(function_contexts)
    if node not in found.classes:
        return
    for arg in node.bases:
        if is_function_context(file, arg.value):
            toolset = cst.parse_expression(f"{file.use('livekit.agents.llm')}.Toolset")
            yield Rewrite(arg, _with_value(toolset), "`FunctionContext` is now `Toolset`")
    name = toolset_id(node.name.value)
    if node in file.project.fact(_plan).without_init:
        init = cst.parse_statement(f'def __init__(self) -> None:\n    super().__init__(id="{name}")\n')
        yield Rewrite(
            node,
            lambda updated: _with_init(updated, cst.ensure_type(init, cst.FunctionDef)),
            f"a Toolset has an id: `{name}`",
        )
        if _is_empty(node):
            yield Remove(node.body.body[-1], "the class has a body now")
    for taken, where in _collisions(node):
        yield Todo(where, f"`{taken}` means something to `Toolset`: give this one another name.")


@rule.on(cst.Name, cst.Attribute, among=called_so("FunctionContext"))
def as_type(node: cst.Name | cst.Attribute, file: File) -> Iterator[Change]:
    """`box: llm.FunctionContext`, `isinstance(box, FunctionContext)`."""
    parent = file.parent(node)
    if isinstance(parent, (cst.ImportAlias, cst.AssignTarget)) or not is_function_context(file, node):
        return
    if isinstance(parent, cst.Arg) and parent.keyword is node:
        return
    if (isinstance(parent, cst.Attribute) and parent.attr is node) or (
        isinstance(parent, cst.Call) and parent.func is node
    ):
        return
    if isinstance(parent, cst.Arg) and isinstance(file.parent(parent), cst.ClassDef):
        return
    if file.enclosing(node, cst.ImportFrom) is not None or file.enclosing(node, cst.Import) is not None:
        return
    toolset = f"{file.use('livekit.agents.llm')}.Toolset"
    yield Rewrite(node, lambda _: cst.parse_expression(toolset), "`FunctionContext` is now `Toolset`")


def _with_value(value: cst.BaseExpression) -> Callable[[cst.Arg], cst.Arg]:
    return lambda updated: updated.with_changes(value=value)


def _with_init(updated: cst.ClassDef, init: cst.FunctionDef) -> cst.ClassDef:
    start = 1 if updated.get_docstring() is not None else 0
    if start:
        init = init.with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    result = insert_first(updated, [init])
    block = result.body
    if isinstance(block, cst.IndentedBlock) and len(block.body) > start + 1:
        follower = block.body[start + 1]
        lines = list(getattr(follower, "leading_lines", ()))
        if not lines or lines[0].comment is not None:
            lines = [cst.EmptyLine(indent=False), *lines]
            rest = [*block.body[: start + 1], follower.with_changes(leading_lines=lines), *block.body[start + 2 :]]
            result = result.with_changes(body=block.with_changes(body=rest))
    return result


def _is_empty(node: cst.ClassDef) -> bool:
    """A body that is a `pass`, after a docstring at most."""
    last = node.body.body[-1]
    return (
        isinstance(last, cst.SimpleStatementLine)
        and len(node.body.body) == (2 if node.get_docstring() is not None else 1)
        and all(isinstance(s, cst.Pass) or _is_ellipsis(s) for s in last.body)
    )


def _is_ellipsis(small: cst.CSTNode) -> bool:
    return isinstance(small, cst.Expr) and isinstance(small.value, cst.Ellipsis)


def toolset_id(class_name: str) -> str:
    """`AssistantFnc` → `assistant_fnc`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()
    return words.strip("_") or "tools"


def _collisions(node: cst.ClassDef) -> Iterator[tuple[str, cst.CSTNode]]:
    for statement in node.body.body:
        if isinstance(statement, cst.FunctionDef) and statement.name.value in _RESERVED:
            yield statement.name.value, statement
    for target in find(node, cst.AssignTarget):
        name = dotted(target.target) or ""
        if name.startswith("self.") and name[5:] in _RESERVED:
            yield name[5:], target


class _Plan:
    """`without_init`: classes that need a generated `__init__`; `calls`: `super().__init__()` calls that need an id."""

    def __init__(self) -> None:
        self.without_init: set[cst.ClassDef] = set()
        self.calls: dict[cst.Call, str] = {}
        self.unclear: set[cst.Call] = set()


def _plan(project: Project) -> _Plan:
    found = project.fact(function_contexts)
    plan = _Plan()
    own = {c: _own_init(c) for c in found.classes}
    subclassed = {p for c in found.classes for p in found.holdings.parents(c)}
    concrete = [c for c in found.classes if c in found.instantiated or c not in subclassed]
    for node in concrete:
        order = [c for c in found.holdings.ancestry(node) if c in found.classes]
        if not any(own[c] or c in plan.without_init for c in order):
            plan.without_init.add(node)
    targets: dict[cst.ClassDef, set[bool]] = {}
    for node in concrete:
        order = [c for c in found.holdings.ancestry(node) if c in found.classes]
        for i, current in enumerate(order):
            if own[current]:
                later = [c for c in order[i + 1 :] if own[c] or c in plan.without_init]
                targets.setdefault(current, set()).add(not later)
    for current, reaches in targets.items():
        init = own[current]
        if init is None:
            continue
        for call in _super_calls(found, current, init):
            if reaches == {True}:
                plan.calls[call] = toolset_id(current.name.value)
            elif True in reaches:
                plan.unclear.add(call)
    return plan


def _own_init(node: cst.ClassDef) -> cst.FunctionDef | None:
    for statement in node.body.body:
        if isinstance(statement, cst.FunctionDef) and statement.name.value == "__init__":
            return statement
    return None


def _super_calls(found: FunctionContexts, owner: cst.ClassDef, init: cst.FunctionDef) -> Iterator[cst.Call]:
    for call in find(init, cst.Call):
        func = call.func
        if not (isinstance(func, cst.Attribute) and func.attr.value == "__init__"):
            continue
        if (isinstance(func.value, cst.Call) and dotted(func.value.func) == "super") or llm_name(
            found.holdings.project.full_name(found.classes[owner], func.value)
        ) == "FunctionContext":
            yield call


@rule.on(cst.Call)
def super_init(call: cst.Call, file: File) -> Iterator[Change]:
    """`super().__init__()` → `super().__init__(id="…")`, where it reaches `Toolset`."""
    plan = file.project.fact(_plan)
    name = plan.calls.get(call)
    if name is not None and not any(keyword(a) == "id" for a in call.args):
        value = cst.SimpleString(f'"{name}"')
        yield Rewrite(
            call,
            lambda updated: updated.with_changes(args=[*updated.args, keyword_arg("id", value)]),
            f"a Toolset has an id: `{name}`",
        )
    if call in plan.unclear:
        yield Todo(
            call, "`Toolset.__init__` wants `id=`, but this call reaches it only in some subclasses: pass it on."
        )


@rule.on(cst.FunctionDef)
def missing_super(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """An `__init__` that never called `super().__init__()`."""
    found = file.project.fact(function_contexts)
    owner = file.enclosing(node, cst.ClassDef)
    if owner not in found.classes or node is not _own_init(owner):
        return
    if not list(_super_calls(found, owner, node)) and not any(
        isinstance(c.func, cst.Attribute) and c.func.attr.value == "__init__" for c in find(node, cst.Call)
    ):
        name = toolset_id(owner.name.value)
        line = cst.parse_statement(f'super().__init__(id="{name}")')
        yield Rewrite(node, lambda updated: insert_first(updated, [line]), "a Toolset must be initialised")


@rule.on(cst.Assign)
def bare(assign: cst.Assign, file: File) -> Iterator[Change]:
    """`fnc_ctx = llm.FunctionContext()`: the tools are listed where they are used."""
    if not is_bare(file.project, file.module, assign.value) or len(assign.targets) != 1:
        return
    found = file.project.fact(function_contexts)
    binding = found.holdings.binding(file.module, assign.targets[0].target)
    if binding in file.project.fact(kept_tools).lists:
        yield Replace(assign.value, _instead("[]"), "what was registered on it is a list of tools")
        return
    if binding is None or binding.attribute:
        yield Todo(assign, "list the tools where they are used: `llm.Toolset(id=…, tools=[…])`.")
        return
    unknown = invented(file.module, binding)
    if unknown is not None:
        if unknown != "_register_ai_function":
            yield Todo(
                assign,
                f"neither `FunctionContext` ever had `{unknown}`, nor has a `Toolset`: decorate the functions with "
                "`@function_tool`, and give them to the agent as `Agent(tools=[…])`.",
            )
        box = f'{file.use("livekit.agents.llm")}.Toolset(id="{_safe(binding)}", tools=[])'
        yield Replace(assign.value, _instead(box), "`FunctionContext` is now `Toolset`")
        return
    yield Remove(assign, "tools are listed where they are used")


@rule.on(cst.Name)
def bare_use(node: cst.Name, file: File) -> Iterator[Change]:
    """Other uses of a bare context than `fnc_ctx=` (which becomes `tools=[…]`)."""
    found = file.project.fact(function_contexts)
    for binding in found.bare:
        if binding.name != node.value or found.bare[binding] is not file.module:
            continue
        if node not in set(bare_uses(found, binding)):
            continue
        parent = file.parent(node)
        if isinstance(parent, cst.Arg) and keyword(parent) == "fnc_ctx":
            return
        tools = ", ".join(t.node.name.value for t in found.closures(binding))
        toolset = f'{file.use("livekit.agents.llm")}.Toolset(id="{_safe(binding)}", tools=[{tools}])'
        yield Rewrite(node, _instead(toolset), "the tools that were registered here")


def _instead(text: str) -> Callable[[cst.CSTNode], cst.BaseExpression]:
    return lambda _: cst.parse_expression(text)


def _safe(binding: Binding) -> str:
    return binding.name.strip("_") or "tools"


@rule.on(cst.Attribute)
def old_members(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`fnc_ctx.ai_functions`."""
    found = file.project.fact(function_contexts)
    if (
        node.attr.value == "ai_functions"
        and found.classes
        and any(k in found.classes for k in found.holdings.kinds(file.module, node.value))
    ):
        yield Note(node, "`ai_functions` was a dict by name; `tools` is a list.")
        yield Rewrite(node, lambda updated: updated.with_changes(attr=cst.Name("tools")), "`ai_functions` is `tools`")

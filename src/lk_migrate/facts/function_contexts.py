"""The 0.x tool boxes of a project: subclasses of `FunctionContext`, bare instances with closures, and their tools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.held import Holdings
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.pipelines import Construction, function_around, pipelines
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_names import Kind, llm_name
from lk_migrate.facts.variables import Binding, uses
from lk_migrate.facts.walk import find


@dataclass(frozen=True)
class ToolFunction:
    """A function with `@ai_callable`. `holder` is the class whose method it is, None for a closure.

    `again`: more of the same below the decorator, for another context, perhaps.
    """

    module: Module
    node: cst.FunctionDef
    decorator: cst.Decorator
    holder: cst.ClassDef | None
    again: tuple[cst.Decorator, ...] = ()


@dataclass
class FunctionContexts:
    """`classes`: every subclass, with its module; `bare`: variables that hold `FunctionContext()` itself."""

    holdings: Holdings
    classes: dict[cst.ClassDef, Module] = field(default_factory=dict)
    bare: dict[Binding, Module] = field(default_factory=dict)
    tools: dict[cst.FunctionDef, ToolFunction] = field(default_factory=dict)
    instantiated: set[cst.ClassDef] = field(default_factory=set)

    def closures(self, binding: Binding) -> list[ToolFunction]:
        """The functions that were registered on a bare context, in source order."""
        found = []
        for tool in self.tools.values():
            targets = map(decorated_on, (tool.decorator, *tool.again))
            if any(t is not None and self.holdings.binding(tool.module, t) == binding for t in targets):
                found.append(tool)
        return found

    def spelled(self, module: Module, given: cst.BaseExpression) -> tuple[str, ...]:
        """How the tools of a context are spelled in a list: the box, unless it holds nothing itself; the closures."""
        binding = self.holdings.binding(module, given)
        closures = tuple(t.node.name.value for t in self.closures(binding)) if binding is not None else ()
        box = () if binding in self.bare else (module.tree.code_for_node(given),)
        return (*box, *closures)


def function_contexts(project: Project) -> FunctionContexts:
    """Use as `project.fact(function_contexts)`."""
    known = project.fact(holdings)
    result = FunctionContexts(known)
    if not any(b"FunctionContext" in data or b"ai_callable" in data for data in project.files.values()):
        return result
    for module in known.modules:
        for node in module.index.of(cst.ClassDef):
            if Kind.FUNCTIONS in known.of_class(node):
                result.classes[node] = module
    for module in known.modules:
        for call in module.index.of(cst.Call):
            for kind in known.kinds(module, call):
                if isinstance(kind, cst.ClassDef) and kind in result.classes:
                    symbol = project.resolve(module, call.func)
                    if symbol is not None and symbol.node is kind:
                        result.instantiated.add(kind)
        for node in module.index.of(cst.Assign):
            if is_bare(project, module, node.value):
                binding = known.binding(module, node.targets[0].target)
                if binding is not None and invented(module, binding) is None:
                    result.bare[binding] = module
        for node in module.index.of(cst.FunctionDef):
            callables = [d for d in node.decorators if is_ai_callable(known, module, d)]
            if callables:
                again = tuple(callables[1:])
                result.tools[node] = ToolFunction(module, node, callables[0], _holder(module, node), again)
    return result


def is_bare(project: Project, module: Module, value: cst.BaseExpression) -> bool:
    """`llm.FunctionContext()` itself."""
    return isinstance(value, cst.Call) and llm_name(project.full_name(module, value.func)) == "FunctionContext"


def invented(module: Module, binding: Binding) -> str | None:
    """What is asked of the variable, which holds a bare `FunctionContext()`, that this never had."""
    above = (module.index.parents.get(name) for name in uses(module, binding))
    asked = (a.attr.value for a in above if isinstance(a, cst.Attribute))
    unknown = [name for name in asked if name not in ("ai_callable", "ai_functions")]
    # (0.x had `_register_ai_function`; what it never had goes first)
    return min(unknown, key=lambda name: name == "_register_ai_function", default=None)


def registered(found: FunctionContexts, module: Module, node: cst.CSTNode | None) -> cst.BaseExpression | None:
    """What `box._register_ai_function(function)` adds to a box of 0.x tools, where that is a statement of its own."""
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute) or len(node.args) != 1:
        return None
    if node.func.attr.value != "_register_ai_function" or node.args[0].star or node.args[0].keyword is not None:
        return None
    is_statement = isinstance(module.index.parents.get(node), cst.Expr)
    return node.args[0].value if is_statement and is_box(found, module, node.func.value) else None


def is_box(found: FunctionContexts, module: Module, value: cst.BaseExpression) -> bool:
    """Whether it is a box of 0.x tools: one of the project's classes, `self` in one, a bare `FunctionContext()`."""
    if isinstance(value, cst.Name) and value.value == "self":
        return module.index.enclosing(value, cst.ClassDef) in found.classes
    kinds = found.holdings.kinds(module, value)
    return Kind.FUNCTIONS in kinds or any(kind in found.classes for kind in kinds)


def is_ai_callable(known: Holdings, module: Module, decorator: cst.Decorator) -> bool:
    """`@llm.ai_callable(…)` by any name, or `@fnc_ctx.ai_callable(…)`."""
    expression = decorator.decorator
    func = expression.func if isinstance(expression, cst.Call) else expression
    if llm_name(known.project.full_name(module, func)) == "ai_callable":
        return True
    return (
        isinstance(func, cst.Attribute)
        and func.attr.value == "ai_callable"
        and known.has(module, func.value, Kind.FUNCTIONS)
    )


def decorated_on(decorator: cst.Decorator) -> cst.BaseExpression | None:
    """`fnc_ctx` in `@fnc_ctx.ai_callable()`."""
    expression = decorator.decorator
    func = expression.func if isinstance(expression, cst.Call) else expression
    return func.value if isinstance(func, cst.Attribute) else None


def _holder(module: Module, node: cst.FunctionDef) -> cst.ClassDef | None:
    for ancestor in module.index.ancestors(node):
        if isinstance(ancestor, cst.ClassDef):
            return ancestor
        if isinstance(ancestor, cst.FunctionDef):
            return None
    return None


@dataclass(frozen=True)
class Tools:
    """What `tools=` of the new Agent is. `functions` are names of closures; `listed`: what was given is a list now."""

    functions: tuple[str, ...] = ()
    boxes: bool = False
    listed: bool = False
    problem: str = ""

    def value(self, given: cst.BaseExpression | None) -> cst.BaseExpression | None:
        """The list; `given` is the old `fnc_ctx=` argument as the other rules left it."""
        if self.listed:
            return given
        names = [cst.Element(cst.Name(name)) for name in self.functions]
        if self.boxes and given is not None:
            if isinstance(given, cst.IfExp):
                return given.with_changes(
                    body=self._listed(given.body, names), orelse=self._listed(given.orelse, names)
                )
            return self._listed(given, names)
        return cst.List(names) if names else None

    @staticmethod
    def _listed(value: cst.BaseExpression, names: list[cst.Element]) -> cst.BaseExpression:
        if dotted(value) == "None":
            return cst.List(names)
        return cst.List([cst.Element(value), *names])


def tools_of(project: Project, construction: Construction) -> Tools:
    """What stood in `fnc_ctx=` of a construction."""
    found = project.fact(function_contexts)
    argument = construction.argument("fnc_ctx")
    if argument is None or dotted(argument.value) == "None":
        return Tools()
    module = construction.module
    binding = found.holdings.binding(module, argument.value)
    closures = found.closures(binding) if binding is not None else []
    late = _late(closures, construction)
    problem = ""
    if late and not _may_follow(late, construction):
        names = ", ".join(f"`{t.node.name.value}`" for t in late)
        problem = (
            f"{names} is defined after the Agent: move it up, or add it later with `await agent.update_tools([…])`."
        )
    early = tuple(t.node.name.value for t in closures if t not in late)
    if binding is not None and binding in found.bare:
        return Tools(early, problem=problem)
    if is_bare(project, module, argument.value):
        return Tools()
    if not found.holdings.has(module, argument.value, Kind.FUNCTIONS):
        problem = problem or f"`{module.tree.code_for_node(argument.value)}` must be a list of tools or a Toolset now."
    return Tools(early, boxes=True, problem=problem)


def later_tools(project: Project) -> dict[cst.FunctionDef, tuple[Construction, list[str]]]:
    """The last of the tools that follow their Agent in its block → the Agent, and the names of them all.

    Use as `project.fact(later_tools)`.
    """
    found = project.fact(function_contexts)
    result = {}
    for construction in project.fact(pipelines).constructions.values() if found.tools else ():
        argument = construction.argument("fnc_ctx")
        binding = found.holdings.binding(construction.module, argument.value) if argument is not None else None
        closures = found.closures(binding) if binding is not None else []
        late = _late(closures, construction)
        if late and _may_follow(late, construction):
            result[late[-1].node] = (construction, [t.node.name.value for t in late])
    return result


def _late(closures: Sequence[ToolFunction], construction: Construction) -> list[ToolFunction]:
    """Those that are defined after the Agent is made."""
    return [t for t in closures if not _stands_before(t, construction)]


def _may_follow(late: list[ToolFunction], construction: Construction) -> bool:
    """Whether a coroutine makes the Agent, then defines the tools, whatever happens: it can hand them on."""
    parents = construction.module.index.parents
    block = parents.get(construction.statement)
    function = function_around(construction.module, construction.call)
    awaits = isinstance(function, cst.FunctionDef) and function.asynchronous is not None
    return awaits and all(t.module is construction.module and parents.get(t.node) is block for t in late)


def _stands_before(tool: ToolFunction, construction: Construction) -> bool:
    if tool.module is not construction.module:
        return False
    inner, outer = function_around(tool.module, tool.node), function_around(tool.module, construction.call)
    if inner is not None and inner is not outer and inner not in tool.module.index.ancestors(construction.call):
        return False
    return tool.module.span(tool.node).line < tool.module.span(construction.call).line or inner is None


def bare_uses(found: FunctionContexts, binding: Binding) -> Iterator[cst.Name]:
    """Uses of a bare context's variable other than its decorators, and what binds it."""
    module = found.bare[binding]
    tools = found.closures(binding)
    decorators = {n for tool in tools for d in (tool.decorator, *tool.again) for n in find(d, cst.Name)}
    for name in uses(module, binding):
        parent = module.index.parents.get(name)
        binds = isinstance(parent, cst.AssignTarget) or (isinstance(parent, cst.Param) and parent.name is name)
        if name not in decorators and not binds:
            yield name

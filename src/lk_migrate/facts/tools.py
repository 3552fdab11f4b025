"""What the methods of an assistant class are to the model: which are tools, under which names, described where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

import libcst as cst

from lk_migrate.facts.classes import ClassRef, method, methods, self_name
from lk_migrate.facts.decorators import decorator_says
from lk_migrate.facts.dispatchers import Dispatcher, Route, dispatchers
from lk_migrate.facts.framework import constructed
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.marks import marks_a_tool
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project, Symbol
from lk_migrate.facts.registries import Registry, registries
from lk_migrate.facts.run_contexts import context_parameter, takes_context
from lk_migrate.facts.schemas import ToolSchema, listed_schemas
from lk_migrate.facts.walk import own_scope

FUNCTION_TOOL = frozenset(
    {
        "livekit.agents.function_tool",
        "livekit.agents.llm.function_tool",
        "livekit.agents.llm.tool_context.function_tool",
    }
)
#: What is given a list of tools.
TAKING_TOOLS = frozenset({"Agent", "AgentTask", "AgentSession"})
_LISTED = re.compile(rb"tools(?<!\wtools)\s*=\s*\[")
#: `function_tool as tool`, `tool = agents.function_tool`.
_RENAMED = re.compile(rb"\bfunction_tool[ \t]+as\b|=[ \t]*(?:\w+\.)*function_tool\b(?![ \t]*\()")
_DECORATOR_HINT = re.compile(r"(^|_)(tool|ai_callable|callable_tool|llm_tool|action)(_?\w*)?$", re.IGNORECASE)


class Declared(str, Enum):
    """How the legacy code makes a method a tool."""

    FUNCTION_TOOL = "function_tool"
    DECORATOR = "decorator"
    REGISTRY = "registry"
    SCHEMA = "schema"
    CONTEXT = "context"


@dataclass(frozen=True)
class Tool:
    """A method that the model may call.

    `owner` is the class that it stands in, None for functions outside of classes. `name` is what the model knows it by,
    `aliases` other names for it; `description` is what the legacy code told the model outside the docstring (a schema,
    a decorator). `context` is the run context's parameter, `parameters` those that the model fills. `decorator` is the
    one that makes it a tool now, if any.
    """

    name: str
    module: Module
    owner: cst.ClassDef | None
    node: cst.FunctionDef
    declared: Declared
    context: cst.Param | None
    parameters: tuple[cst.Param, ...]
    schema: ToolSchema | None = None
    decorator: cst.Decorator | None = None
    description: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def bundle(self) -> cst.Param | None:
        """The one parameter that takes all that the model gives, as a dictionary; None when there is no such thing."""
        given = self.schema.parameters if self.schema is not None else ()
        if self.schema is None or len(self.parameters) != 1 or self.node.params.star_kwarg is not None:
            return None
        param = self.parameters[0]
        annotation = param.annotation.annotation if param.annotation is not None else None
        named = annotation.value if isinstance(annotation, cst.Subscript) else annotation
        is_mapping = named is None or (dotted(named) or "").rpartition(".")[2] in ("dict", "Dict", "Mapping", "Any")
        taken = {p.name.value for p in (*self.node.params.params, *self.node.params.kwonly_params)}
        plain = all(p.is_name and p.name not in taken for p in given)
        return param if is_mapping and plain and param.default is None else None


@dataclass(frozen=True)
class InlineTool:
    """A tool whose work is done in a branch of the dispatcher: it has no method yet."""

    name: str
    schema: ToolSchema
    dispatcher: Dispatcher
    route: Route


@dataclass(frozen=True)
class ClassTools:
    """Everything about the tools of one class body (not of its bases)."""

    registries: tuple[Registry, ...] = ()
    dispatchers: tuple[Dispatcher, ...] = ()
    decorated: tuple[Tool, ...] = ()
    with_context: tuple[Tool, ...] = field(default=())


def class_tools(project: Project, ref: ClassRef) -> ClassTools:
    """What the body of `ref` says about tools, before its bases are asked."""
    module, node = ref.module, ref.node
    found_dispatchers = dispatchers(node, module.index)
    routers = {d.node for d in found_dispatchers}
    decorated: list[Tool] = []
    with_context: list[Tool] = []
    for function in methods(node):
        tool = _decorated_tool(project, ref, function)
        if tool is not None:
            decorated.append(tool)
        elif function not in routers and takes_context(project, module, function):
            with_context.append(make_tool(project, ref, function, function.name.value, Declared.CONTEXT))
    return ClassTools(tuple(registries(project, ref)), found_dispatchers, tuple(decorated), tuple(with_context))


def standalone_tool(project: Project, module: Module, function: cst.FunctionDef) -> Tool | None:
    """A function that is decorated with `@function_tool`, wherever it stands: in a module, an entrypoint, a factory.

    One that nothing but a call `function_tool(function)`, or a list `tools=[function]` (LK325), uses counts, too.
    """
    for decorator in function.decorators:
        call = decorator.decorator if isinstance(decorator.decorator, cst.Call) else None
        target = call.func if call is not None else decorator.decorator
        if project.full_name(module, target) in FUNCTION_TOOL:
            return function_tool(project, module, function, call, decorator)
    wrapped = project.fact(_wrapped)
    return function_tool(project, module, function, wrapped[function], None) if function in wrapped else None


def standalone_tool_files(project: Project) -> frozenset[str]:
    """The files that `standalone_tool` has to be asked about: all, where the decorator is given another name."""
    naming = project.paths_with([b"function_tool"])
    if any(_RENAMED.search(project.files[path]) for path in naming):
        return frozenset(project.files)
    return naming.union(_listing(project))


def _listing(project: Project) -> Iterator[str]:
    """The files in which an agent may be given plain functions."""
    both = project.paths_with([b"livekit"]) & project.paths_with([b"tools"])
    return (path for path in both if _LISTED.search(project.files[path]))


def function_tool(
    project: Project, module: Module, function: cst.FunctionDef, call: cst.Call | None, decorator: cst.Decorator | None
) -> Tool:
    """What LiveKit's decorator makes of a function; `call` holds the decorator's arguments, if it is given any."""
    name = _arguments(call, ("name", "description")).get("name") or function.name.value
    owner = module.index.enclosing(function, cst.ClassDef, cst.FunctionDef)
    ref = ClassRef(module, owner) if isinstance(owner, cst.ClassDef) else module
    return make_tool(project, ref, function, name, Declared.FUNCTION_TOOL, None, decorator)


def _wrapped(project: Project) -> dict[cst.FunctionDef, cst.Call | None]:
    """Function → the call `function_tool(function)` beside it, None for an agent's `tools=[function]`, when nothing
    else speaks of the function.
    """
    found: dict[cst.FunctionDef, cst.Call | None] = {}
    for path in sorted({*_listing(project), *project.paths_with([b"function_tool("])}):
        module = project.module(path)
        for call in module.index.of(cst.Call) if module is not None else ():
            assert module is not None
            for name, wrapping in _given(project, module, call):
                scope = module.index.enclosing(call, cst.FunctionDef) or module.tree
                defined = [f for f in own_scope(scope) if isinstance(f, cst.FunctionDef) and f.name.value == name]
                uses = len(module.names.get(name, ()))
                if len(defined) != 1 or defined[0].decorators or uses != 2:
                    continue
                if wrapping is not None or defined[0].asynchronous is not None:
                    found[defined[0]] = wrapping
    return found


def _given(project: Project, module: Module, call: cst.Call) -> Iterator[tuple[str, cst.Call | None]]:
    """The names that a call makes tools of, each with the call of `function_tool` that does it."""
    first = call.args[0].value if call.args and call.args[0].keyword is None else None
    raw = any(a.keyword is not None and a.keyword.value == "raw_schema" for a in call.args)
    if isinstance(first, cst.Name) and not raw and project.full_name(module, call.func) in FUNCTION_TOOL:
        yield first.value, call
    tools = next((a.value for a in call.args if a.keyword is not None and a.keyword.value == "tools"), None)
    names = [e.value for e in tools.elements if isinstance(e.value, cst.Name)] if isinstance(tools, cst.List) else []
    if names and constructed(project, module, call, "tools") in TAKING_TOOLS:
        yield from ((name.value, None) for name in names)


def any_function_tool(project: Project, module: Module, function: cst.FunctionDef) -> bool:
    """Whether a function carries the framework's decorator."""
    return standalone_tool(project, module, function) is not None


def make_tool(
    project: Project,
    ref: ClassRef | Module,
    function: cst.FunctionDef,
    name: str,
    declared: Declared,
    schema: ToolSchema | None = None,
    decorator: cst.Decorator | None = None,
    description: str = "",
) -> Tool:
    """A `Tool` with its parameters sorted into the run context's and the model's."""
    module = ref if isinstance(ref, Module) else ref.module
    owner = None if isinstance(ref, Module) else ref.node
    context = context_parameter(project, module, function)
    given = [*function.params.posonly_params, *function.params.params]
    if owner is not None and self_name(function) is not None:
        given = given[1:]
    parameters = tuple(p for p in [*given, *function.params.kwonly_params] if p is not context)
    return Tool(
        name, module, owner, function, declared, context, parameters, schema, decorator,
        description or (schema.description if schema is not None else ""),
    )  # fmt: skip


def _decorated_tool(project: Project, ref: ClassRef, function: cst.FunctionDef) -> Tool | None:
    for decorator in function.decorators:
        call = decorator.decorator if isinstance(decorator.decorator, cst.Call) else None
        target = call.func if call is not None else decorator.decorator
        symbol = project.resolve(ref.module, target)
        if symbol is None:
            continue
        if symbol.module is None and symbol.name in FUNCTION_TOOL:
            said = _arguments(call, ("name", "description"))
            name = said.get("name") or function.name.value
            return make_tool(
                project, ref, function, name, Declared.FUNCTION_TOOL, None, decorator, said.get("description", "")
            )
        if symbol.module is not None and (
            _DECORATOR_HINT.search(symbol.name.rpartition(".")[2]) or marks_a_tool(project, symbol.node)
        ):
            if _is_shim(symbol.module, symbol.name):
                continue
            told = decorator_says(project, ref.module, call, _maker(project, symbol), function)
            return make_tool(
                project, ref, function, told.name, Declared.DECORATOR, told.schema, decorator, told.description
            )
    return None


def _is_shim(module: Module, name: str) -> bool:
    return any(i.local == name and i.target in FUNCTION_TOOL for i in module.imports)


def _maker(project: Project, symbol: Symbol) -> tuple[str, ...]:
    """The parameters of the project's own decorator: of a function, or of a method (`@registry.tool(…)`)."""
    made, called, first = symbol.node, symbol.name.rpartition("."), 0
    if made is None and symbol.module is not None and "." not in called[0]:
        value = symbol.module.definitions.get(called[0])
        kind = project.resolve(symbol.module, value.func) if isinstance(value, cst.Call) else None
        if kind is not None and isinstance(kind.node, cst.ClassDef):
            made, first = method(kind.node, called[2]), 1
    if not isinstance(made, cst.FunctionDef):
        return ("description",)
    return tuple(p.name.value for p in made.params.params[first:])


def _arguments(call: cst.Call | None, order: tuple[str, ...]) -> dict[str, str]:
    """The string arguments of a decorator call, by parameter name."""
    found: dict[str, str] = {}
    for i, arg in enumerate(call.args if call is not None else ()):
        key = arg.keyword.value if arg.keyword is not None else order[i] if i < len(order) else ""
        if isinstance(arg.value, (cst.SimpleString, cst.ConcatenatedString)):
            found[key] = str(arg.value.evaluated_value)
    return found


def resolve_tools(
    project: Project, chain: tuple[ClassRef, ...], own: dict[cst.ClassDef, ClassTools], is_agent: bool
) -> tuple[list[Tool], list[InlineTool]]:
    """The tools of the class `chain[0]`, found in it and in its bases `chain[1:]` (nearest first)."""
    parts = [own[ref.node] for ref in chain]
    tools: dict[cst.FunctionDef, Tool] = {}
    inline: dict[str, InlineTool] = {}
    for part in parts:
        for tool in part.decorated:
            tools.setdefault(tool.node, tool)
    routers = [d for part in parts for d in part.dispatchers]
    # what a decorated method of another name answers: a method of that name, whose branch came too late, is no tool
    answered = {t.name for t in tools.values() if _is_renamed(t)}

    def add(name: str, method_name: str | None, declared: Declared, schema: ToolSchema | None) -> bool:
        for ref in chain:
            function = method(ref.node, method_name) if method_name is not None else None
            if function is None:
                continue
            known = tools.get(function)
            if known is None:
                tools[function] = make_tool(project, ref, function, name, declared, schema)
            elif known.declared is not Declared.FUNCTION_TOOL:
                if known.name != name and name not in known.aliases:
                    known = _with_alias(known, name)
                tools[function] = _described(known, schema)
            return True
        return False

    for part in parts:
        for registry in part.registries:
            for name, method_name in registry.entries:
                add(name, method_name, Declared.REGISTRY, None)
            for schema in registry.schemas:
                route = next((r for d in routers if (r := d.route(schema.name)) is not None), None)
                if route is not None and not _is_handed_on(chain, route, schema):
                    router = next(d for d in routers if d.route(schema.name) is route)
                    inline.setdefault(schema.name, InlineTool(schema.name, schema, router, route))
                    continue
                if route is None and schema.name in answered:
                    continue
                candidates = [route.method] if route is not None else []
                candidates += [f"{d.prefix}{schema.name}" for d in routers if d.prefix is not None]
                candidates += [schema.name, f"_{schema.name}", f"handle_{schema.name}", f"_handle_{schema.name}"]
                any(add(schema.name, c, Declared.SCHEMA, schema) for c in candidates)
    if not tools and not inline:
        for part in parts:
            for tool in part.with_context:
                tools.setdefault(tool.node, tool)
    listed = project.fact(listed_schemas)
    for function, tool in tools.items():
        told = listed.get(tool.name)
        if tool.declared is not Declared.FUNCTION_TOOL and told is not None and _fits(tool, told):
            tools[function] = _described(tool, told)
    return list(tools.values()), list(inline.values())


def _is_renamed(tool: Tool) -> bool:
    return tool.declared is Declared.FUNCTION_TOOL and tool.name != tool.node.name.value


def _described(tool: Tool, schema: ToolSchema | None) -> Tool:
    """The tool with what a schema says of it, if nothing else did."""
    if schema is None or tool.schema is not None:
        return tool
    return replace(tool, schema=schema, description=tool.description or schema.description)


def _fits(tool: Tool, schema: ToolSchema) -> bool:
    """Whether a list of schemas that stands apart from the class can mean this method."""
    named = {p.name for p in schema.parameters}
    return named == {p.name.value for p in tool.parameters}


def _is_handed_on(chain: tuple[ClassRef, ...], route: Route, schema: ToolSchema) -> bool:
    """Whether the branch only calls a method that can be the tool itself.

    One that takes an object of a class is asked for that object, if nothing else tells its parameters.
    """
    found = (method(ref.node, route.method) for ref in chain if route.method is not None)
    function = next((f for f in found if f is not None), None)
    if route.method is None or function is None:
        return route.method is not None
    return route.hands_on(function) or (not schema.parameters and route.hands_on_model(function))


def _with_alias(tool: Tool, name: str) -> Tool:
    return replace(tool, aliases=(*tool.aliases, name))

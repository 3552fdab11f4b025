"""A hand-written dispatcher gives its work to the tools themselves.

The framework calls decorated methods by itself, so `if name == "hold": …` is not needed for that any more. A branch
that did the work of a tool becomes a method. The dispatcher stays while other code calls it, with a marker that says
so; where nothing calls it any more, it goes. What it refuses for reasons of its own (too many requests of a number),
or a method in front of it does (a limit in a mixin), is done by nobody then: a marker says that, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass
from lk_migrate.facts.agents import agent_of, assistant_files, find_agents
from lk_migrate.facts.classes import method, methods, self_name
from lk_migrate.facts.dispatcher_work import fronts_of_dispatchers, work_before, work_beside
from lk_migrate.facts.dispatchers import Dispatcher
from lk_migrate.facts.imports import bound_names, dotted
from lk_migrate.facts.json_types import PythonType, literal
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.parameters import keys_read
from lk_migrate.facts.project import Project
from lk_migrate.facts.run_contexts import context_parameter
from lk_migrate.facts.schemas import ParameterSchema
from lk_migrate.facts.tools import InlineTool
from lk_migrate.facts.walk import find
from lk_migrate.model import Action, Edition, Safety
from lk_migrate.rewrite.bodies import body_indent, insert_first, statement, with_docstring, wrapped_parameters
from lk_migrate.rewrite.changes import Change, Remove, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.markers import has_marker
from lk_migrate.rewrite.schema_parameters import not_a_name, parameter_of
from lk_migrate.rewrite.unpacked import defaults_of, with_parameters
from lk_migrate.rules.registry import Rule

rule = Rule("LK119", Edition.HANDROLLED, __doc__, triggers=(b"def ",), safety=Safety.REVIEW, paths=assistant_files)


@rule.on(cst.ClassDef)
def untangle(node: cst.ClassDef, file: File) -> Iterator[Change]:
    agent = agent_of(file.project, node)
    if agent is None or not agent.handrolled or not (agent.inline_tools or _has_tools(agent, file.project)):
        return
    made = {tool.name: list(_to_method(agent, tool, file)) for tool in agent.inline_tools}
    routers = [d for d in agent.dispatchers if d.table is None or _holds_tools(agent, d.table, file.project)]
    unused = [d for d in routers if not agent.inline_tools and not callers(file.project, agent, d)]
    for dispatcher in routers:
        if has_marker(dispatcher.node, rule.id):
            continue
        work = work_beside(file.project, dispatcher)
        if work is not None:
            yield Todo(
                dispatcher.node,
                f"the framework calls the tools itself, so that what `{_name(dispatcher)}` does beside choosing one "
                f"(`{_first_line(file, work)}`) is not done any more: move it to the tools, then delete it",
            )
            continue
        if dispatcher in unused:
            yield Remove(dispatcher.node, f"the framework calls the tools itself: nothing uses `{_name(dispatcher)}`")
            continue
        where = ", ".join(callers(file.project, agent, dispatcher)[:3])
        left = [t.name for t in agent.inline_tools if t.dispatcher is dispatcher and not _becomes_one(made[t.name])]
        names = ", ".join(f"`{name}`" for name in left)
        after = f" when {names} {'are methods' if len(left) > 1 else 'is a method'}" if left else ""
        yield Todo(
            dispatcher.node,
            f"the framework calls the tools itself now; `{_name(dispatcher)}` stays for {where}: "
            "delete it when nothing needs it"
            if where
            else f"the framework calls the tools itself now, and nothing here calls `{_name(dispatcher)}`: "
            f"delete it{after}",
        )
    for changes in made.values():
        yield from changes


@rule.on(cst.FunctionDef)
def in_front(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """A method that does something before it hands on to a dispatcher: a limit in a mixin, say."""
    asked = file.project.fact(fronts_of_dispatchers).get(node)
    work = work_before(file.project, node) if asked is not None else None
    if work is None or has_marker(node, rule.id):
        return
    further = "hands on" if asked == node.name.value else f"hands on to `{asked}`"
    yield Todo(
        node,
        f"the framework calls the tools itself, so that what `{node.name.value}` does before it {further} "
        f"(`{_first_line(file, work)}`) is not done any more: move it to the tools, or, if it limits the calls per "
        "utterance, give the session `max_tool_steps=N-1` and its model `parallel_tool_calls=False`; then delete it",
    )


def _holds_tools(agent: AgentClass, table: str, project: Project) -> bool:
    """Whether an attribute is a table of tools: by its name, or because it is made of what lists them."""
    lists = {r.attribute for a in (agent, *_below(agent, project)) for r in a.registries}
    if table in lists or re.search(r"tool|func", table, re.IGNORECASE):
        return True
    made = [(t.target, a.value) for f in methods(agent.node) for a in find(f, cst.Assign) for t in a.targets]
    made += [(a.target, a.value) for f in methods(agent.node) for a in find(f, cst.AnnAssign) if a.value is not None]
    return any(
        isinstance(value, cst.Call) and _last(value.func) in lists and _last(target) == table for target, value in made
    )


def _last(node: cst.CSTNode) -> str:
    """`registry` of `self.registry`."""
    return (dotted(node) or "").rpartition(".")[2]


def _has_tools(agent: AgentClass, project: Project) -> bool:
    """Whether the class has tools, or one that it is a base or mixin of."""
    below = _below(agent, project) if agent.dispatchers else ()
    return bool(agent.all_tools) or any(a.all_tools for a in below)


def _below(agent: AgentClass, project: Project) -> Iterator[AgentClass]:
    """The assistants that the class is a base or mixin of."""
    return (a for a in find_agents(project) if agent.ref in (*a.chain, *a.mixins))


def _becomes_one(changes: list[Change]) -> bool:
    """Whether a branch becomes a method, and is not left to a person."""
    return any(not isinstance(change, Todo) for change in changes)


def _name(dispatcher: Dispatcher) -> str:
    return dispatcher.node.name.value


def _first_line(file: File, node: cst.CSTNode) -> str:
    text = file.code(node).strip().splitlines()
    return next((line.strip() for line in text if line.strip() and not line.strip().startswith("#")), "…")


def callers(project: Project, agent: AgentClass, dispatcher: Dispatcher) -> list[str]:
    """The places outside of the class (`path:line`) that speak of the dispatcher."""
    name = _name(dispatcher)
    own = {id(n) for d in agent.dispatchers for n in find(d.node, cst.Attribute)}
    found: list[str] = []
    for path, data in sorted(project.files.items()):
        if name.encode() not in data:
            continue
        module = project.module(path)
        for node in module.index.of(cst.Attribute) if module is not None else ():
            if module is not None and node.attr.value == name and id(node) not in own:
                found.append(f"{path}:{module.span(node).line}")
        for text in module.index.of(cst.SimpleString) if module is not None else ():
            if module is not None and string_value(text) == name:
                found.append(f"{path}:{module.span(text).line}")
    return found


def _to_method(agent: AgentClass, tool: InlineTool, file: File) -> Iterator[Change]:
    """The branch's statements as a method of their own; the branch calls it."""
    router = tool.dispatcher.node
    branch = tool.route.branch
    instance = self_name(router) or "self"
    body = branch.body
    free = _free_names(router, body, instance)
    arguments = [n for n in free if _is_mapping(router, body, n)]
    context = context_parameter(file.project, file.module, router)
    others = [n for n in free if n not in arguments and (context is None or n != context.name.value)]
    ends = isinstance(body, cst.IndentedBlock) and _ends(body.body[-1])
    reserved = {instance, context.name.value if context is not None else ""}
    clash = reserved.intersection(p.identifier for p in tool.schema.parameters)
    if not ends or len(arguments) > 1 or others or clash or not tool.name.isidentifier():
        yield Todo(branch, f"`{tool.name}` does its work in this branch: make it a method with `@function_tool`")
        return
    mapping = arguments[0] if arguments else ""
    listed = _parameters(tool, body, arguments)
    names_of = {p.name: p.identifier for p in listed}
    if len(set(names_of.values())) < len(names_of):
        nameless = next(p for p in listed if not p.is_name)
        yield Todo(
            branch,
            f"`{tool.name}` does its work in this branch: make it a method with `@function_tool`; "
            f"{not_a_name(nameless)}",
        )
        return
    if mapping and not listed:
        yield Todo(
            branch,
            f"`{tool.name}` does its work in this branch, and no list tells its parameters: make it a method with "
            "`@function_tool`, and name what the model may fill",
        )
        return
    moved: list[cst.BaseSuite] = []
    wait = "await " if router.asynchronous is not None else ""
    defaults = defaults_of(body, mapping, names_of) if mapping else {}
    passed = _passed(mapping, listed, defaults or {}, file) if mapping else ""
    if context is not None and context.name.value in free:
        passed = ", ".join(filter(None, [context.name.value, passed]))
    before = agent.inline_tools[: agent.inline_tools.index(tool)]
    earlier = {t.name for t in before} - {m.name.value for m in methods(agent.node)}
    taken = method(agent.node, tool.name) is not None
    name = f"{tool.name}_tool" if taken else tool.name

    def call_it(updated: cst.IndentedBlock) -> cst.IndentedBlock:
        moved.append(updated)
        return updated.with_changes(body=[statement(f"return {wait}{instance}.{name}({passed})")], footer=[])

    if router.asynchronous is None:
        yield Todo(branch, f"`{tool.name}` is a coroutine now: make `{router.name.value}` async and await it")
    decorator = file.use("livekit.agents.function_tool") + (f"(name={literal(tool.name)})" if taken else "")
    params = [cst.Param(cst.Name(instance))]
    if context is not None and context.name.value in free:
        spelt = file.use("livekit.agents.RunContext")
        params.append(cst.Param(context.name, annotation=cst.Annotation(cst.parse_expression(spelt))))
    as_it_was = defaults is None or not mapping
    action = Action.MOVED if as_it_was else Action.REWRITTEN
    yield Replace(body, call_it, f"`{tool.name}` is a method of its own", action)
    made = [parameter_of(p, (defaults or {}).get(p.name), file) for p in listed]
    params += sorted(made, key=lambda p: p.default is not None)
    indent = body_indent(file.module.tree, 2)
    text = "\n".join([tool.schema.description or tool.name.replace("_", " "), *_args(listed, file)])

    def with_method(updated: cst.ClassDef) -> cst.ClassDef:
        block = with_parameters(moved[-1], mapping, names_of) if mapping and defaults is not None else moved[-1]
        function = cst.FunctionDef(
            name=cst.Name(name),
            params=cst.Parameters(params=params),
            body=block,
            asynchronous=cst.Asynchronous(),
            decorators=[cst.Decorator(cst.parse_expression(decorator))],
            leading_lines=[cst.EmptyLine(indent=False)],
        )
        if mapping and defaults is None:
            entries = ", ".join(f'"{p.name}": {p.identifier}' for p in listed)
            function = insert_first(function, [statement(f"{mapping} = {{{entries}}}")])
        function = wrapped_parameters(function, 1, file.module.tree.default_indent, 120)
        function = with_docstring(function, text, indent, file.module.tree.default_newline)
        body = list(updated.body.body)
        beside = {router.name.value, *earlier}
        at = max(i for i, s in enumerate(body) if isinstance(s, cst.FunctionDef) and s.name.value in beside) + 1
        return updated.with_changes(body=updated.body.with_changes(body=[*body[:at], function, *body[at:]]))

    yield Rewrite(agent.node, with_method, f"`{tool.name}` was a branch of `{router.name.value}`: it is a tool now")


def _passed(mapping: str, listed: list[ParameterSchema], defaults: Mapping[str, cst.BaseExpression], file: File) -> str:
    """What the branch hands on: `**args`; one by one where a parameter is not called like its entry."""
    if all(p.is_name for p in listed):
        return f"**{mapping}"
    given = []
    for p in listed:
        default = f", {file.code(defaults[p.name])}" if p.name in defaults else ""
        value = f'{mapping}["{p.name}"]' if p.required else f'{mapping}.get("{p.name}"{default})'
        given.append(f"{p.identifier}={value}")
    return ", ".join(given)


def _parameters(tool: InlineTool, body: cst.CSTNode, arguments: list[str]) -> list[ParameterSchema]:
    """Those of the schema, and what the branch reads beyond it."""
    listed = list(tool.schema.parameters)
    known = {p.name for p in listed}
    for name in arguments:
        more = (k for k in keys_read(body, name) if k not in known)
        listed += [ParameterSchema(k, PythonType("str"), False) for k in more]
    return listed


def _free_names(router: cst.FunctionDef, body: cst.CSTNode, instance: str) -> list[str]:
    """Names of the dispatcher that the branch uses."""
    bound = bound_names(router) - {instance}
    return sorted({n.value for n in find(body, cst.Name)} & bound - bound_names(body))


def _is_mapping(router: cst.FunctionDef, body: cst.CSTNode, name: str) -> bool:
    """Whether `name` holds the model's arguments: the branch reads its items or hands it on, `**args` included."""
    uses = sum(n.value == name for n in find(body, cst.Name))
    items = sum(isinstance(s.value, cst.Name) and s.value.value == name for s in find(body, cst.Subscript))
    gets = sum(
        isinstance(a.value, cst.Name) and a.value.value == name and a.attr.value in ("get", "pop", "items")
        for a in find(body, cst.Attribute)
    )
    handed = [a for a in find(body, cst.Arg) if isinstance(a.value, cst.Name) and a.value.value == name]
    whole = sum(a.star == "**" or _holds_arguments(router, name) for a in handed)
    return uses > 0 and uses == items + gets + whole


def _holds_arguments(router: cst.FunctionDef, name: str) -> bool:
    """`args = json.loads(arguments)`, or a parameter called so: a dictionary, whoever gets it."""
    made = [a for a in find(router, cst.Assign) if any(dotted(t.target) == name for t in a.targets)]
    loaded = any("json.loads" in _called(a.value) for a in made)
    return loaded or (
        not made and re.fullmatch(r"(\w*_)?(args|arguments|params|parameters|kwargs|payload)", name) is not None
    )


def _called(node: cst.CSTNode) -> set[str]:
    """The names of what is called in an expression."""
    return {dotted(c.func) or "" for c in find(node, cst.Call)}


def _ends(last: cst.BaseStatement | cst.BaseSmallStatement) -> bool:
    """Whether a branch never falls through to what follows the chain."""
    if isinstance(last, cst.SimpleStatementLine):
        return isinstance(last.body[-1], (cst.Return, cst.Raise))
    if isinstance(last, cst.If):
        other = last.orelse.body.body[-1] if isinstance(last.orelse, cst.Else) else last.orelse
        return other is not None and _ends(other) and _ends(last.body.body[-1])
    return isinstance(last, (cst.With, cst.Try)) and _ends(last.body.body[-1])


def _args(parameters: list[ParameterSchema], file: File) -> list[str]:
    step = file.module.tree.default_indent
    lines = [f"{step}{p.identifier}: {p.description}" for p in parameters if p.description]
    return ["", "Args:", *lines] if lines else []

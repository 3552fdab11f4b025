"""A tool that takes what the model gives as one dictionary takes it as parameters.

`async def tool_book(self, ctx, args)` behind a dispatcher `getattr(self, f"tool_{name}")(ctx, args)` reads
`args["day"]`; the framework calls it with `day=…`. The parameters come from the tool's JSON schema, the defaults from
what the code took when an entry was missing, and callers of the project's own hand their dictionary on as `**args`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import assistant_files, find_agents, tool_of
from lk_migrate.facts.classes import self_name
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.bodies import insert_first, statement, wrapped_parameters
from lk_migrate.rewrite.changes import Change, Replace, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.schema_parameters import parameter_of
from lk_migrate.rewrite.unpacked import defaults_of, with_parameters
from lk_migrate.rules.registry import Rule


def paths(project: Project) -> frozenset[str]:
    """Where assistants are whose tools take a dictionary, and where such a tool may be called."""
    names = [name.encode() for name in project.fact(bundles)]
    return project.fact(assistant_files) | project.paths_with(names) if names else frozenset()


rule = Rule("LK126", Edition.HANDROLLED, __doc__, triggers=(b"def ",), safety=Safety.REVIEW, paths=paths)

_WIDTH = 120


@rule.on(cst.FunctionDef)
def take_apart(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """The tool itself."""
    found = tool_of(file.project, node)
    tool = found[1] if found is not None else None
    bundle = tool.bundle if tool is not None else None
    if tool is None or bundle is None or tool.schema is None:
        return
    mapping, listed = bundle.name.value, tool.schema.parameters
    names_of = {p.name: p.identifier for p in listed}
    defaults = defaults_of(node.body, mapping, names_of)
    made = [parameter_of(p, (defaults or {}).get(p.name), file) for p in listed]
    made.sort(key=lambda p: p.default is not None)
    at = list(node.params.params).index(bundle)
    depth = sum(isinstance(a, cst.IndentedBlock) for a in file.module.index.ancestors(node))

    def apply(updated: cst.FunctionDef) -> cst.FunctionDef:
        params = list(updated.params.params)
        params = [p.with_changes(comma=cst.MaybeSentinel.DEFAULT) for p in (*params[:at], *made, *params[at + 1 :])]
        updated = updated.with_changes(params=updated.params.with_changes(params=params))
        if defaults is None:
            entries = ", ".join(f'"{p.name}": {p.name}' for p in listed)
            given = f"{{{entries}}}.items()"
            updated = insert_first(updated, [statement(f"{mapping} = {{k: v for k, v in {given} if v is not None}}")])
        return wrapped_parameters(updated, depth, file.module.tree.default_indent, _WIDTH)

    names = ", ".join(p.name for p in listed) or "nothing"
    message = f"`{tool.name}` takes {names} instead of `{mapping}`"
    yield Rewrite(node, apply, message)
    if defaults is not None and any(n.value == mapping for n in find(node.body, cst.Name)):
        yield Replace(node.body, lambda updated: with_parameters(updated, mapping, names_of), message)


@rule.on(cst.Call)
def hand_on(call: cst.Call, file: File) -> Iterator[Change]:
    """`method(ctx, args)` of a getattr dispatcher, and direct calls of such a tool."""
    position = _position(call, file)
    if position is None or position >= len(call.args):
        return
    arg = call.args[position]
    if arg.keyword is not None or arg.star:
        return
    yield Rewrite(arg, lambda updated: updated.with_changes(star="**"), "the dictionary is handed on as parameters")


def _position(call: cst.Call, file: File) -> int | None:
    """Where a call gives the dictionary to a tool that is taken apart."""
    places = file.project.fact(bundles)
    if not places:
        return None
    func = call.func
    if isinstance(func, cst.Attribute):
        return places.get(func.attr.value)
    function = file.enclosing(call, cst.FunctionDef)
    agents = find_agents(file.project)
    prefix = next((d.prefix for a in agents for d in a.dispatchers if d.node is function), None)
    if prefix is None or function is None or not _gets_method(call, function):
        return None
    found = {places.get(m) for a in agents for t in a.tools if (m := t.node.name.value).startswith(prefix)}
    return found.pop() if len(found) == 1 else None


def _gets_method(call: cst.Call, function: cst.FunctionDef) -> bool:
    """`getattr(self, name)(…)`, or a variable that holds it."""
    if isinstance(call.func, cst.Call):
        return isinstance(call.func.func, cst.Name) and call.func.func.value == "getattr"
    if not isinstance(call.func, cst.Name):
        return False
    return any(
        isinstance(a.targets[0].target, cst.Name)
        and a.targets[0].target.value == call.func.value
        and isinstance(a.value, cst.Call)
        and isinstance(a.value.func, cst.Name)
        and a.value.func.value == "getattr"
        for a in find(function, cst.Assign)
    )


def bundles(project: Project) -> dict[str, int]:
    """Method → at which position, `self` not counted, it takes its dictionary."""
    found: dict[str, int] = {}
    for agent in find_agents(project):
        for tool in agent.tools:
            if tool.bundle is not None:
                names = [p.name.value for p in tool.node.params.params]
                skip = 1 if self_name(tool.node) is not None else 0
                found[tool.node.name.value] = names.index(tool.bundle.name.value) - skip
    return found

"""A method that the model may call is decorated with `@function_tool`.

`Agent` finds its decorated methods by itself; registries, own `@tool` decorators and JSON schemas are no longer needed
for that. The names that the model already knows are kept (`@function_tool(name=…)`), because prompts speak of them.
`function_tool` must be the outermost decorator: what is put around a tool hides it. A second name that the model knows
a method by gets a tool of its own; what was offered to the model and has no method is reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass
from lk_migrate.facts.agents import agent_of, assistant_files, find_agents, tool_of
from lk_migrate.facts.classes import method
from lk_migrate.facts.decorators import only_records
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.json_types import literal
from lk_migrate.facts.project import Project
from lk_migrate.facts.tools import Declared, Tool
from lk_migrate.facts.unanswered import unanswered
from lk_migrate.facts.walk import find
from lk_migrate.facts.wrappers import collectors, superfluous
from lk_migrate.model import Edition
from lk_migrate.rewrite.bodies import block_of, docstring_end, is_text, statement
from lk_migrate.rewrite.changes import Change, Note, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule


def paths(project: Project) -> frozenset[str]:
    """Where assistants are, and where something may look for what an own decorator recorded on their tools."""
    return project.fact(assistant_files) | project.paths_with(name.encode() for name in project.fact(_records))


rule = Rule("LK112", Edition.HANDROLLED, __doc__, triggers=(b"def ",), paths=paths)


@rule.on(cst.FunctionDef)
def decorate(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    found = tool_of(file.project, node)
    if found is None:
        return
    agent, tool = found
    if tool.declared is Declared.FUNCTION_TOOL:
        yield from _outermost(node, tool)
        return
    name = file.use("livekit.agents.function_tool")
    decorator = _decorator(name, tool)
    own = tool.decorator if _is_record(file, tool) else None
    yield Rewrite(
        node,
        lambda updated: _decorated(node, updated, decorator, own),
        f"`{tool.name}` is a tool of `{agent.name}` ({_how(agent, tool)})",
    )


@rule.on(cst.ClassDef)
def answer_to_other_names(node: cst.ClassDef, file: File) -> Iterator[Change]:
    """A method that a registry lists under two names: a method is one tool, so the other name gets one, too."""
    agent = agent_of(file.project, node)
    for tool in agent.tools if agent is not None else ():
        for alias in tool.aliases:
            if not alias.isidentifier() or method(node, alias) is not None or tool.node not in node.body.body:
                yield Todo(
                    tool.node,
                    f"the model knows `{tool.name}` as `{alias}` too, and a method is one tool: "
                    "change the prompts that say the other name, or add a second method",
                )
                continue
            decorator = cst.Decorator(cst.parse_expression(file.use("livekit.agents.function_tool")))
            yield Rewrite(
                node,
                partial(_with_second, tool, alias, decorator),
                f"`{alias}` is a tool of its own: the model knows `{tool.name}` by that name, too",
            )


def _with_second(tool: Tool, alias: str, decorator: cst.Decorator, updated: cst.ClassDef) -> cst.ClassDef:
    """The class with a method that hands its arguments on to the tool's, right after that."""
    body = list(updated.body.body)
    name = tool.node.name.value
    found = [i for i, s in enumerate(body) if isinstance(s, cst.FunctionDef) and s.name.value == name]
    at = found[-1]  # of several, the last one counts
    first = body[at]
    assert isinstance(first, cst.FunctionDef)
    block, instance = block_of(first), first.params.params[0].name.value
    given = [p.name.value for p in first.params.params[1:]] + [
        f"{p.name.value}={p.name.value}" for p in first.params.kwonly_params
    ]
    call = statement(f"return await {instance}.{name}({', '.join(given)})")
    second = first.with_changes(
        name=cst.Name(alias),
        decorators=[decorator],
        leading_lines=[cst.EmptyLine(indent=False)],
        lines_after_decorators=[],
        body=block.with_changes(body=[*block.body[: docstring_end(block)], call], footer=[]),
    )
    return updated.with_changes(body=updated.body.with_changes(body=[*body[: at + 1], second, *body[at + 1 :]]))


@rule.on(cst.ClassDef)
def report_unanswered(node: cst.ClassDef, file: File) -> Iterator[Change]:
    """What was offered to the model, and is no method here."""
    for one in file.project.fact(unanswered).get(node, ()):
        if one.elsewhere:
            places = ", ".join(one.elsewhere[:3])
            yield Todo(
                node,
                f"the model was offered `{one.name}`, which no method of `{node.name.value}` does; {places} may: "
                f"make it a method with `@function_tool`",
            )
        else:
            yield Note(node, f"the model was offered `{one.name}`, which nothing here does: it is no tool any more")


@rule.on(cst.SimpleString, cst.Attribute)
def mark_lost_records(node: cst.SimpleString | cst.Attribute, file: File) -> Iterator[Change]:
    """Code that collects what an own decorator recorded (`hasattr(member, "__tool_name__")`) finds nothing any more."""
    records = file.project.fact(_records)
    if not records:
        return
    name = node.attr.value if isinstance(node, cst.Attribute) else node.raw_value
    if name not in records or any(a in records.values() for a in file.module.index.ancestors(node)):
        return
    if any(a in file.project.fact(superfluous) for a in file.module.index.ancestors(node)):
        return
    function = file.enclosing(node, cst.FunctionDef)
    if function in file.project.fact(collectors):
        return  # LK123 sees to it
    yield Todo(
        function or node,
        f"the tools carry no `{name}` any more, the framework collects them by itself: "
        "what is found here is empty, delete it when nothing needs it",
    )


def _records(project: Project) -> dict[str, cst.FunctionDef]:
    """Attribute that an own decorator sets on the function → the decorator, for the decorators that are replaced."""
    found: dict[str, cst.FunctionDef] = {}
    for agent in find_agents(project):
        for tool in agent.tools:
            called = tool.decorator.decorator if tool.decorator is not None else None
            if called is None or tool.declared is not Declared.DECORATOR:
                continue
            symbol = project.resolve(tool.module, called.func if isinstance(called, cst.Call) else called)
            if symbol is None or not isinstance(symbol.node, cst.FunctionDef) or not only_records(symbol.node):
                continue
            for target in find(symbol.node, cst.AssignTarget):
                if isinstance(target.target, cst.Attribute):
                    found[target.target.attr.value] = symbol.node
    return found


def _how(agent: AgentClass, tool: Tool) -> str:
    how = {
        Declared.CONTEXT: "it takes the run context",
        Declared.DECORATOR: "it had a decorator of the project's own",
        Declared.REGISTRY: "it was listed in a registry",
        Declared.SCHEMA: "it was described by a JSON schema",
        Declared.FUNCTION_TOOL: "",
    }[tool.declared]
    return f"{how}; called `{tool.node.name.value}` in the code" if tool.name != tool.node.name.value else how


def _outermost(node: cst.FunctionDef, tool: Tool) -> Iterator[Change]:
    """`@turn_gated` above `@function_tool`: what it wraps is no function any more."""
    at = next(i for i, d in enumerate(node.decorators) if d is tool.decorator)
    if at == 0 or any(dotted(d.decorator) in ("staticmethod", "classmethod") for d in node.decorators[:at]):
        return
    below = len(node.decorators) - at - 1
    yield Rewrite(node, lambda updated: _moved_up(updated, below), f"`function_tool` goes outermost on `{tool.name}`")


def _moved_up(updated: cst.FunctionDef, below: int) -> cst.FunctionDef:
    """`below`: how many decorators stand below it; those above may have gone (a gate's) since."""
    decorators = list(updated.decorators)
    first = decorators.pop(-1 - below)
    return updated.with_changes(decorators=[first, *decorators])


def _is_record(file: File, tool: Tool) -> bool:
    """Whether the own decorator only remembers a name and a description, so that it can go."""
    if tool.decorator is None:
        return False
    called = tool.decorator.decorator
    symbol = file.resolve(called.func if isinstance(called, cst.Call) else called)
    return symbol is not None and only_records(symbol.node)


def _decorator(name: str, tool: Tool) -> cst.Decorator:
    """`@function_tool`, with the name that the model knows and the description that no docstring can hold."""
    args = []
    if tool.name != tool.node.name.value:
        args.append(f"name={literal(tool.name)}")
    if tool.description and _has_docstring(tool.node) and _said(tool.node) != tool.description:
        args.append(f"description={literal(tool.description)}")
    return cst.Decorator(cst.parse_expression(f"{name}({', '.join(args)})" if args else name))


def _has_docstring(function: cst.FunctionDef) -> bool:
    block = block_of(function)
    return bool(block.body) and is_text(block.body[0])


def _said(function: cst.FunctionDef) -> str:
    return " ".join((function.get_docstring() or "").split())


def _decorated(
    node: cst.FunctionDef, updated: cst.FunctionDef, decorator: cst.Decorator, own: cst.Decorator | None
) -> cst.FunctionDef:
    """The tool decorator first, in the place of the project's own if that one goes (others may have gone already)."""
    place = next((d for d in updated.decorators if own is not None and d.decorator.deep_equals(own.decorator)), None)
    kept = [d for d in updated.decorators if d is not place]
    if place is not None:
        decorator = decorator.with_changes(
            leading_lines=place.leading_lines, trailing_whitespace=place.trailing_whitespace
        )
    if kept and dotted(kept[0].decorator) in ("staticmethod", "classmethod"):
        return updated.with_changes(decorators=[kept[0], decorator, *kept[1:]])
    return updated.with_changes(decorators=[decorator, *kept])

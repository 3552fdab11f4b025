"""Tools that take an object of whatever keys, and the models that are asked to take a strict schema for them.

OpenAI answers 400 to a strict schema with an open object in it: to every request of the session, not just to a call of
that tool. What a project sent itself was not strict, unless it said so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.agents import find_agents
from lk_migrate.facts.framework import callee, constructed, library_name
from lk_migrate.facts.function_contexts import function_contexts
from lk_migrate.facts.gate_sessions import models_of_session
from lk_migrate.facts.json_types import PythonType
from lk_migrate.facts.module import Module
from lk_migrate.facts.parameters import Guess, is_bare_list, is_open, parameter_type, schema_type
from lk_migrate.facts.project import Project
from lk_migrate.facts.testcode import is_test
from lk_migrate.facts.tools import Declared, Tool, function_tool
from lk_migrate.facts.typed_dicts import without_clashes
from lk_migrate.facts.v0_names import AGENT_CLASSES

_STRICT = frozenset({"livekit.plugins.openai.LLM", "livekit.plugins.openai.llm.LLM"})
_TAKING_MODELS = frozenset({"AgentSession", "Agent", "AgentTask"})


@dataclass(frozen=True)
class OpenObjects:
    """`tools`: the names of the tools that take one; `models`: the constructions of the models that these are for.

    `can_be_told`: whether these are all models there are, so that telling them is enough.
    """

    tools: tuple[str, ...] = ()
    models: frozenset[cst.Call] = frozenset()
    can_be_told: bool = False


def wanted_type(tool: Tool, param: cst.Param) -> Guess:
    """The type that a parameter is to have: its own, unless it has none or one that says less than its schema."""
    spelt = spelling(tool, param)
    entry = tool.schema.parameter(param.name.value) if tool.schema is not None else None
    if not spelt or schema_type(tool, param) is not None or is_bare_list(spelt):
        return parameter_type(tool, param)
    return Guess(PythonType(spelt, limits=entry.type.limits if entry is not None else ()), "")


def spelling(tool: Tool, param: cst.Param) -> str:
    """The annotation as it is written, "" if there is none."""
    return tool.module.tree.code_for_node(param.annotation.annotation) if param.annotation is not None else ""


def is_open_object(project: Project, tool: Tool, param: cst.Param, type_: PythonType) -> bool:
    """Whether the parameter, whose type is to be `type_`, takes objects of whatever keys, or an object that holds one.

    A tool that was one of LiveKit's before is what its owner made it.
    """
    if type_.loose or tool.declared is Declared.FUNCTION_TOOL:
        return type_.loose
    spelt = spelling(tool, param)
    return (is_open(spelt) and type_.source == spelt) or _has_open_field(project, tool, param)


def _has_open_field(project: Project, tool: Tool, param: cst.Param) -> bool:
    """`booking: Booking`, a class of the project with `extras: dict[str, Any]`."""
    annotation = param.annotation.annotation if param.annotation is not None else None
    symbol = project.resolve(tool.module, annotation) if isinstance(annotation, (cst.Name, cst.Attribute)) else None
    if symbol is None or symbol.module is None or not isinstance(symbol.node, cst.ClassDef):
        return False
    code = symbol.module.tree.code_for_node
    lines = (line.body for line in symbol.node.body.body if isinstance(line, cst.SimpleStatementLine))
    fields = (field for line in lines for field in line if isinstance(field, cst.AnnAssign))
    return any(is_open(code(field.annotation.annotation)) for field in fields)


def open_objects(project: Project) -> OpenObjects:
    """Memoise with `project.fact`."""
    tools = tuple(dict.fromkeys(tool.name for tool in _tools(project) if _takes_one(project, tool)))
    if not tools:
        return OpenObjects()
    modules = project.modules(p for p in sorted(project.paths_with([b"llm"])) if not is_test(p))
    made = [model for module in modules for model in _models(project, module)]
    models = frozenset(model for model in made if model is not None)
    return OpenObjects(tools, models, bool(made) and None not in made)


def _tools(project: Project) -> Iterator[Tool]:
    for agent in find_agents(project):
        yield from agent.tools
    for node, known in project.fact(function_contexts).tools.items():
        call = known.decorator.decorator
        yield function_tool(project, known.module, node, call if isinstance(call, cst.Call) else None, known.decorator)


def _takes_one(project: Project, tool: Tool) -> bool:
    given = (p for p in tool.parameters if p is not tool.bundle)
    types = ((p, without_clashes(project, tool.module, wanted_type(tool, p).type)) for p in given)
    if any(is_open_object(project, tool, param, type_) for param, type_ in types):
        return True
    known = {p.name.value for p in tool.parameters}
    written_out = tool.schema.parameters if tool.schema is not None and tool.node.params.star_kwarg is not None else ()
    return any(without_clashes(project, tool.module, p.type).loose for p in written_out if p.name not in known)


def _models(project: Project, module: Module) -> Iterator[cst.Call | None]:
    """The models of sessions and agents; None for one that takes no word about its schemas, or is out of sight."""
    for call in module.index.of(cst.Call):
        starred = any(a.star == "**" for a in call.args)
        if not starred and call not in module.keywords.get("llm", ()):
            continue
        of_0x = module.may_be_imported(call.func) and project.full_name(module, call.func) in AGENT_CLASSES
        if not of_0x and constructed(project, module, call, "llm") not in _TAKING_MODELS:
            continue
        for model in models_of_session(project, module, call):
            name = library_name(project, module, callee(model)) if isinstance(model, cst.Call) else None
            if name is not None and "realtime" in name.lower():
                continue  # its schemas are not strict
            is_strict = isinstance(model, cst.Call) and name in _STRICT and not any(a.star for a in model.args)
            yield model if is_strict and isinstance(model, cst.Call) else None

"""The framework's `RunContext` in a function of the project: the parameter that takes it, and what that tells."""

from __future__ import annotations

import re

import libcst as cst

from lk_migrate.facts.classes import self_name
from lk_migrate.facts.dispatchers import CONTEXT_NAMES
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find

RUN_CONTEXT = frozenset(
    {
        "livekit.agents.RunContext",
        "livekit.agents.voice.RunContext",
        "livekit.agents.voice.events.RunContext",
    }
)
#: Methods that the framework calls by name: never tools.
LIFECYCLE = frozenset(
    {
        "on_enter",
        "on_exit",
        "on_user_turn_completed",
        "on_user_turn_exceeded",
        "stt_node",
        "llm_node",
        "tts_node",
        "transcription_node",
        "realtime_audio_output_node",
    }
)


def context_parameter(project: Project, module: Module, function: cst.FunctionDef) -> cst.Param | None:
    """The parameter that takes the framework's `RunContext`: annotated so, or first and named so without a type."""
    params = [*function.params.posonly_params, *function.params.params, *function.params.kwonly_params]
    if self_name(function) is not None and _is_method(module, function):
        params = params[1:]
    for i, param in enumerate(params):
        if param.annotation is None:
            if i == 0 and param.name.value in CONTEXT_NAMES:
                return param
            continue
        kind = annotated_context(project, module, param.annotation.annotation)
        if kind or (i == 0 and param.name.value in CONTEXT_NAMES and dotted(param.annotation.annotation) == "Any"):
            return param
    return None


def _is_method(module: Module, function: cst.FunctionDef) -> bool:
    block = module.index.parents.get(function)
    return isinstance(module.index.parents.get(block), cst.ClassDef) if block is not None else False


def annotated_context(project: Project, module: Module, annotation: cst.BaseExpression) -> str:
    """How the annotation speaks of RunContext: "plain", "optional", or "" when it does not."""
    if isinstance(annotation, cst.SimpleString):
        text = str(string_value(annotation))
        if not re.search(r"\bRunContext\b", text):
            return ""
        return "plain" if re.fullmatch(r"[\w.]*RunContext(\[.*\])?", text) else "optional"
    if isinstance(annotation, (cst.Name, cst.Attribute)):
        name = project.full_name(module, annotation)
        known = name in RUN_CONTEXT or (name is None and dotted(annotation) == "RunContext")
        return "plain" if known else ""
    if isinstance(annotation, cst.Subscript):
        if annotated_context(project, module, annotation.value):
            return "plain"
        if dotted(annotation.value) in ("Optional", "typing.Optional", "Union", "typing.Union"):
            inner = [e.slice.value for e in annotation.slice if isinstance(e.slice, cst.Index)]
            return "optional" if any(annotated_context(project, module, i) for i in inner) else ""
    if isinstance(annotation, cst.BinaryOperation) and isinstance(annotation.operator, cst.BitOr):
        sides = (annotation.left, annotation.right)
        return "optional" if any(annotated_context(project, module, s) for s in sides) else ""
    return ""


def takes_context(project: Project, module: Module, function: cst.FunctionDef) -> bool:
    """Whether an undecorated method looks like a tool: public, no handler, takes the run context, answers something."""
    name = function.name.value
    if name.startswith(("_", "on_")) or name in LIFECYCLE or self_name(function) is None:
        return False
    param = context_parameter(project, module, function)
    if param is None:
        return False
    if param.annotation is not None and annotated_context(project, module, param.annotation.annotation):
        return all(_wraps_calls(project, module, d) for d in function.decorators)
    if function.decorators:
        return False
    return function.asynchronous is not None or any(r.value is not None for r in find(function, cst.Return))


def _wraps_calls(project: Project, module: Module, decorator: cst.Decorator) -> bool:
    """Whether it is a decorator of the project's own (a gate, a retry): the framework's register for something else."""
    named = decorator.decorator.func if isinstance(decorator.decorator, cst.Call) else decorator.decorator
    symbol = project.resolve(module, named)
    return symbol is not None and symbol.module is not None

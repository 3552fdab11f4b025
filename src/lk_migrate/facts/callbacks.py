"""The callbacks that a 0.x agent was given (`before_llm_cb`, `before_tts_cb`) and what they can do."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.held import Function, Holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.pipelines import Construction, pipelines
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.variables import is_free
from lk_migrate.facts.walk import own_scope

_LLM_NAMES = ("before_llm_cb", "will_synthesize_assistant_reply")


@dataclass(frozen=True)
class Callback:
    """A callback as the constructor got it. `function` None: it is not one of the project's functions.

    `cancels`: it may return False; `streams`: it may return something to be spoken instead of the model's reply.
    """

    spelled: str
    function: Function | None
    is_async: bool
    cancels: bool
    streams: bool


@dataclass(frozen=True)
class Callbacks:
    """`class_name` is the Agent subclass that takes them over."""

    class_name: str
    llm: Callback | None
    tts: Callback | None


def callbacks_of(project: Project, construction: Construction) -> Callbacks | None:
    """The callbacks of a construction, None without any."""
    llm = construction.argument(*_LLM_NAMES)
    tts = construction.argument("before_tts_cb")
    found = [
        _callback(project, construction, a) if a is not None and dotted(a.value) != "None" else None for a in (llm, tts)
    ]
    if not any(found):
        return None
    name = next(
        n
        for n in ("VoiceAgent", "CallAgent", "PipelineAgent", "LkAgent")
        if is_free(construction.module, construction.module.tree, n) or n == "LkAgent"
    )
    return Callbacks(name, *found)


def _callback(project: Project, construction: Construction, arg: cst.Arg) -> Callback:
    module = construction.module
    spelled = module.tree.code_for_node(arg.value)
    known = project.fact(pipelines).holdings
    function = known.named_function(module, arg.value)
    if function is None:
        return Callback(spelled, None, isinstance(arg.value, cst.Lambda) is False, True, True)
    cancels = streams = False
    for node in own_scope(function.node):
        if isinstance(node, cst.Return) and node.value is not None:
            value = dotted(node.value)
            if value == "False":
                cancels = True
            elif value not in ("None", "True"):
                streams = True
                cancels = cancels or not _is_answer(known, function, node.value)
    return Callback(spelled, function, function.node.asynchronous is not None, cancels, streams)


def _is_answer(known: Holdings, function: Function, value: cst.BaseExpression) -> bool:
    """Whether a returned value is a stream or a text for sure, not a truth value."""
    if isinstance(value, (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)):
        return True
    return Kind.STREAM in known.kinds(function.module, value)

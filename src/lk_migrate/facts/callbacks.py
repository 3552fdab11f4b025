"""The callbacks that a 0.x agent was given (`before_llm_cb`, `before_tts_cb`) and what they can do."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.families import Function
from lk_migrate.facts.held import Holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.pipelines import Construction, pipelines
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.variables import is_free
from lk_migrate.facts.walk import find, own_scope

#: Where what a callback of 0.x did is done today.
CALLBACKS_TODAY = {
    "before_llm_cb": "what it does to the context is done in `on_user_turn_completed(self, turn_ctx, new_message)` of "
    "the `Agent`",
    "will_synthesize_assistant_reply": "answer in `llm_node(self, chat_ctx, tools, model_settings)` of the `Agent`",
    "before_tts_cb": "change the text in `tts_node(self, text, model_settings)` of the `Agent`",
}
_LLM_NAMES = ("before_llm_cb", "will_synthesize_assistant_reply")


@dataclass(frozen=True)
class Callback:
    """A callback as the constructor got it (the `keyword` argument). `function` None: it is none of the project's.

    `variable`: what it has to be called to be reached from a class: `self._enrich` means another object there, and a
    lambda cannot be called where it is written. "" where it can be written as it is `spelled`. `is_async`: None where
    that is not known. `cancels`: it may return False; `streams`: it may return something to be spoken instead of the
    model's reply. `wants_text`: it takes one text, and could do nothing with a stream of them.
    """

    keyword: str
    spelled: str
    variable: str
    function: Function | None
    is_async: bool | None
    cancels: bool
    streams: bool
    wants_text: bool = False


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
    keyword = arg.keyword.value if arg.keyword is not None else ""
    named = (keyword, *_reached(construction, arg.value, keyword))
    known = project.fact(pipelines).holdings
    function = known.named_function(module, arg.value)
    if function is None:
        return Callback(*named, None, None, True, True)
    cancels = streams = False
    for node in own_scope(function.node):
        if isinstance(node, cst.Return) and node.value is not None:
            value = dotted(node.value)
            if value == "False":
                cancels = True
            elif value not in ("None", "True") and not _is_context(known, function, node.value):
                streams = True
                cancels = cancels or not _is_answer(known, function, node.value)
    generates = any(isinstance(node, cst.Yield) for node in own_scope(function.node))
    is_async = function.node.asynchronous is not None and not generates
    return Callback(*named, function, is_async, cancels, streams, _wants_text(function.node) and not generates)


def _wants_text(function: cst.FunctionDef) -> bool:
    """Whether the last parameter is annotated as a text, or is sliced, measured or searched like one."""
    param = function.params.params[-1] if function.params.params else None
    if param is None:
        return False
    if param.annotation is not None:
        return dotted(param.annotation.annotation) == "str"
    name = param.name.value
    cuts = [n for n in find(function.body, cst.Subscript) if dotted(n.value) == name]
    methods = [n.attr.value for n in find(function.body, cst.Attribute) if dotted(n.value) == name]
    asks = [c for c in find(function.body, cst.Call) if c.args and dotted(c.args[0].value) == name]
    if any(dotted(call.func) == "isinstance" for call in asks):
        return False
    return bool(cuts) or any(hasattr(str, method) for method in methods)


#: What the methods of the class bind, so that it means something else there.
_BOUND = frozenset({"self", "turn_ctx", "new_message", "chat_ctx", "tools", "model_settings", "text", "result"})


def _reached(construction: Construction, value: cst.BaseExpression, keyword: str) -> tuple[str, str]:
    """How the callback is spelled, and the variable that it needs."""
    module, name = construction.module, dotted(value)
    spelled = module.tree.code_for_node(value)
    if name is not None and name.partition(".")[0] not in _BOUND:
        return spelled, ""
    last = (name or keyword).rpartition(".")[2].lstrip("_") or keyword
    scope = module.index.enclosing(value, cst.FunctionDef) or module.tree
    return spelled, next(n for n in (last, f"{last}_before", f"{last}_of_0x") if is_free(module, scope, n) or "0x" in n)


def _is_context(known: Holdings, function: Function, value: cst.BaseExpression) -> bool:
    """Whether the context is given back: 0.x took whatever was no stream for "go on with the model's reply"."""
    return Kind.CHAT_CONTEXT in known.kinds(function.module, value)


def _is_answer(known: Holdings, function: Function, value: cst.BaseExpression) -> bool:
    """Whether a returned value is a stream or a text for sure, not a truth value."""
    if isinstance(value, (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)):
        return True
    return Kind.STREAM in known.kinds(function.module, value)

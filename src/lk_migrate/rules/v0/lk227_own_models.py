"""An own LLM, TTS or STT is called with today's arguments.

A subclass that was written for 0.x has `async def chat(self, chat_ctx, fnc_ctx=None)`, or a `synthesize` without
`conn_options`: the session calls it by today's keywords, and it raises TypeError in the middle of a call. An STT has
`_recognize_impl` where it had `recognize`, and cannot be made without it. Streams want more, too, and one of a TTS is
given what takes the audio (`output_emitter`). What it has to do with the new ones is for a person to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.facts.classes import is_super_init
from lk_migrate.facts.framework import Owner, framework_base
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import lineages, method
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.arguments import find_keyword
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK227",
    Edition.V0,
    __doc__,
    triggers=(b"LLM", b"TTS", b"STT", b"Stream"),
    since="1.0.0",
    safety=Safety.REVIEW,
    paths=where_livekit_is_imported,
)

#: What the constructors of the framework's streams want beside what they always got: livekit-agents 1.8.9.
_STREAMS = {
    "llm.LLMStream": ("tools", "conn_options"),
    "llm.llm.LLMStream": ("tools", "conn_options"),
    "tts.ChunkedStream": ("tts", "input_text", "conn_options"),
    "tts.SynthesizeStream": ("tts", "conn_options"),
    "stt.RecognizeStream": ("stt", "conn_options"),
    "stt.SpeechStream": ("stt", "conn_options"),
}


@dataclass(frozen=True)
class _Called:
    """How the framework calls a method that a subclass must have: livekit-agents 1.8.9."""

    name: str
    given: tuple[str, ...]
    spelled: str
    is_coroutine: bool


_CALLED = {
    "LLM": (
        _Called(
            "chat",
            ("chat_ctx", "tools", "tool_choice", "conn_options"),
            "chat(*, chat_ctx, tools, tool_choice, conn_options, **kwargs) -> LLMStream",
            False,
        ),
    ),
    "TTS": (
        _Called("synthesize", ("conn_options",), "synthesize(text, *, conn_options) -> ChunkedStream", False),
        _Called("stream", ("conn_options",), "stream(*, conn_options) -> SynthesizeStream", False),
    ),
    "STT": (
        _Called(
            "_recognize_impl",
            ("language", "conn_options"),
            "_recognize_impl(buffer, *, language, conn_options) -> SpeechEvent",
            True,
        ),
        _Called("stream", ("conn_options",), "stream(*, language, conn_options) -> RecognizeStream", False),
    ),
}


@rule.on(cst.ClassDef)
def own_model(node: cst.ClassDef, file: File) -> Iterator[Change]:
    """The methods in the body of a subclass."""
    base = framework_base(file.project, Owner(file.module, node)) if node.bases else None
    for called in _CALLED.get(base or "", ()):
        for each in node.body.body:
            if not isinstance(each, cst.FunctionDef) or each.name.value != called.name or _fits(each, called):
                continue
            if called.name != "stream" or not _says_it_does_not_stream(node):
                yield Todo(each, f"the session calls this as `{called.spelled}`: take these, and give back that.")


def _says_it_does_not_stream(node: cst.ClassDef) -> bool:
    """`STTCapabilities(streaming=False, …)`: a session puts a `StreamAdapter` around it, asking for no stream."""
    made = [c for c in find(node, cst.Call) if (dotted(c.func) or "").endswith(("STTCapabilities", "TTSCapabilities"))]
    said = [find_keyword(call, "streaming") for call in made]
    return bool(said) and all(arg is not None and dotted(arg.value) == "False" for arg in said)


@rule.on(cst.FunctionDef)
def recognize(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """`recognize` is what 0.10 asked an STT for; since 0.11 it is the framework's, and asks `_recognize_impl`."""
    if node.name.value != "recognize":
        return
    owner = file.module.index.enclosing(node, cst.FunctionDef, cst.ClassDef)
    if not isinstance(owner, cst.ClassDef) or framework_base(file.project, Owner(file.module, owner)) != "STT":
        return
    if method(file.project.fact(lineages).of(owner), "_recognize_impl") is None:
        yield Todo(
            node,
            "an STT cannot be made without `async def _recognize_impl(self, buffer, *, language, conn_options) -> "
            "SpeechEvent`: that is what this was; `recognize` is the framework's now, and calls it.",
        )


@rule.on(cst.Call)
def own_stream(call: cst.Call, file: File) -> Iterator[Change]:
    """`super().__init__(llm, chat_ctx=…, fnc_ctx=…, conn_options=…)` of an own `LLMStream`, and of others."""
    owner = file.enclosing(call, cst.ClassDef) if is_super_init(call) else None
    kind = _stream(owner, file) if owner is not None else None
    if kind is None or any(a.star for a in call.args):
        return
    given = {a.keyword.value for a in call.args if a.keyword is not None}
    missing = [f"`{name}=`" for name in _STREAMS[kind] if name not in given]
    if "fnc_ctx" in given:
        missing = missing[1:] if missing and "tools" in missing[0] else missing
        yield Todo(call, "`fnc_ctx=` is `tools=[…]`, the list that `chat` is given" + _and(missing) + ".")
    elif missing:
        method = "chat" if kind.startswith("llm.") else "synthesize" if kind == "tts.ChunkedStream" else "stream"
        yield Todo(call, f"a stream wants {' and '.join(missing)}: hand on what `{method}` is given.")


@rule.on(cst.Attribute, among=called_so("_fnc_ctx", "_function_calls_info"))
def inner_part(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`self._fnc_ctx` of an own `LLMStream`: one marker in a method."""
    owner, method = file.enclosing(node, cst.ClassDef), file.enclosing(node, cst.FunctionDef)
    if not _is_old_part(node) or owner is None or method is None:
        return
    if not (_stream(owner, file) or "").startswith("llm."):
        return
    if next(n for n in find(method, cst.Attribute) if _is_old_part(n)) is node:
        yield Todo(
            node,
            f"a stream has no `{node.attr.value}`: its tools are the list `self._tools`, and the calls that the model "
            "asks for are sent on as `llm.ChoiceDelta(tool_calls=[llm.FunctionToolCall(…)])`; the session runs them.",
        )


def _is_old_part(node: cst.Attribute) -> bool:
    return dotted(node) in ("self._fnc_ctx", "self._function_calls_info")


@rule.on(cst.FunctionDef)
def emitter(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """`async def _run(self)` of an own stream of a TTS (`_main_task` until 0.11)."""
    owner = file.module.index.enclosing(node, cst.FunctionDef, cst.ClassDef)
    if node.name.value not in ("_run", "_main_task") or not isinstance(owner, cst.ClassDef):
        return
    params = node.params
    if len(params.params) > 1 or params.star_kwarg is not None or isinstance(params.star_arg, cst.Param):
        return
    if (_stream(owner, file) or "").startswith("tts."):
        yield Todo(
            node,
            "the session calls this as `_run(output_emitter)`: say `output_emitter.initialize(request_id=…, "
            "sample_rate=…, num_channels=…, mime_type=…)`, then `push()` the bytes; frames are not sent to an "
            "`_event_ch` any more.",
        )


def _stream(owner: cst.ClassDef, file: File) -> str | None:
    """Which of the framework's streams a class derives from."""
    names = ((file.full_name(base.value) or "").removeprefix("livekit.agents.") for base in owner.bases)
    return next((name for name in names if name in _STREAMS), None)


def _and(missing: list[str]) -> str:
    return f"; {' and '.join(missing)} is wanted, too" if missing else ""


def _fits(method: cst.FunctionDef, called: _Called) -> bool:
    params = method.params
    names = {p.name.value for p in (*params.params, *params.kwonly_params)}
    taken = params.star_kwarg is not None or set(called.given) <= names
    return taken and (method.asynchronous is not None) == called.is_coroutine

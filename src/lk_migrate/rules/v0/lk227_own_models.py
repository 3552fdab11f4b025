"""An own LLM, TTS or STT is called with today's arguments.

A subclass that was written for 0.x has `async def chat(self, chat_ctx, fnc_ctx=None)`, or a `synthesize` without
`conn_options`: the session calls it by today's keywords, and it raises TypeError in the middle of a call. What it has
to do with the new ones is for a person to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.classes import is_super_init
from lk_migrate.facts.framework import Owner, framework_base
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK227", Edition.V0, __doc__, triggers=(b"LLM", b"TTS", b"STT"), since="1.0.0", safety=Safety.REVIEW)

_STREAMS = ("livekit.agents.llm.LLMStream", "livekit.agents.llm.llm.LLMStream")


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
        for method in node.body.body:
            if isinstance(method, cst.FunctionDef) and method.name.value == called.name and not _fits(method, called):
                yield Todo(method, f"the session calls this as `{called.spelled}`: take these, and give back that.")


@rule.on(cst.Call)
def own_stream(call: cst.Call, file: File) -> Iterator[Change]:
    """`super().__init__(llm, chat_ctx=…, fnc_ctx=…, conn_options=…)` of an own `LLMStream`."""
    if not is_super_init(call):
        return
    owner = file.enclosing(call, cst.ClassDef)
    if owner is None or not any(file.full_name(base.value) in _STREAMS for base in owner.bases):
        return
    given = {a.keyword.value for a in call.args if a.keyword is not None}
    if any(a.star for a in call.args):
        return
    missing = [f"`{name}=`" for name in ("tools", "conn_options") if name not in given]
    if "fnc_ctx" in given:
        missing = missing[1:] if missing and "tools" in missing[0] else missing
        yield Todo(call, "`fnc_ctx=` is `tools=[…]`, the list that `chat` is given" + _and(missing) + ".")
    elif missing:
        yield Todo(call, f"a stream wants {' and '.join(missing)}: hand on what `chat` is given.")


def _and(missing: list[str]) -> str:
    return f"; {' and '.join(missing)} is wanted, too" if missing else ""


def _fits(method: cst.FunctionDef, called: _Called) -> bool:
    params = method.params
    names = {p.name.value for p in (*params.params, *params.kwonly_params)}
    taken = params.star_kwarg is not None or set(called.given) <= names
    return taken and (method.asynchronous is not None) == called.is_coroutine

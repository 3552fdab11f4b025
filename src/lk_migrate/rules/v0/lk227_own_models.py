"""An own LLM, TTS or STT is called with today's arguments.

A subclass that was written for 0.x has `async def chat(self, chat_ctx, fnc_ctx=None)`, or a `synthesize` without
`conn_options`: the session calls it by today's keywords, and it raises TypeError in the middle of a call. What it has
to do with the new ones is for a person to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.framework import Owner, framework_base
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK227", Edition.V0, __doc__, triggers=(b"LLM", b"TTS", b"STT"), since="1.0.0", safety=Safety.REVIEW)


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


def _fits(method: cst.FunctionDef, called: _Called) -> bool:
    params = method.params
    names = {p.name.value for p in (*params.params, *params.kwonly_params)}
    taken = params.star_kwarg is not None or set(called.given) <= names
    return taken and (method.asynchronous is not None) == called.is_coroutine

"""What 0.x callbacks got, and what became of what they changed (part of LK202).

`before_tts_cb(agent, text: str | AsyncIterable[str])` only ever gets a stream of texts now. `before_llm_cb` got a copy
of the context, made for one reply; the user's message of `on_user_turn_completed` is the one that goes to the history.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.callbacks import callbacks_of
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.walk import find
from lk_migrate.rewrite.changes import Change, Note, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk202_agent_and_session import rule as split


@split.on(cst.FunctionDef)
def stream_only(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """The annotation of the text, which `tts_node` hands over."""
    if len(node.params.params) < 2:
        return
    annotation = node.params.params[-1].annotation
    if annotation is None or b"before_tts_cb" not in file.module.data:
        return
    if not any(f is node for f in _tts_callbacks(file)):
        return
    stream = _stream_of(annotation.annotation)
    if stream is not None:
        yield Rewrite(annotation.annotation, lambda _: stream, "`tts_node` always gets a stream of texts")


@split.on(cst.Assign, cst.AugAssign)
def changed_message(node: cst.Assign | cst.AugAssign, file: File) -> Iterator[Change]:
    """`chat_ctx.messages[-1].content = …`, `chat_ctx.messages[-1] = …` in a `before_llm_cb`."""
    function = file.enclosing(node, cst.FunctionDef)
    if function is None or not any(f is function for f in _llm_callbacks(file)):
        return
    known = file.project.fact(pipelines).holdings
    for target in (t.target for t in node.targets) if isinstance(node, cst.Assign) else (node.target,):
        if isinstance(target, cst.Attribute) and target.attr.value == "content":
            if known.has(file.module, target.value, Kind.CHAT_MESSAGE):
                yield Note(
                    node,
                    "0.x gave this callback a copy for one reply; what is written into the user's message stays in the "
                    "history now. What is for this reply only belongs into a message of its own: "
                    '`chat_ctx.add_message(role="system", content=…)`.',
                )
        elif _replaces_last(target, file) and not _appends(function, file):
            yield Todo(
                node,
                "the framework adds the user's message after this, so the model gets both: change the message "
                "itself (`new_message.content = […]` in `on_user_turn_completed`), or add one beside it.",
            )


def _replaces_last(target: cst.CSTNode, file: File) -> bool:
    """`chat_ctx.messages[-1]`."""
    if not isinstance(target, cst.Subscript) or len(target.slice) != 1:
        return False
    index = target.slice[0].slice
    if not isinstance(index, cst.Index) or file.code(index.value) != "-1":
        return False
    return file.project.fact(pipelines).holdings.has(file.module, target.value, Kind.MESSAGES)


def _appends(function: cst.FunctionDef, file: File) -> bool:
    """Whether the callback puts the user's message back behind what it put in its place."""
    known = file.project.fact(pipelines).holdings
    return any(
        isinstance(call.func, cst.Attribute)
        and call.func.attr.value in ("append", "insert", "extend")
        and known.has(file.module, call.func.value, Kind.MESSAGES)
        for call in find(function.body, cst.Call)
    )


def _llm_callbacks(file: File) -> Iterator[cst.FunctionDef]:
    for construction in file.project.fact(pipelines).constructions.values():
        found = callbacks_of(file.project, construction)
        if found is not None and found.llm is not None and found.llm.function is not None:
            yield found.llm.function.node


def _tts_callbacks(file: File) -> Iterator[cst.FunctionDef]:
    for construction in file.project.fact(pipelines).constructions.values():
        found = callbacks_of(file.project, construction)
        if found is not None and found.tts is not None and found.tts.function is not None:
            yield found.tts.function.node


def _stream_of(annotation: cst.BaseExpression) -> cst.BaseExpression | None:
    """`AsyncIterable[str]` in `str | AsyncIterable[str]` or `Union[str, AsyncIterable[str]]`."""
    if isinstance(annotation, cst.BinaryOperation):
        parts = [annotation.left, annotation.right]
    elif isinstance(annotation, cst.Subscript) and (dotted(annotation.value) or "").endswith("Union"):
        parts = [e.slice.value for e in annotation.slice if isinstance(e.slice, cst.Index)]
    else:
        return None
    streams = [p for p in parts if isinstance(p, cst.Subscript)]
    return streams[0] if len(parts) == 2 and len(streams) == 1 and any(dotted(p) == "str" for p in parts) else None

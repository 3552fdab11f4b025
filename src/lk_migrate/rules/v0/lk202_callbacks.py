"""`before_tts_cb(agent, text: str | AsyncIterable[str])` only ever gets a stream of texts now (part of LK202)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.callbacks import callbacks_of
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.rewrite.changes import Change, Rewrite
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

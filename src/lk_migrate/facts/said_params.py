"""What a handler of `user_speech_committed` and its like takes what was said for: a message, or its text.

A `VoicePipelineAgent` handed over a `ChatMessage`, whatever the parameter's annotation says: `msg: ChatContext` was
never looked at, and `msg: str` is right only of a `MultimodalAgent`'s, and where nothing of a message is read.
"""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.walk import find

#: What a message has and a text has not.
_OF_A_MESSAGE = frozenset({"content", "role", "text_content"})


def is_taken_for_text(param: cst.Param, function: cst.FunctionDef | cst.Lambda) -> bool:
    """Whether it is annotated `str`, perhaps among others, and no `.content` of it is read."""
    if param.annotation is None:
        return False
    said = cst.Module([]).code_for_node(param.annotation.annotation)
    return "str" in said.replace("|", " ").split() and not _is_read_as_message(param, function)


def _is_read_as_message(param: cst.Param, function: cst.FunctionDef | cst.Lambda) -> bool:
    return any(
        node.attr.value in _OF_A_MESSAGE and dotted(node.value) == param.name.value
        for node in find(function.body, cst.Attribute)
    )

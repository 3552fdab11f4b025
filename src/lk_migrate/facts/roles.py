"""The role of a chat message, as it is written."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of


def role_of(expression: cst.BaseExpression) -> str:
    """`system` for "system" and for `ChatRole.SYSTEM` (0.7); "" if it is computed."""
    text = text_of(expression)
    if text is not None:
        return text
    name = dotted(expression) or ""
    if ".ChatRole." in f".{name}":
        return name.rpartition(".")[2].lower()
    return ""

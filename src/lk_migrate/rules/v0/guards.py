"""Whether somebody asks first (shared by LK205, LK206 and LK326)."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.literals import string_value
from lk_migrate.facts.walk import find
from lk_migrate.rewrite.file import File


def is_guarded(node: cst.CSTNode, name: str, file: File) -> bool:
    """`hasattr(agents, "X")` around a use of `X`, or a `try` that catches AttributeError."""
    around = file.module.index.enclosing(node, cst.If, cst.IfExp, cst.BooleanOperation)
    while around is not None:
        test = around.left if isinstance(around, cst.BooleanOperation) else around.test  # type: ignore[attr-defined]
        if any(string_value(s) == name for s in find(test, cst.SimpleString)):
            return True
        around = file.module.index.enclosing(around, cst.If, cst.IfExp, cst.BooleanOperation)
    attempt = file.enclosing(node, cst.Try)
    handlers = attempt.handlers if isinstance(attempt, cst.Try) else ()
    caught = {n.value for h in handlers if h.type is not None for n in find(h.type, cst.Name)}
    return "AttributeError" in caught

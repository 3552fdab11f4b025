"""Whether a sync function blocks, by what it calls itself or through the project's own functions."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.blocking import blocking_call
from lk_migrate.facts.holdings import Function, Holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.walk import find

_DEPTH = 4


def blocks(known: Holdings, function: Function, depth: int = 0) -> str | None:
    """The first blocking call that is reached, as it is written; None when none can be seen."""
    found = blocking_call(known.project, function.module, function.node)
    if found is not None or depth >= _DEPTH:
        return found
    for call in find(function.node.body, cst.Call):
        for callee in known.callees(function.module, call):
            if callee.node is not function.node and callee.node.asynchronous is None:
                inner = blocks(known, callee, depth + 1)
                if inner is not None:
                    return dotted(call.func) or inner
    return None

"""A `prewarm_fnc` that is a coroutine, or takes nothing: it never ran, or ended the process (part of LK340)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.framework import library_name
from lk_migrate.rewrite.arguments import find_keyword
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v1.lk340_agent_server import rule as agent_server

_OPTIONS = ("WorkerOptions", "ServerOptions")


@agent_server.on(cst.Call)
def prewarm(call: cst.Call, file: File) -> Iterator[Change]:
    """Told where the function is defined."""
    given = find_keyword(call, "prewarm_fnc")
    if given is None or not (library_name(file.project, file.module, call.func) or "").endswith(_OPTIONS):
        return
    symbol = file.resolve(given.value)
    function = symbol.node if symbol is not None and symbol.module is file.module else None
    if not isinstance(function, cst.FunctionDef):
        return
    takes = [*function.params.posonly_params, *function.params.params]
    if function.asynchronous is not None:
        yield Todo(
            function, "a prewarm function is called, and not awaited: make it a plain `def` of the `JobProcess`."
        )
    elif not takes and isinstance(function.params.star_arg, cst.MaybeSentinel):
        yield Todo(function, "a prewarm function is called with the `JobProcess`: take it as a parameter.")

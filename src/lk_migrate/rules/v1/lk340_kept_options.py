"""`WorkerOptions` made elsewhere, looked at or changed keep their object, by its name of today (part of LK340).

`ServerOptions` is the class, `WorkerOptions` what 1.3 left of its old name; `AgentServer.from_server_options` takes it.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v1.lk340_agent_server import is_never_run, workers
from lk_migrate.rules.v1.lk340_agent_server import rule as agent_server
from lk_migrate.rules.v1.moved_names import old_name, replaced
from lk_migrate.rules.v1.server_shapes import Worker

_MOVED = {
    f"livekit.agents.{address}WorkerOptions": "livekit.agents.worker.ServerOptions"
    for address in ("", "worker.", "server.")
}


@agent_server.on(cst.Name, cst.Attribute, among=called_so("WorkerOptions"))
def mention(node: cst.Name | cst.Attribute, file: File) -> Iterator[Change]:
    """What becomes a server or is marked is left to `run_app`, what comes through another file to that file."""
    if old_name(node, file, _MOVED) is None or file.module.target_of(node) not in _MOVED:
        return
    call = file.parent(node)
    if isinstance(call, cst.Call) and call.func is node and is_never_run(call, file):
        return
    if not any(_goes_with(worker, node, file) for worker in workers(file)):
        yield from replaced(node, file, _MOVED)


@agent_server.on(cst.Attribute, among=called_so("run"))
def run_by_themselves(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`WorkerOptions(entrypoint_fnc=…).run()`: options never ran anything."""
    if isinstance(node.value, cst.Call) and file.full_name(node.value.func) in _MOVED:
        yield Todo(
            node,
            "options have no `run`: `cli.run_app(AgentServer.from_server_options(…))`, or an `AgentServer` with "
            "`@server.rtc_session()` on the entrypoint, and `cli.run_app(server)`.",
        )


def _goes_with(worker: Worker, node: cst.CSTNode, file: File) -> bool:
    """Whether it stands where the server comes, and in no argument: these are the server's then."""
    return _is_in(node, worker.variable or worker.options, file) and not any(
        _is_in(node, arg, file) for arg in worker.options.args
    )


def _is_in(node: cst.CSTNode | None, other: cst.CSTNode, file: File) -> bool:
    while node is not None and node is not other:
        node = file.parent(node)
    return node is other

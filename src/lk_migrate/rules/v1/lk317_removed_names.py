"""Names that early 1.x had and 1.8 has not: `InlineTask`, `Worker`, `ChatCLI`, `SimulateJobInfo`, ….

`InlineTask` became `AgentTask` in 1.2.0. What the module of OpenAI's realtime model had imported from OpenAI's SDK
(`TurnDetection`) is taken from there. The others have no counterpart that a tool could put in their place
(1.2.0 and 1.3.1): the marker says what there is.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so, calls_of
from lk_migrate.facts.framework import library_name
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.plugin_addresses import OF_SDK, REALTIME, SDK
from lk_migrate.facts.project import Project
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.markers import enumerated
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v1.moved_names import is_reference, replaced


def paths(project: Project) -> frozenset[str]:
    """Where such a name can stand for LiveKit's, or the callback is added to whatever object."""
    return project.fact(where_livekit_is_imported) | project.paths_with([b"add_tracing_callback"])


_TRIGGERS = (
    b"InlineTask",
    b"ChatCLI",
    b"SimulateJobInfo",
    b"Worker",
    b"add_tracing_callback",
    b"ElevenlabsOptions",
    b"realtime_model",
)
rule = Rule("LK317", Edition.V1, __doc__, triggers=_TRIGGERS, since="1.2.0", safety=Safety.REVIEW, paths=paths)

_MOVED = {
    f"livekit.agents.{package}InlineTask": "livekit.agents.AgentTask" for package in ("", "voice.", "voice.agent.")
}
_GONE = {
    "ChatCLI": "`ChatCLI` is gone since 1.3.1: `python main.py console` (or `lk agent console`) takes its place",
    "SimulateJobInfo": "`SimulateJobInfo` is gone since 1.3.1: `python main.py connect --room <name>` takes its place",
    "Worker": "`Worker` is gone since 1.3.1: `AgentServer.from_server_options(options)` takes its place (`await "
    "server.run(devmode=True)`, as `Worker` ran by default), or `cli.run_app(server)`",
    "ElevenlabsOptions": "`ElevenlabsOptions` is gone: pass its keys in `extra_kwargs` as a plain dict",
}


@rule.on(cst.Name, cst.Attribute, among=called_so("InlineTask"))
def rename(node: cst.Name | cst.Attribute, file: File) -> Iterator[Change]:
    yield from replaced(node, file, _MOVED)


@rule.on(cst.ImportFrom)
def of_openai(node: cst.ImportFrom, file: File) -> Iterator[Change]:
    """`from livekit.plugins.openai.realtime.realtime_model import TurnDetection`."""
    if isinstance(node.names, cst.ImportStar) or dotted(node.module) != REALTIME:
        return
    moved = [alias for alias in node.names if alias.evaluated_name in OF_SDK]
    if moved and len(moved) == len(node.names):
        yield Rewrite(
            node,
            lambda updated: updated.with_changes(module=cst.parse_expression(SDK)),
            "OpenAI's SDK has it, and LiveKit's module no longer hands it on",
        )
    elif moved:
        line = file.statement(node)
        names = enumerated([alias.evaluated_name for alias in moved])
        if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1:
            yield Rewrite(line, _in_two, f"{names}: OpenAI's SDK has it, and LiveKit's module no longer hands it on")
        else:
            yield Todo(node, f"{names} must be imported from `{SDK}` now.")


def _in_two(updated: cst.SimpleStatementLine) -> cst.FlattenSentinel[cst.SimpleStatementLine]:
    """The import of what stayed, and below it that of what OpenAI's SDK has; a remark behind it stays at the first."""
    whole = cst.ensure_type(updated.body[0], cst.ImportFrom)
    assert not isinstance(whole.names, cst.ImportStar)
    parts = []
    for of_sdk in (False, True):
        names = [alias for alias in whole.names if (alias.evaluated_name in OF_SDK) is of_sdk]
        names[-1] = names[-1].with_changes(comma=whole.names[-1].comma)
        parts.append(whole.with_changes(names=names))
    moved = parts[1].with_changes(module=cst.parse_expression(SDK))
    first = updated.with_changes(body=[parts[0]])
    return cst.FlattenSentinel([first, cst.SimpleStatementLine([moved])])


@rule.on(cst.ImportFrom)
def gone_import(node: cst.ImportFrom, file: File) -> Iterator[Change]:
    """An import that fails today."""
    for item in file.module.imports:
        last = item.target.rpartition(".")[2]
        if item.statement is node and last in _GONE and item.target.startswith("livekit.agents."):
            yield Todo(node, f"{_GONE[last]}.")


@rule.on(cst.Attribute, among=called_so(*_GONE))
def gone(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`agents.Worker`: a use of a class that no longer exists."""
    last = node.attr.value
    if last not in _GONE or not is_reference(node, file):
        return
    name = library_name(file.project, file.module, node) or ""
    if name.startswith("livekit.agents") and name.rpartition(".")[2] == last:
        yield Todo(node, f"{_GONE[last]}.")


@rule.on(cst.Call, among=calls_of("add_tracing_callback"))
def tracing(call: cst.Call, file: File) -> Iterator[Change]:
    """`ctx.add_tracing_callback(…)`."""
    if isinstance(call.func, cst.Attribute) and call.func.attr.value == "add_tracing_callback":
        yield Todo(
            call, "`add_tracing_callback` is gone since 1.2.0: `livekit.agents.telemetry` exports OpenTelemetry traces."
        )

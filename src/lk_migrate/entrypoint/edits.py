"""The edits that hold wherever a piece of the legacy main goes: console mode, gates, greeting, options, globals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from lk_migrate.entrypoint.console import holds_context, through_helper
from lk_migrate.entrypoint.gates import AgentForMain
from lk_migrate.entrypoint.layout import Layout
from lk_migrate.entrypoint.spine import CannotSplit
from lk_migrate.facts.entrypoint import Entrypoint
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.models import language_model_calls
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.scopes import occurrences
from lk_migrate.facts.walk import concrete, descendants, find
from lk_migrate.model import Action, Fate, Finding, Place
from lk_migrate.rewrite.arguments import keyword_arg, of_call, to_call
from lk_migrate.rewrite.blocks import gap
from lk_migrate.rewrite.ledger import Touch

Edit = Callable[[Any], Any]

SPLIT, WHOLE, STEPS, CONSOLE, OPTIONS, GREETING = "LK150", "LK151", "LK152", "LK153", "LK154", "LK155"


@dataclass
class Collected:
    """Edits by legacy node, with what the report and the ledger say about them."""

    module: Module
    edits: dict[cst.CSTNode, Edit] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)

    def add(self, rule: str, node: cst.CSTNode, edit: Edit, message: str) -> None:
        self.edits[node] = edit
        self.find(rule, node, message)

    def find(self, rule: str, node: cst.CSTNode, message: str) -> None:
        """A finding, and a touch of the statement that holds `node`."""
        span = self.module.span(node)
        place = Place(self.module.path, span.line, span.end_line)
        self.findings.append(Finding(rule, Action.REWRITTEN, place, message, span.column))
        self.touch(node, message, rule)

    def touch(self, node: cst.CSTNode, message: str, rule: str = SPLIT, whole: bool = False) -> None:
        self.touches.append(Touch(node if whole else unit_of(self.module, node), Fate.REWRITTEN, rule, message, whole))


def unit_of(module: Module, node: cst.CSTNode) -> cst.CSTNode:
    """The ledger's unit that holds `node`: a line, or the header of a compound statement."""
    kinds = (cst.SimpleStatementLine, cst.BaseCompoundStatement, cst.Else, cst.ExceptHandler, cst.Finally)
    return node if type(node) in concrete(*kinds) else module.index.enclosing(node, *kinds) or node


def collect_edits(
    project: Project, entry: Entrypoint, module: Module, layout: Layout, agents: Sequence[AgentForMain], support: str
) -> Collected:
    """`support`: the name of the module that module-level state moves to. Raises `CannotSplit`."""
    found = Collected(module)
    _wait_for_callers(found, entry)
    if any(a.gate is not None for a in agents):
        for call in language_model_calls(project, module):
            if not any(a.keyword is not None and a.keyword.value == "parallel_tool_calls" for a in call.args):
                found.add(STEPS, call, _one_call_at_a_time, "one tool call at a time, as the turn gate had it")
    for call in find(entry.function, cst.Call):
        if _is_empty_run(call):
            found.add(GREETING, call, _generate_reply, '`run(user_input="")` is `generate_reply()`')
    _run_the_server(found, entry)
    _globals_from(found, entry, layout, support)
    return found


# ---- console mode ------------------------------------------------------------


def _wait_for_callers(found: Collected, entry: Entrypoint) -> None:
    """`ctx.wait_for_participant(…)` → `wait_for_caller(ctx, …)` (entrypoint/console.py)."""
    contexts = {p.name.value for p in entry.function.params.params[:1]}
    for param in found.module.index.of(cst.Param):
        if param.annotation is not None and (dotted(param.annotation.annotation) or "").endswith("JobContext"):
            contexts.add(param.name.value)
    for call in found.module.index.of(cst.Call):
        name = dotted(call.func) or ""
        base, _, method = name.rpartition(".")
        if method == "wait_for_participant" and (base in contexts or holds_context(call, base, found.module)):
            found.add(CONSOLE, call, through_helper, "in console mode a stand-in takes the participant's place")


# ---- the turn gate's limit, the greeting ----------------------------------------


def _one_call_at_a_time(updated: cst.Call) -> cst.Call:
    return to_call(updated, of_call(updated).appended(keyword_arg("parallel_tool_calls", cst.Name("False"))))


def _is_empty_run(call: cst.Call) -> bool:
    if not (isinstance(call.func, cst.Attribute) and call.func.attr.value == "run" and len(call.args) == 1):
        return False
    arg = call.args[0]
    return (
        arg.keyword is not None
        and arg.keyword.value == "user_input"
        and isinstance(arg.value, cst.SimpleString)
        and string_value(arg.value) == ""
    )


def _generate_reply(updated: cst.Call) -> cst.Call:
    assert isinstance(updated.func, cst.Attribute)
    return updated.with_changes(func=updated.func.with_changes(attr=cst.Name("generate_reply")), args=[])


# ---- worker options, for mains that no v1 rule has seen --------------------------


def _run_the_server(found: Collected, entry: Entrypoint) -> None:
    """`cli.run_app(WorkerOptions(…))` → `cli.run_app(server)`."""
    if entry.late_server is not None and entry.registration is not None:
        for call in (entry.late_server, entry.registration):
            line = found.module.index.enclosing(call, cst.SimpleStatementLine)
            assert line is not None
            found.add(
                OPTIONS, line, _gone, "the server is made at the module's top level, the entrypoint registered there"
            )
        for line in entry.hoisted:
            found.edits[line] = _gone
            found.touch(line, "stands before the server, which needs it", OPTIONS)
        return
    run_app, options = entry.run_app, entry.options
    if run_app is None or options is None or entry.server is not None:
        return
    message = "worker options are the server's and the session's arguments now"
    found.add(OPTIONS, run_app, _with_the_server, message)
    found.touch(options, message, OPTIONS, whole=True)
    line = found.module.index.enclosing(options, cst.SimpleStatementLine)
    if line is not None and not any(n is run_app for n in descendants(line)):
        found.edits[line] = _gone
        found.touch(line, message, OPTIONS)


def _gone(updated: cst.SimpleStatementLine) -> cst.SimpleStatementLine:
    return gap(updated.leading_lines)


def _with_the_server(updated: cst.Call) -> cst.Call:
    return updated.with_changes(args=[cst.Arg(cst.Name("server"))], whitespace_before_args=cst.SimpleWhitespace(""))


# ---- module state -----------------------------------------------------------------


def _globals_from(found: Collected, entry: Entrypoint, layout: Layout, support: str) -> None:
    """State that functions re-bind lives in the support module: `calls += 1` → `call_support.calls += 1`.

    A plain `from call_support import calls` would see the first value for ever.
    """
    moved = layout.rebound & {n for i in layout.support for n in i.binds}
    if not moved:
        return
    for node in (entry.function, *(i.node for i in layout.main)):
        for occurrence in occurrences(node):
            if occurrence.name not in moved or occurrence.owner is not None:
                continue
            if occurrence.kind in ("read", "write"):
                found.edits[occurrence.node] = _reading(f"{support}.{occurrence.name}")
                found.touch(occurrence.node, f"`{occurrence.name}` lives in {support} now")
            elif occurrence.kind not in ("declared", "quoted"):
                raise CannotSplit(f"`{occurrence.name}` is re-bound in an unusual way", occurrence.node)
        for statement in find(node, cst.Global):
            if any(item.name.value in moved for item in statement.names):
                found.edits[statement] = _without_names(moved)
                found.touch(statement, f"the name is an attribute of {support}")


def _reading(text: str) -> Edit:
    return lambda updated: cst.parse_expression(text).with_changes(lpar=updated.lpar, rpar=updated.rpar)


def _without_names(names: frozenset[str]) -> Edit:
    def edit(updated: cst.Global) -> Any:
        kept = [item for item in updated.names if item.name.value not in names]
        if not kept:
            return cst.RemoveFromParent()
        kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return updated.with_changes(names=kept)

    return edit

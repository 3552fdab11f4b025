"""Nobody is dialled, transferred or recorded in console mode.

`python main.py console` has no room on a server: calls of the SIP and egress services and of `delete_room` fail there.
They are left out, as the framework's own `ctx.add_sip_participant` and `ctx.delete_room` leave theirs out; where code
goes on with the answer it gets an empty one.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.entrypoint.console import minds_console, only_if
from lk_migrate.facts.gates import is_hand_rolled
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.project import Project
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

#: (service, method) of `LiveKitAPI` → what it answers: livekit-api 1.2.
_ANSWERS = {
    ("sip", "create_sip_participant"): "SIPParticipantInfo",
    ("sip", "transfer_sip_participant"): "SIPParticipantInfo",
    ("egress", "start_egress"): "EgressInfo",
    ("egress", "start_room_composite_egress"): "EgressInfo",
    ("egress", "start_web_egress"): "EgressInfo",
    ("egress", "start_participant_egress"): "EgressInfo",
    ("egress", "start_track_composite_egress"): "EgressInfo",
    ("egress", "start_track_egress"): "EgressInfo",
    ("egress", "stop_egress"): "EgressInfo",
    ("room", "delete_room"): "DeleteRoomResponse",
}
_WORDS = tuple(method.encode() for _, method in _ANSWERS)


def paths(project: Project) -> frozenset[str]:
    """The files of a hand-rolled project that call these services."""
    found = frozenset(p for p, data in project.files.items() if any(word in data for word in _WORDS))
    return found if found and is_hand_rolled(project) else frozenset()


rule = Rule("LK157", Edition.HANDROLLED, __doc__, triggers=_WORDS, safety=Safety.REVIEW, paths=paths)


@rule.on(cst.Await)
def only_with_a_server(node: cst.Await, file: File) -> Iterator[Change]:
    """`await ctx.api.sip.create_sip_participant(…)`, and the like."""
    call = node.expression
    path = (dotted(call.func) or "").split(".") if isinstance(call, cst.Call) else []
    answer = _ANSWERS.get((path[-2], path[-1])) if len(path) > 2 else None
    context = _context(path[:-2], node, file) if answer is not None else None
    if context is None or minds_console(node, file.module):
        return
    message = "nobody is there in console mode"
    parent, line = file.parent(node), file.statement(node)
    alone = isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1
    if alone and isinstance(parent, cst.Expr):
        test = cst.parse_expression(f"not {context}.is_fake_job()")
        yield Rewrite(line, lambda updated: only_if(updated, test), message)
        return
    empty = cst.parse_expression(f"{file.use('livekit.api')}.{answer}()")
    test = cst.parse_expression(f"{context}.is_fake_job()")
    if alone and isinstance(parent, cst.Assign):
        yield Rewrite(line, lambda updated: _either(updated, test, empty), message)
    else:
        yield Rewrite(node, lambda updated: _or_empty(updated, test, empty), message)


def _context(service: list[str], node: cst.CSTNode, file: File) -> str | None:
    """The `JobContext` of the call: `ctx` in `ctx.api.sip`, else what the function around takes as one."""
    if service[-1] == "api" and len(service) > 1 and service[0] != "livekit":
        return ".".join(service[:-1])
    for function in (n for n in file.module.index.ancestors(node) if isinstance(n, cst.FunctionDef)):
        for param in function.params.params:
            kind = dotted(param.annotation.annotation) if param.annotation is not None else None
            if kind is not None and kind.rpartition(".")[2] == "JobContext":
                return param.name.value
    return None


def _either(updated: cst.SimpleStatementLine, test: cst.BaseExpression, empty: cst.BaseExpression) -> cst.If:
    """The assignment with the empty answer, and as it was."""
    assign = cst.ensure_type(updated.body[0], cst.Assign)
    nothing = cst.SimpleStatementLine([assign.with_changes(value=empty)])
    orelse = cst.Else(cst.IndentedBlock([updated.with_changes(leading_lines=[])]))
    return cst.If(test, cst.IndentedBlock([nothing]), orelse, leading_lines=updated.leading_lines)


def _or_empty(updated: cst.Await, test: cst.BaseExpression, empty: cst.BaseExpression) -> cst.IfExp:
    return cst.IfExp(test=test, body=empty, orelse=updated, lpar=[cst.LeftParen()], rpar=[cst.RightParen()])

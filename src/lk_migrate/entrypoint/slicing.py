"""Which statements of a hand-made call loop still mean something once `AgentSession` does the audio.

What touches WebRTC's audio, or a method that only the own session had, goes; so does whatever needs a name that went,
and state that only gone code keeps up to date. What is left (the log, webhooks, the agent, the greeting) stays.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.byhand import ByHand
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.scopes import Occurrence, occurrences
from lk_migrate.facts.walk import descendants

#: What `AgentSession` offers under the same name (livekit-agents 1.8.9).
_SESSION_METHODS = frozenset({"start", "say", "generate_reply", "interrupt", "aclose", "on", "off", "once", "emit"})
#: Methods of `rtc.Room` and its local participant that the framework calls itself now.
_ROOM_WORK = frozenset({"connect", "disconnect", "publish_track"})
_AUDIO_EVENTS = frozenset({"track_subscribed", "track_unsubscribed", "track_published"})


DEAD = "only code that went used it"


@dataclass(frozen=True)
class Slice:
    """`kept`, in order; `gone`, with the reason for each."""

    kept: tuple[cst.BaseStatement, ...]
    gone: tuple[tuple[cst.BaseStatement, str], ...]


def slice_call(project: Project, module: Module, by_hand: ByHand, statements: list[cst.BaseStatement]) -> Slice:
    """Sort `statements` (the body of `by_hand.run`, a closing `try … finally` opened)."""
    return _Slicer(project, module, by_hand, statements).result()


class _Slicer:
    def __init__(self, project: Project, module: Module, by_hand: ByHand, statements: list[cst.BaseStatement]) -> None:
        self.project, self.module, self.by_hand, self.statements = project, module, by_hand, statements
        holder = {id(n): s for s in statements for n in descendants(s)}
        self.reads: dict[cst.BaseStatement, set[str]] = defaultdict(set)
        self.writes: dict[cst.BaseStatement, set[str]] = defaultdict(set)
        self.uses: dict[str, list[tuple[cst.BaseStatement, Occurrence]]] = defaultdict(list)
        for occurrence in occurrences(by_hand.run):
            statement = holder.get(id(occurrence.node))
            if occurrence.owner is not by_hand.run or statement is None:
                continue
            self.uses[occurrence.name].append((statement, occurrence))
            if occurrence.kind in ("read", "quoted"):
                self.reads[statement].add(occurrence.name)
            elif occurrence.kind != "declared":
                self.writes[statement].add(occurrence.name)

    def result(self) -> Slice:
        open_to_doubt = [s for s in self.statements if not self._is_spine(s)]
        gone = {s: why for s in open_to_doubt if (why := self._own_work(s)) is not None}
        while True:
            more = {s: why for s in open_to_doubt if s not in gone and (why := self._needs_gone(s, gone)) is not None}
            if not more:
                break
            gone.update(more)
        for statement in [s for s in open_to_doubt if s not in gone]:
            name = self._never_filled(statement, gone)
            if name:
                gone[statement] = f"nothing fills `{name}` any more"
        kept = [s for s in self.statements if s not in gone]
        for statement in list(kept):
            if self._is_dead(statement, kept):
                kept.remove(statement)
                gone[statement] = DEAD
        return Slice(tuple(kept), tuple((s, gone[s]) for s in self.statements if s in gone))

    def _is_spine(self, statement: cst.BaseStatement) -> bool:
        """The lines that make the room, the session and the agent, and the one that starts the session."""
        own = {self.by_hand.room, self.by_hand.session, self.by_hand.agent.value}
        if isinstance(statement, cst.SimpleStatementLine) and self.writes[statement] & own:
            return True
        return isinstance(statement, cst.SimpleStatementLine) and any(
            isinstance(n, cst.Call) and dotted(n.func) == f"{self.by_hand.session}.start"
            for n in descendants(statement)
        )

    def _own_work(self, statement: cst.BaseStatement) -> str | None:
        by_hand = self.by_hand
        for node in descendants(statement):
            if isinstance(node, cst.Call):
                if not isinstance(node.func, cst.Attribute):
                    continue
                base, method = dotted(node.func.value) or "", node.func.attr.value
                if method == "add_signal_handler":
                    return "the server handles signals"
                if method in _ROOM_WORK and base.split(".")[0] == by_hand.room:
                    return "the server joins and leaves the room"
                if base == by_hand.room and method == "on" and _first_text(node) in _AUDIO_EVENTS:
                    return "the session subscribes to audio"
                if base == by_hand.session and method not in _SESSION_METHODS:
                    return f"`AgentSession` has no `{method}`: it listens and answers by itself"
            full = self.project.full_name(self.module, node) if isinstance(node, cst.Attribute) else None
            is_audio = full is not None and full.startswith("livekit.rtc.") and full != "livekit.rtc.Room"
            if is_audio and not self._is_annotation(node):
                return "the session moves audio frames"
        return None

    def _is_annotation(self, node: cst.CSTNode) -> bool:
        return self.module.index.enclosing(node, cst.Annotation) is not None

    def _needs_gone(self, statement: cst.BaseStatement, gone: dict[cst.BaseStatement, str]) -> str | None:
        for name in sorted(self.reads[statement]):
            writers = [s for s, o in self.uses[name] if name in self.writes[s]]
            if name in (self.by_hand.room, self.by_hand.session) or not writers:
                continue
            if all(w in gone for w in writers):
                return f"needs `{name}`"
            late = [w for w in writers if isinstance(w, cst.FunctionDef) and w.name.value != name]
            if late and all(w in gone for w in late) and isinstance(statement, cst.FunctionDef):
                return f"`{name}` was kept up to date by code that went"
        return None

    def _never_filled(self, statement: cst.BaseStatement, gone: dict[cst.BaseStatement, str]) -> str:
        """The list that a loop goes through and only code that went put anything into; "" when there is none."""
        if not isinstance(statement, cst.For) or not isinstance(statement.iter, cst.Name):
            return ""
        name = statement.iter.value
        left = [(s, o) for s, o in self.uses[name] if s not in gone]
        reads = [o for _, o in left if o.kind == "read"]
        writers = [s for s, o in left if o.kind != "read"]
        if len(left) == len(self.uses[name]) or len(writers) != 1 or any(o.node is not statement.iter for o in reads):
            return ""
        return name if _is_empty_list(writers[0]) else ""

    def _is_dead(self, statement: cst.BaseStatement, kept: list[cst.BaseStatement]) -> bool:
        """A plain assignment whose names no kept statement reads."""
        if not isinstance(statement, cst.SimpleStatementLine):
            return False
        small = statement.body[0]
        if not isinstance(small, (cst.Assign, cst.AnnAssign)) or not self.writes[statement]:
            return False
        if self.writes[statement] & {self.by_hand.room, self.by_hand.session, self.by_hand.agent.value}:
            return False
        return not any(self.writes[statement] & self.reads[s] for s in kept if s is not statement)


def _first_text(call: cst.Call) -> str:
    value = call.args[0].value if call.args else None
    text = text_of(value) or ""
    return text if isinstance(text, str) else ""


def _is_empty_list(statement: cst.BaseStatement) -> bool:
    """`tasks = []`, `tasks: List[Task] = []`"""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    value = small.value if isinstance(small, (cst.Assign, cst.AnnAssign)) else None
    return isinstance(value, (cst.List, cst.Dict)) and not value.elements

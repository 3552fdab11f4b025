"""Which statements of a hand-made call loop still mean something once `AgentSession` does the audio.

What touches WebRTC's audio, or a method that only the own session had, goes; so does whatever needs a name that went,
and state that only gone code keeps up to date. What is left (the log, webhooks, the agent, the greeting) stays.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.byhand import ByHand
from lk_migrate.facts.flat_call import block_of
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
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
    """`kept`, in order; `gone`, with the reason for each; `thinned`: what goes of a kept function, and why.

    `speakers`: functions that went, whose work `session.say(text)` does.
    """

    kept: tuple[cst.BaseStatement, ...]
    gone: tuple[tuple[cst.BaseStatement, str], ...]
    thinned: tuple[tuple[cst.BaseStatement, str], ...]
    speakers: frozenset[str]


def slice_call(by_hand: ByHand) -> Slice:
    """Sort the statements of `by_hand.run`, a closing `try … finally` opened."""
    return _Slicer(by_hand, [line.node for line in by_hand.lines]).result()


class _Slicer:
    def __init__(self, by_hand: ByHand, statements: list[cst.BaseStatement]) -> None:
        self.project, self.module = by_hand.project, by_hand.module
        self.by_hand, self.statements = by_hand, statements
        self.parts = {p.name for p in by_hand.parts if p.name is not None}
        self.speakers = _speakers(by_hand, statements)
        self.thinned: dict[cst.BaseStatement, str] = {}
        self.hidden: set[int] = set()
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
        gone: dict[cst.BaseStatement, str] = {}
        while True:
            more = {s: why for s in open_to_doubt if s not in gone and (why := self._why_gone(s, gone)) is not None}
            gone.update((s, why) for s, why in more.items() if not self._is_thinned(s, gone))
            if not more:
                break
        for statement in [s for s in open_to_doubt if s not in gone]:
            name = self._never_filled(statement, gone)
            if name:
                gone[statement] = f"nothing fills `{name}` any more"
        kept = [s for s in self.statements if s not in gone]
        for statement in list(kept):
            if self._is_dead(statement, kept):
                kept.remove(statement)
                gone[statement] = DEAD
        thinned = tuple((s, why) for s, why in self.thinned.items() if self._holder(s) in kept)
        return Slice(tuple(kept), tuple((s, gone[s]) for s in self.statements if s in gone), thinned, self.speakers)

    def _why_gone(self, statement: cst.BaseStatement, gone: dict[cst.BaseStatement, str]) -> str | None:
        return self._own_work(statement) or self._needs_gone(statement, self._reads(statement), gone)

    def _reads(self, statement: cst.BaseStatement) -> set[str]:
        """The names of the call that a statement reads, but for what it has lost."""
        if not self.hidden:
            return self.reads[statement]
        return {
            name
            for name in self.reads[statement]
            if any(s is statement and id(o.node) not in self.hidden for s, o in self.uses[name])
        }

    def _is_thinned(self, statement: cst.BaseStatement, gone: dict[cst.BaseStatement, str]) -> bool:
        """Whether a function keeps its meaning without some calls: `source.clear_queue()` beside `done.set()`."""
        if not isinstance(statement, cst.FunctionDef) or statement.name.value in self.speakers:
            return False
        lost: dict[cst.BaseStatement, str] = {}
        stays = self._thin(statement, statement, gone, lost)
        if not stays or not lost or self._is_left_alone(statement, lost):
            return False
        self.thinned.update(lost)
        self.hidden |= {id(n) for s in lost for n in descendants(s)}
        return True

    def _thin(
        self,
        function: cst.FunctionDef,
        block: cst.CSTNode,
        gone: dict[cst.BaseStatement, str],
        lost: dict[cst.BaseStatement, str],
    ) -> bool:
        """Collects what goes; False where that is more than calls, or all that there is."""
        stays = 0
        for inner in block_of(block):
            if inner in self.thinned:
                continue
            reads = self.reads[function] & _names(inner)
            why = self._own_work(inner) or self._needs_gone(inner, reads, gone)
            if why is None:
                stays += self._acts(function, inner)
            elif (
                isinstance(inner, cst.If)
                and inner.orelse is None
                and not self._needs_gone(inner, reads & _names(inner.test), gone)
            ):
                stays += self._thin(function, inner, gone, lost)
            elif isinstance(inner, cst.SimpleStatementLine) and isinstance(inner.body[0], cst.Expr):
                lost[inner] = why
            else:
                return False
        return stays > 0

    def _acts(self, function: cst.FunctionDef, inner: cst.BaseStatement) -> bool:
        """Whether a statement does something outside its function: calls, or sets what the call shares."""
        mine = (o for name in self.writes[function] for s, o in self.uses[name] if s is function)
        shared = {id(o.node) for o in mine if o.kind == "write"}
        return any(
            id(n) in shared or (isinstance(n, cst.Expr) and isinstance(n.value, (cst.Call, cst.Await)))
            for n in descendants(inner)
        )

    def _is_left_alone(self, function: cst.FunctionDef, lost: dict[cst.BaseStatement, str]) -> bool:
        """Whether a variable of the function would be set for nobody."""
        away = {id(n) for s in lost for n in descendants(s)}
        mine = [o for o in occurrences(function) if o.owner is function and o.kind in ("read", "write")]
        read = {o.name for o in mine if o.kind == "read" and id(o.node) not in away}
        return any(o.kind == "write" and o.name not in read for o in mine)

    def _holder(self, inner: cst.BaseStatement) -> cst.CSTNode | None:
        return next((s for s in self.statements if s in self.module.index.ancestors(inner)), None)

    def _is_spine(self, statement: cst.BaseStatement) -> bool:
        """The lines that make the room, the session and the agent, and the one that starts the session."""
        own = {self.by_hand.room, self.by_hand.session, self.by_hand.agent.value, *self.parts}
        if isinstance(statement, cst.SimpleStatementLine) and self.writes[statement] & own:
            return True
        return isinstance(statement, cst.SimpleStatementLine) and any(
            isinstance(n, cst.Call) and dotted(n.func) == f"{self.by_hand.session}.start"
            for n in descendants(statement)
        )

    def _own_work(self, statement: cst.BaseStatement) -> str | None:
        by_hand = self.by_hand
        for node in descendants(statement):
            if id(node) in self.hidden:
                continue
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

    def _needs_gone(
        self, statement: cst.BaseStatement, reads: set[str], gone: dict[cst.BaseStatement, str]
    ) -> str | None:
        for name in sorted(reads):
            if name in self.parts:
                return "the session asks the models by itself"
            if name in self.by_hand.draft.absent:
                return f"`{name}` was the loop's"
            writers = [s for s, o in self.uses[name] if name in self.writes[s]]
            if name in (self.by_hand.room, self.by_hand.session) or not writers or name in self.speakers:
                continue
            if all(w in gone for w in writers):
                return f"needs `{name}`"
            if _asks_only_for(statement, name) and all(w in gone or _is_none(w) for w in writers):
                return f"nothing sets `{name}` any more"
            late = [w for w in writers if isinstance(w, cst.FunctionDef) and w.name.value != name]
            if late and all(w in gone for w in late) and isinstance(statement, cst.FunctionDef):
                return f"`{name}` was kept up to date by code that went"
        return None

    def _never_filled(self, statement: cst.BaseStatement, gone: dict[cst.BaseStatement, str]) -> str:
        """The list that a loop goes through and only code that went put anything into; "" when there is none."""
        if not isinstance(statement, cst.For) or not isinstance(statement.iter, cst.Name):
            return ""
        name = statement.iter.value
        left = [(s, o) for s, o in self.uses[name] if s not in gone and id(o.node) not in self.hidden]
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
        if self._is_spine(statement):
            return False
        return not any(self.writes[statement] & self._reads(s) for s in kept if s is not statement)


def _speakers(by_hand: ByHand, statements: list[cst.BaseStatement]) -> frozenset[str]:
    """The functions of the loop that say a text: they ask the voice for audio and play it."""
    functions = {s.name.value: s for s in statements if isinstance(s, cst.FunctionDef)}
    voices = {p.name for p in by_hand.parts if p.model.role == "tts" and p.name is not None}
    found = set()
    for name, function in functions.items():
        required = [p for p in function.params.params if p.default is None]
        below = _reached(function, functions)
        asks = any(isinstance(n, cst.Name) and n.value in voices for f in below for n in descendants(f))
        plays = any(
            isinstance(n, cst.Attribute) and n.attr.value == "capture_frame" for f in below for n in descendants(f)
        )
        hears = any(isinstance(n, (cst.For, cst.While)) and _listens(n) for f in below for n in descendants(f))
        if asks and plays and not hears and len(required) == 1 and function.asynchronous is not None:
            found.add(name)
    return frozenset(found)


def _reached(function: cst.FunctionDef, functions: dict[str, cst.FunctionDef]) -> list[cst.FunctionDef]:
    """The function, and those that it calls."""
    found = [function]
    for current in found:
        called = {n.value for n in descendants(current) if isinstance(n, cst.Name)} & functions.keys()
        found.extend(functions[name] for name in sorted(called) if functions[name] not in found)
    return found


def _listens(node: cst.For | cst.While) -> bool:
    """`async for event in rtc.AudioStream(track)`, or over a stream of one."""
    return isinstance(node, cst.For) and any(
        n.attr.value == "frame" for n in descendants(node) if isinstance(n, cst.Attribute)
    )


def _names(node: cst.CSTNode) -> set[str]:
    return {n.value for n in descendants(node) if isinstance(n, cst.Name)}


def _first_text(call: cst.Call) -> str:
    value = call.args[0].value if call.args else None
    text = text_of(value) or ""
    return text if isinstance(text, str) else ""


def _asks_only_for(statement: cst.BaseStatement, name: str) -> bool:
    """`if listening:`, `if stream is not None:`"""
    if not isinstance(statement, cst.If):
        return False
    test = statement.test.left if isinstance(statement.test, cst.Comparison) else statement.test
    return statement.orelse is None and isinstance(test, cst.Name) and test.value == name


def _is_none(statement: cst.BaseStatement) -> bool:
    """`listening = None`"""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    value = small.value if isinstance(small, (cst.Assign, cst.AnnAssign)) else None
    return isinstance(value, cst.Name) and value.value == "None"


def _is_empty_list(statement: cst.BaseStatement) -> bool:
    """`tasks = []`, `tasks: List[Task] = []`"""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    value = small.value if isinstance(small, (cst.Assign, cst.AnnAssign)) else None
    return isinstance(value, (cst.List, cst.Dict)) and not value.elements

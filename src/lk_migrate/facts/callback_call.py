"""A call that begins in a callback of the room, as part of the function that registers the callback.

`@room.on("track_subscribed")` starts a task in which the session is made: under `AgentServer` that is what an
entrypoint does once it has joined. What the callback does besides runs there, too; a `finally` around it, and what
stands below the listening, is what ends the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import libcst as cst

from lk_migrate.facts.flat_call import Draft, Line, NotFlat, assignment, binds, block_of, leaves_early, reads
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.walk import find, own_scope

#: Event of `rtc.Room` → what its handlers are given.
_GIVEN = {
    "track_subscribed": ("track", "publication", "participant"),
    "track_published": ("publication", "participant"),
    "participant_connected": ("participant",),
    "connected": (),
}
_HARMLESS = frozenset({"debug", "info", "warning", "error", "exception", "critical", "print", "print_exc"})


def with_callback(module: Module, run: cst.FunctionDef, draft: Draft, spine: Sequence[cst.CSTNode]) -> Draft:
    """`draft` with the callback's statements where they run, itself when the session is made in no callback.

    `spine`: the calls that make the models and the session, nodes of `module`. Raises `NotFlat`.
    """
    inner = {id(f): f for node in spine for f in _functions_around(module, run, node)[:1]}
    if not inner:
        return draft
    if len(inner) > 1 or any(not _functions_around(module, run, node) for node in spine):
        raise NotFlat
    return _Unfolding(module, run, draft, next(iter(inner.values()))).result()


def _functions_around(module: Module, run: cst.FunctionDef, node: cst.CSTNode) -> list[cst.FunctionDef]:
    """The functions inside `run` around a node, the innermost first."""
    found: list[cst.FunctionDef] = []
    for above in module.index.ancestors(node):
        if above is run:
            return found
        if isinstance(above, cst.FunctionDef):
            found.append(above)
    return []


class _Unfolding:
    def __init__(self, module: Module, run: cst.FunctionDef, draft: Draft, starts: cst.FunctionDef) -> None:
        self.module, self.run, self.draft = module, run, draft
        self.functions = {f.name.value: f for f in find(run.body, cst.FunctionDef)}
        self.chain = self._chain(starts)
        self.origin: cst.CSTNode = run
        self.participants: set[str] = set()
        self.lines: list[Line] = []
        self.closing: list[Line] = []
        self.over = False

    def _chain(self, starts: cst.FunctionDef) -> list[cst.FunctionDef]:
        """From the function that the room calls to the one that makes the session."""
        chain = [starts]
        while _event_of(chain[0]) is None and self._registered(chain[0]) is None:
            callers = [
                f
                for f in self.functions.values()
                if f not in chain and any(_is_call_of(c, chain[0]) for c in own_scope(f))
            ]
            if len(callers) != 1 or len(chain) > 4:
                raise NotFlat
            chain.insert(0, callers[0])
        return chain

    def _registered(self, function: cst.FunctionDef) -> str | None:
        """`room.on("track_subscribed", on_track)`."""
        for call in (c for c in own_scope(self.run) if isinstance(c, cst.Call)):
            given = call.args[1].value if len(call.args) == 2 and _is_on(call) else None
            if isinstance(given, cst.Name) and given.value == function.name.value:
                return text_of(call.args[0].value)
        return None

    def result(self) -> Draft:
        handler = self.chain[0]
        event = _event_of(handler) or self._registered(handler)
        if event not in _GIVEN:
            raise NotFlat
        taken = {n for f in self.chain for n in binds(f) if f is not handler}
        own = binds(self.run) | {n for n in binds(handler) if handler is not self.chain[-1]}
        gone = {f.name.value for f in self.chain}
        if (taken - self._params()) & (own - self._params() - gone):
            raise NotFlat
        roles = dict(zip((p.name.value for p in handler.params.params), _GIVEN[event], strict=False))
        self._unfold(handler, roles)
        body = [x for x in self.draft.body if not self._is_of_chain(x.node)]
        who = sorted(self.participants & {n for x in (*self.lines, *self.closing) for n in reads(x.node)})
        first = [Line(_waits_for(name), handler) for name in who[:1]]
        first += [Line(assignment(name, cst.Name(who[0])), handler) for name in who[1:]]
        return Draft(
            [*body, *first, *self.lines],
            [*self.closing, *self.draft.closing],
            self.draft.waits_for,
            self.draft.absent | gone,
            self.draft.params,
        )

    def _params(self) -> set[str]:
        return {p.name.value for f in self.chain for p in f.params.params}

    def _is_of_chain(self, statement: cst.BaseStatement) -> bool:
        """The functions of the chain, and what registers them."""
        if statement in self.chain:
            return True
        handler = self.chain[0].name.value
        return isinstance(statement, cst.SimpleStatementLine) and any(
            _is_on(c)
            and len(c.args) == 2
            and isinstance(c.args[1].value, cst.Name)
            and c.args[1].value.value == handler
            for c in find(statement, cst.Call)
        )

    # ---- one function --------------------------------------------------------------

    def _unfold(self, function: cst.FunctionDef, roles: Mapping[str, str]) -> None:
        for name, role in roles.items():
            (self.participants if role == "participant" else self.draft.absent).add(name)
        self.origin = next((x.origin for x in self.draft.body if x.node is function), function)
        self._block(block_of(function))

    def _block(self, block: Sequence[cst.BaseStatement]) -> None:
        for statement in block:
            self._statement(statement)

    def _statement(self, statement: cst.BaseStatement) -> None:
        if statement in self.chain or _says_nothing(statement):
            return
        started = self._started(statement)
        if started is not None and isinstance(statement, cst.SimpleStatementLine):
            self._start(statement, *started)
        elif isinstance(statement, cst.If) and self._is_guard(statement):
            if not _only_leaves(statement):
                self._block(block_of(statement))
        elif isinstance(statement, cst.Try) and self._holds_more(statement):
            if not all(_is_harmless(h) for h in statement.handlers) or statement.orelse is not None:
                raise NotFlat
            self._block(block_of(statement))
            if statement.finalbody is not None:
                self.closing.extend(self._line(s) for s in block_of(statement.finalbody))
        else:
            self._plain(statement)

    def _plain(self, statement: cst.BaseStatement) -> None:
        if leaves_early(statement) or self._started(statement) is not None:
            raise NotFlat
        for target in (n.target for n in own_scope(statement) if isinstance(n, cst.AssignTarget)):
            if isinstance(target, cst.Subscript) and reads(target) & self.participants:
                raise NotFlat  # a session for each of several participants
        heard = bool(reads(statement) & self.draft.absent)
        if isinstance(statement, cst.While) or (isinstance(statement, cst.For) and statement.asynchronous is not None):
            if not heard:
                raise NotFlat
            self.over = True
        if heard and isinstance(statement, cst.SimpleStatementLine):
            targets = {
                n.value for s in own_scope(statement) if isinstance(s, cst.AssignTarget) for n in find(s, cst.Name)
            }
            self.draft.absent |= targets - self.participants
            if _awaits(statement) and not targets:
                self.over = True
        (self.closing if self.over and not heard else self.lines).append(self._line(statement))

    def _line(self, statement: cst.BaseStatement) -> Line:
        return Line(statement, statement if self.origin in self.chain else self.origin)

    def _holds_more(self, statement: cst.Try) -> bool:
        """Whether a `try` is around the session or the listening."""
        last = self.chain[-1]
        return (
            any(s in self.chain for s in find(statement, cst.FunctionDef))
            or self._started(statement) is not None
            or (statement in block_of(last) and len(statement.body.body) > 1)
        )

    def _is_guard(self, statement: cst.If) -> bool:
        """A condition on the track, the participant, or on what the loop has already."""
        asked = reads(statement.test)
        if statement.orelse is not None and self._started(statement.orelse) is not None:
            raise NotFlat
        if self._started(statement) is None and not _only_leaves(statement):
            return False
        mine = self.draft.absent | self.participants | {"rtc", "len", "getattr", "session", "self"}
        if asked <= mine:
            return True
        raise NotFlat

    # ---- what starts the next one ---------------------------------------------------

    def _started(self, statement: cst.CSTNode) -> tuple[cst.Call, cst.FunctionDef] | None:
        for call in (c for c in own_scope(statement) if isinstance(c, cst.Call)):
            for function in self.chain[1:]:
                if _is_call_of(call, function):
                    return call, function
        return None

    def _start(self, statement: cst.SimpleStatementLine, call: cst.Call, function: cst.FunctionDef) -> None:
        for node in own_scope(statement):
            if isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Name):
                self.draft.absent.add(node.target.value)  # the task
        params = [p.name.value for p in function.params.params]
        roles: dict[str, str] = {}
        for position, arg in enumerate(call.args):
            if arg.star or (arg.keyword is None and position >= len(params)):
                raise NotFlat
            param = arg.keyword.value if arg.keyword is not None else params[position]
            if isinstance(arg.value, cst.Name) and arg.value.value in self.participants:
                roles[param] = "participant"
            elif reads(arg.value) & self.draft.absent:
                roles[param] = "absent"
            elif not (isinstance(arg.value, cst.Name) and arg.value.value == param):
                self.lines.append(self._line(assignment(param, arg.value)))
        self._unfold(function, roles)


def _event_of(function: cst.FunctionDef) -> str | None:
    """`@room.on("track_subscribed")`."""
    for decorator in function.decorators:
        call = decorator.decorator
        if isinstance(call, cst.Call) and _is_on(call) and call.args:
            return text_of(call.args[0].value)
    return None


def _is_on(call: cst.Call) -> bool:
    return isinstance(call.func, cst.Attribute) and call.func.attr.value == "on"


def _is_call_of(node: cst.CSTNode, function: cst.FunctionDef) -> bool:
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == function.name.value


def _says_nothing(statement: cst.BaseStatement) -> bool:
    """A docstring, `nonlocal`, `pass`, a bare `return`."""
    if not isinstance(statement, cst.SimpleStatementLine):
        return False
    small = statement.body[0]
    if isinstance(small, cst.Expr):
        return isinstance(small.value, (cst.SimpleString, cst.ConcatenatedString))
    return isinstance(small, (cst.Nonlocal, cst.Pass)) or (isinstance(small, cst.Return) and small.value is None)


def _only_leaves(statement: cst.If) -> bool:
    """`if track.kind != rtc.TrackKind.KIND_AUDIO: return`, with or without a line in the log."""
    block = block_of(statement)
    last = block[-1]
    return (
        statement.orelse is None
        and isinstance(last, cst.SimpleStatementLine)
        and isinstance(last.body[-1], cst.Return)
        and all(_logs(s) for s in block[:-1])
    )


def _is_harmless(handler: cst.ExceptHandler) -> bool:
    """A handler that only says what happened: the framework does that."""
    return all(_says_nothing(s) or _logs(s) or _raises(s) for s in block_of(handler))


def _logs(statement: cst.BaseStatement) -> bool:
    calls = list(_calls(statement))
    return isinstance(statement, cst.SimpleStatementLine) and bool(calls) and any(_name(c) in _HARMLESS for c in calls)


def _raises(statement: cst.BaseStatement) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and isinstance(statement.body[0], cst.Raise)


def _calls(statement: cst.CSTNode) -> Iterator[cst.Call]:
    return find(statement, cst.Call)


def _name(call: cst.Call) -> str:
    func = call.func
    return func.attr.value if isinstance(func, cst.Attribute) else func.value if isinstance(func, cst.Name) else ""


def _awaits(statement: cst.SimpleStatementLine) -> bool:
    small = statement.body[0]
    return isinstance(small, cst.Expr) and isinstance(small.value, cst.Await)


def _waits_for(name: str) -> cst.BaseStatement:
    return cst.ensure_type(cst.parse_statement(f"{name} = await wait_for_caller(ctx)\n"), cst.SimpleStatementLine)

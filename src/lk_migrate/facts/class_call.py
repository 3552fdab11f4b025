"""A class that holds one call (`bot = VoiceBot(room)`, `await bot.start()`) as the function that it amounts to.

Its attributes are variables there, the methods that begin the call their statements, its other methods functions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import libcst as cst

from lk_migrate.facts.flat_call import (
    Draft,
    Line,
    NotFlat,
    assignment,
    binds,
    block_of,
    is_bare_return,
    leaves_early,
    opened,
    reads,
    waiting,
    without_position,
)
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.walk import find, own_scope


def class_as_function(module: Module, owner: cst.ClassDef, spine: Collection[cst.CSTNode]) -> tuple[Draft, cst.CSTNode]:
    """The call as a draft, and the top-level statement that it stands for; raises `NotFlat`.

    `spine`: the calls that make the room, the models and the session.
    """
    return _ClassCall(module, owner, spine).result()


class _ClassCall:
    def __init__(self, module: Module, owner: cst.ClassDef, spine: Collection[cst.CSTNode]) -> None:
        self.module, self.owner = module, owner
        if any(dotted(b.value) != "object" for b in owner.bases) or owner.keywords or owner.decorators:
            raise NotFlat
        self.methods = {f.name.value: f for f in owner.body.body if isinstance(f, cst.FunctionDef)}
        if "__init__" not in self.methods or any(f.decorators for f in self.methods.values()):
            raise NotFlat
        self.names = self._local_names()
        around = {id(a) for node in spine for a in module.index.ancestors(node)}
        holders = {name for name, method in self.methods.items() if id(method) in around}
        self.spine = self._callers_of(holders | {m for m, f in self.methods.items() if _joins(f)})
        self.unfolded: set[str] = {"__init__"}
        self.draft = Draft()

    # ---- names ---------------------------------------------------------------------

    def _local_names(self) -> dict[str, str]:
        """Attribute → variable."""
        found: set[str] = set()
        for method in self.methods.values():
            me = _receiver(method)
            held = {id(a.value) for a in find(method, cst.Attribute) if _is_name(a.value, me)}
            if any(n.value == me and id(n) not in held for n in find(method.body, cst.Name)):
                raise NotFlat  # the object itself is handed on
            found |= {a.attr.value for a in find(method, cst.Attribute) if _is_name(a.value, me)}
        found |= set(self.methods)
        for line in self.owner.body.body:
            if not isinstance(line, cst.FunctionDef) and not _is_docstring(line):
                raise NotFlat
        everywhere = {n.value for n in find(self.owner, cst.Name)} | set(self.module.definitions)
        everywhere |= {i.local for i in self.module.imports}
        taken = everywhere - found
        names = {a: without_position(a, taken | (found - {a})) for a in sorted(found)}
        if any(n in self.module.definitions or any(i.local == n for i in self.module.imports) for n in names.values()):
            raise NotFlat
        return names

    def _callers_of(self, methods: set[str]) -> set[str]:
        """These, and the methods that call them and wait for them."""
        found = set(methods)
        while True:
            more = {
                name
                for name, function in self.methods.items()
                if name not in found and any(self._called(s, _receiver(function)) in found for s in block_of(function))
            }
            if not more:
                return found
            found |= more

    # ---- the launcher --------------------------------------------------------------

    def result(self) -> tuple[Draft, cst.CSTNode]:
        calls = [c for c in self.module.calls.get(self.owner.name.value, ()) if isinstance(c.func, cst.Name)]
        if len(calls) != 1:
            raise NotFlat
        top = self.module.index.top_level(calls[0])
        if isinstance(top, cst.FunctionDef) and top.asynchronous is not None:
            self._from_launcher(top, calls[0])
        else:
            top = self.owner
            self._from_start(calls[0])
        self._place_functions()
        return self.draft, top

    def _from_launcher(self, launcher: cst.FunctionDef, made: cst.Call) -> None:
        """`async def main(room): bot = VoiceBot(room); await bot.start()`."""
        self.draft.params = [p.name.value for p in launcher.params.params]
        start = opened(block_of(launcher))
        self.draft.waits_for = start.waits_for
        variable = next((_target(x.node) for x in start.body if _value(x.node) is made), None)
        if variable is None:
            raise NotFlat
        for lines, into in ((start.body, self.draft.body), (start.closing, self.draft.closing)):
            for line in lines:
                if _value(line.node) is made:
                    self._unfold("__init__", made, into)
                else:
                    self._add(line.node, variable, into)

    def _from_start(self, made: cst.Call) -> None:
        """`asyncio.run(VoiceBot(args.room).run())`: what is not there by itself is a parameter."""
        parent = self.module.index.parents[made]
        method = parent.attr.value if isinstance(parent, cst.Attribute) else None
        if method is None:
            statement = self.module.index.enclosing(made, cst.SimpleStatementLine)
            variable = _target(statement) if statement is not None else None
            home = self.module.index.top_level(made)
            started = [
                c.func.attr.value
                for c in find(home, cst.Call)
                if isinstance(c.func, cst.Attribute) and variable is not None and _is_name(c.func.value, variable)
            ]
            if len(started) != 1:
                raise NotFlat
            method = started[0]
        init = self.methods["__init__"]
        self.draft.params = [p.name.value for p in init.params.params[1:]]
        self._statements("__init__", self.draft.body)
        if method not in self.methods:
            raise NotFlat
        self.unfolded.add(method)
        self._statements(method, self.draft.body)

    # ---- methods ---------------------------------------------------------------------

    def _statements(self, name: str, into: list[Line]) -> None:
        function = self.methods[name]
        found = opened(block_of(function))
        self.draft.waits_for = self._plain(found.waits_for) or self.draft.waits_for
        for line in found.body:
            if not _is_docstring(line.node):
                self._add(line.node, _receiver(function), into)
        closing: list[Line] = []
        for line in found.closing:
            self._add(line.node, _receiver(function), closing)
        self.draft.closing[:0] = closing

    def _plain(self, event: str | None) -> str | None:
        return self.names.get(event, event) if event is not None else None

    def _add(self, statement: cst.BaseStatement, me: str, into: list[Line]) -> None:
        waits, event = waiting(self._local(statement, me))
        if waits:
            self.draft.waits_for = event or self.draft.waits_for
            if isinstance(statement, cst.Try) and statement.finalbody is not None:
                for last in block_of(statement.finalbody):
                    self._add(last, me, self.draft.closing)
            return
        if isinstance(statement, cst.Try) and not statement.handlers and statement.finalbody is not None:
            for inner in block_of(statement):
                self._add(inner, me, into)
            for last in block_of(statement.finalbody):
                self._add(last, me, self.draft.closing)
            return
        called = self._called(statement, me)
        once = called is not None and self._uses(called) == 1
        if called is not None and once and (called in self.spine or into is self.draft.closing):
            if not self._unfold(called, _call_of(statement), into) and called in self.spine:
                raise NotFlat
            if called in self.unfolded:
                return
        if leaves_early(statement) and not is_bare_return(statement):
            raise NotFlat
        new = self._local(statement, me)
        if not _is_itself(new):
            into.append(Line(new, statement))

    def _unfold(self, name: str, call: cst.Call, into: list[Line]) -> bool:
        """The method's statements in the place of its call; False where that would not mean the same."""
        function = self.methods[name]
        if any(leaves_early(s) and s is not block_of(function)[-1] for s in block_of(function)):
            return False
        params = function.params.params[1:]
        if function.params.kwonly_params or function.params.star_kwarg is not None or len(call.args) > len(params):
            return False
        given = {p.name.value: p.default for p in params}
        for position, arg in enumerate(call.args):
            if arg.star or (arg.keyword is not None and arg.keyword.value not in given):
                return False
            given[arg.keyword.value if arg.keyword is not None else params[position].name.value] = arg.value
        for param, value in given.items():
            if value is None:
                return False
            if not _is_name(value, param):
                into.append(Line(assignment(param, value), function))
        self.unfolded.add(name)
        self._statements(name, into)
        return True

    def _called(self, statement: cst.CSTNode, me: str) -> str | None:
        """`start` of `await self.start(…)`."""
        call = _call_of(statement) if isinstance(statement, cst.SimpleStatementLine) else None
        if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
            return None
        name = call.func.attr.value
        return name if _is_name(call.func.value, me) and name in self.methods else None

    def _uses(self, method: str) -> int:
        return sum(1 for a in self.module.index.of(cst.Attribute) if a.attr.value == method)

    def _local(self, node: cst.CSTNode, me: str) -> cst.BaseStatement:
        new = node.visit(_Unbound(me, self.names))
        assert isinstance(new, cst.BaseStatement)
        return new

    # ---- functions ---------------------------------------------------------------------

    def _place_functions(self) -> None:
        """What the statements name of the other methods, each before the first that does."""
        functions = {self.names[m]: self._function(m) for m in self.methods if m not in self.unfolded}
        placed: set[str] = set()
        body: list[Line] = []
        for line in self.draft.body:
            body.extend(self._needed_by(line.node, functions, placed))
            handler = body[-1].node if body else None
            registers = _registering(line.node, handler)
            if (
                registers is not None
                and isinstance(handler, cst.FunctionDef)
                and self._named(handler.name.value, functions) == 1
            ):
                body[-1] = Line(handler.with_changes(decorators=[cst.Decorator(registers)]), body[-1].origin)
            else:
                body.append(line)
        for line in self.draft.closing:
            body.extend(self._needed_by(line.node, functions, placed))
        self.draft.body = body
        bound = {n for x in (*body, *self.draft.closing) for n in _bound_at(x.node)} | set(self.draft.params)
        if any(n.name.value not in bound for x in body for d in find(x.node, cst.Nonlocal) for n in d.names):
            raise NotFlat

    def _needed_by(self, node: cst.CSTNode, functions: Mapping[str, Line], placed: set[str]) -> Iterator[Line]:
        for name in sorted(reads(node) & functions.keys(), key=list(functions).index):
            if name not in placed:
                placed.add(name)
                yield from self._needed_by(functions[name].node, functions, placed)
                yield functions[name]

    def _named(self, name: str, functions: Mapping[str, Line]) -> int:
        """How often the call and its functions name one of these."""
        lines = (*self.draft.body, *self.draft.closing, *functions.values())
        return sum(1 for x in lines for n in find(x.node, cst.Name) if n.value == name) - 1  # its own name

    def _function(self, method: str) -> Line:
        function = self.methods[method]
        me = _receiver(function)
        bound = {
            self.names[a.attr.value]
            for target in _targets(own_scope(function))
            for a in find(target, cst.Attribute)
            if _is_name(a.value, me) and (a is target or isinstance(target, (cst.Tuple, cst.List)))
        }
        if bound & binds(function) or any(p.name.value in self.names.values() for p in function.params.params):
            raise NotFlat
        new = function.visit(_Unbound(me, self.names, bound))
        assert isinstance(new, cst.FunctionDef)
        body = list(new.body.body)
        if bound:
            names = [cst.NameItem(cst.Name(n)) for n in sorted(bound)]
            at = 1 if _is_docstring(body[0]) else 0
            body.insert(at, cst.SimpleStatementLine([cst.Nonlocal(names)]))
        params = new.params.with_changes(params=new.params.params[1:])
        lead = [
            cst.EmptyLine(indent=False),
            *(x for x in new.leading_lines if x.comment is not None and not _is_banner(x.comment)),
        ]
        return Line(
            new.with_changes(
                name=cst.Name(self.names[method]),
                params=params,
                body=new.body.with_changes(body=body),
                leading_lines=lead,
                lines_after_decorators=[],
            ),
            function,
        )


class _Unbound(cst.CSTTransformer):
    """`self._log` → `log`; an annotated assignment of what is `nonlocal` then cannot keep its annotation."""

    def __init__(self, me: str, names: Mapping[str, str], bare: Collection[str] = ()) -> None:
        super().__init__()
        self.me, self.names, self.bare = me, names, bare

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        if _is_name(original_node.value, self.me) and original_node.attr.value in self.names:
            name = self.names[original_node.attr.value]
            return cst.Name(name, lpar=updated_node.lpar, rpar=updated_node.rpar)
        return updated_node

    def leave_AnnAssign(self, original_node: cst.AnnAssign, updated_node: cst.AnnAssign) -> cst.BaseSmallStatement:
        target = updated_node.target
        if isinstance(target, cst.Name) and target.value in self.bare and updated_node.value is not None:
            return cst.Assign([cst.AssignTarget(target)], updated_node.value)
        return updated_node


def _registering(statement: cst.CSTNode, handler: cst.CSTNode | None) -> cst.Call | None:
    """`room.on("data_received")` of `room.on("data_received", handler)`."""
    call = _call_of(statement) if isinstance(statement, cst.SimpleStatementLine) else None
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute) or call.func.attr.value != "on":
        return None
    named = handler.name.value if isinstance(handler, cst.FunctionDef) else None
    if named is None or len(call.args) != 2 or not _is_name(call.args[1].value, named):
        return None
    return call.with_changes(args=[call.args[0].with_changes(comma=cst.MaybeSentinel.DEFAULT)])


def _is_banner(comment: cst.Comment) -> bool:
    """A heading between the methods of a class: `# -- the room ------`."""
    return any(mark * 2 in comment.value[1:] for mark in "-=#*~")


def _joins(function: cst.FunctionDef) -> bool:
    """Whether a method connects to the room, or registers a handler for what happens there."""
    calls = (c.func for c in own_scope(function) if isinstance(c, cst.Call))
    return any(
        isinstance(f, cst.Attribute)
        and (f.attr.value == "connect" or f.attr.value == "on")
        and (dotted(f.value) or "").rpartition(".")[2].endswith("room")
        for f in calls
    )


def _receiver(function: cst.FunctionDef) -> str:
    if not function.params.params:
        raise NotFlat
    return function.params.params[0].name.value


def _is_name(node: cst.CSTNode | None, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def _is_docstring(node: cst.CSTNode) -> bool:
    small = node.body[0] if isinstance(node, cst.SimpleStatementLine) else None
    return isinstance(small, cst.Expr) and isinstance(small.value, (cst.SimpleString, cst.ConcatenatedString))


def _is_itself(statement: cst.CSTNode) -> bool:
    """`room = room`"""
    return _target(statement) is not None and _is_name(_value(statement), _target(statement) or "")


def _target(statement: cst.CSTNode | None) -> str | None:
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    if isinstance(small, cst.Assign) and len(small.targets) == 1:
        target: cst.CSTNode = small.targets[0].target
    elif isinstance(small, cst.AnnAssign):
        target = small.target
    else:
        return None
    return target.value if isinstance(target, cst.Name) else None


def _value(statement: cst.CSTNode) -> cst.BaseExpression | None:
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    return small.value if isinstance(small, (cst.Assign, cst.AnnAssign)) else None


def _call_of(statement: cst.CSTNode) -> cst.Call:
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    value = small.value if isinstance(small, cst.Expr) else None
    return value.expression if isinstance(value, cst.Await) else value  # type: ignore[return-value]


def _targets(nodes: Sequence[cst.CSTNode] | Iterator[cst.CSTNode]) -> Iterator[cst.CSTNode]:
    for node in nodes:
        if isinstance(node, cst.Assign):
            yield from (t.target for t in node.targets)
        elif isinstance(node, (cst.AnnAssign, cst.AugAssign, cst.For)):
            yield node.target
        elif isinstance(node, cst.AsName):
            yield node.name


def _bound_at(statement: cst.CSTNode) -> set[str]:
    if isinstance(statement, cst.FunctionDef):
        return {statement.name.value}
    return {t.value for t in _targets(own_scope(statement)) if isinstance(t, cst.Name)}

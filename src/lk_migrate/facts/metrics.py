"""Who listens to a session's metrics, and who adds up its usage.

A *listener* is a function registered for `metrics_collected` on an `AgentSession`; a *collector* is a variable or
attribute that holds a `metrics.UsageCollector()`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.framework import library_name
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.instances import instance_of
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find

_COMPONENTS = frozenset({"llm", "stt", "tts", "vad"})
_ASSIGNED = frozenset({cst.Assign, cst.AnnAssign})
Statement = cst.SimpleStatementLine


@dataclass(frozen=True)
class Listener:
    """`session.on("metrics_collected", function)`.

    `logs`: statements with `log_metrics`; `shows`: each `ev.metrics` that is printed as a whole; `collects`:
    statements that feed a collector; `reads`: how many uses of the event there are beyond these.
    """

    registration: cst.Call
    session: cst.BaseExpression
    function: cst.FunctionDef
    event: str
    logs: tuple[Statement, ...]
    shows: tuple[cst.Attribute, ...]
    collects: tuple[Statement, ...]
    reads: int

    @property
    def is_plain(self) -> bool:
        """Whether it only logs or adds up (and does what else has nothing to do with the event)."""
        return self.reads == 0

    @property
    def only_collects(self) -> bool:
        """Whether nothing is left of it without its collectors."""
        return self.is_plain and all(
            s in self.collects or is_docstring(s) or _is_pass(s) for s in self.function.body.body
        )


@dataclass(frozen=True)
class Collector:
    """`name = metrics.UsageCollector()`. `name` is dotted (`self.usage`); `others` are uses of unknown meaning."""

    name: str
    line: Statement
    made: cst.Call
    collects: tuple[Statement, ...]
    summaries: tuple[cst.Call, ...]
    others: int


def is_docstring(statement: cst.CSTNode) -> bool:
    return isinstance(statement, Statement) and all(
        isinstance(s, cst.Expr) and isinstance(s.value, (cst.SimpleString, cst.ConcatenatedString))
        for s in statement.body
    )


def _is_pass(statement: cst.CSTNode) -> bool:
    return isinstance(statement, Statement) and all(isinstance(s, cst.Pass) for s in statement.body)


def single_call(statement: cst.CSTNode) -> cst.Call | None:
    """The call that is all of a statement."""
    if isinstance(statement, Statement) and len(statement.body) == 1:
        small = statement.body[0]
        if isinstance(small, cst.Expr) and isinstance(small.value, cst.Call):
            return small.value
    return None


def is_metrics(expression: cst.BaseExpression, event: str) -> bool:
    """`ev.metrics`; also `ev` itself, which 0.x handed over (and which counts for nothing since 1.0)."""
    return dotted(expression) in (f"{event}.metrics", event)


def listeners(project: Project, module: Module) -> list[Listener]:
    """Every listener of the module that is known as a function of the same module."""
    found = []
    for call in module.index.of(cst.Call):
        if not (isinstance(call.func, cst.Attribute) and call.func.attr.value in ("on", "once") and call.args):
            continue
        event = call.args[0].value
        if text_of(event) != "metrics_collected":
            continue
        function = _function(module, call)
        if function is None or not function.params.params:
            continue
        params = [p.name.value for p in function.params.params if p.name.value not in ("self", "cls")]
        if not params:
            continue
        listener = _listener(project, module, call, function, params[0])
        if is_session(project, module, call.func.value, function, params[0]):
            found.append(listener)
    return found


@dataclass(frozen=True)
class Registration:
    """`session.on("metrics_collected", …)` as it is written.

    `function` is what listens, when the module shows it (None for an imported one, a partial, …); `event` is the name
    of its parameter.
    """

    call: cst.Call
    session: cst.BaseExpression
    function: cst.FunctionDef | cst.Lambda | None
    event: str


def registrations(project: Project, module: Module) -> list[Registration]:
    """Every registration on a session, with whatever listens."""
    found = []
    for call in module.index.of(cst.Call):
        if not (isinstance(call.func, cst.Attribute) and call.func.attr.value == "on" and call.args):
            continue
        event = call.args[0].value
        if text_of(event) != "metrics_collected":
            continue
        function: cst.FunctionDef | cst.Lambda | None = _function(module, call)
        if function is None and len(call.args) == 2 and isinstance(call.args[1].value, cst.Lambda):
            function = call.args[1].value
        params = [p.name.value for p in function.params.params] if function is not None else []
        params = [p for p in params if p not in ("self", "cls")]
        session = call.func.value
        if is_session(project, module, session, function, params[0] if params else ""):
            found.append(Registration(call, session, function, params[0] if params else ""))
    return found


def told_of_metrics(module: Module) -> list[cst.CSTNode]:
    """What runs when anything measures, on whatever object it is registered: registrations with the lambdas in them,
    functions that they name or decorate, and functions that these name.
    """
    found: list[cst.CSTNode] = []
    for text in module.strings.get("metrics_collected", ()):
        call = module.index.enclosing(text, cst.Call)
        func = call.func if isinstance(call, cst.Call) else None
        if call is not None and isinstance(func, cst.Attribute) and func.attr.value in ("on", "once"):
            parent = module.index.parents.get(call)
            found.append(module.index.parents[parent] if isinstance(parent, cst.Decorator) else call)
    for node in found:  # grows while it is read
        named = {n.value for n in module.index.find(node, cst.Name) if not _is_of_another(module, n)}
        found += [f for f in module.index.of(cst.FunctionDef) if f.name.value in named and f not in found]
    return found


def _is_of_another(module: Module, name: cst.Name) -> bool:
    """Whether it is an attribute of anything but `self`: no function of this module is meant."""
    parent = module.index.parents.get(name)
    return isinstance(parent, cst.Attribute) and parent.attr is name and dotted(parent.value) != "self"


def is_session(
    project: Project,
    module: Module,
    receiver: cst.BaseExpression,
    function: cst.FunctionDef | cst.Lambda | None,
    event: str,
) -> bool:
    """Whether the receiver is a session: shown by the code, or by a listener that unpacks `ev.metrics`."""
    kind = instance_of(project, module, receiver)
    if kind is not None:
        return kind == "AgentSession"
    if _is_component(receiver) or _goes_over_components(module, receiver):
        return False
    return function is not None and any(dotted(a) == f"{event}.metrics" for a in find(function, cst.Attribute))


def _is_component(expression: cst.BaseExpression) -> bool:
    return (dotted(expression) or "").rpartition(".")[2] in _COMPONENTS


def _goes_over_components(module: Module, receiver: cst.BaseExpression) -> bool:
    """Whether it is `model` of `for model in (session.stt, session.llm):` around it, which LK310 writes, too."""
    loop = module.index.enclosing(receiver, cst.For, cst.FunctionDef, cst.ClassDef)
    if not isinstance(loop, cst.For) or not isinstance(receiver, cst.Name) or dotted(loop.target) != receiver.value:
        return False
    return isinstance(loop.iter, (cst.Tuple, cst.List)) and all(_is_component(e.value) for e in loop.iter.elements)


def _function(module: Module, call: cst.Call) -> cst.FunctionDef | None:
    parent = module.index.parents.get(call)
    if isinstance(parent, cst.Decorator):
        function = module.index.parents.get(parent)
        return function if isinstance(function, cst.FunctionDef) else None
    if len(call.args) < 2:
        return None
    name = dotted(call.args[1].value) or ""
    head, _, attr = name.rpartition(".")
    if head == "self":
        owner = module.index.enclosing(call, cst.ClassDef)
        candidates = [s for s in owner.body.body if isinstance(s, cst.FunctionDef)] if owner is not None else []  # type: ignore[attr-defined]
    elif not head:
        scopes = module.scopes(call)
        candidates = [
            f
            for f in module.index.of(cst.FunctionDef)
            if (module.index.enclosing(f, cst.FunctionDef, cst.ClassDef) or module.tree) in scopes
        ]
    else:
        return None
    named = [f for f in candidates if f.name.value == attr]
    return named[0] if len(named) == 1 else None


def _listener(project: Project, module: Module, call: cst.Call, function: cst.FunctionDef, event: str) -> Listener:
    logs, collects = [], []
    shows = tuple(_shown(module, function, event))
    for statement in find(function.body, Statement):
        inner = single_call(statement)
        if inner is None or not inner.args or not is_metrics(inner.args[0].value, event):
            continue
        name = library_name(project, module, inner.func) or ""
        if name.startswith("livekit.agents.") and name.endswith(".log_metrics"):
            logs.append(statement)
        elif isinstance(inner.func, cst.Attribute) and inner.func.attr.value == "collect":
            collects.append(statement)
    taken = {n for s in (*logs, *collects, *shows) for n in find(s, cst.Name)}
    reads = sum(1 for n in find(function.body, cst.Name) if n.value == event and n not in taken)
    assert isinstance(call.func, cst.Attribute)
    return Listener(call, call.func.value, function, event, tuple(logs), shows, tuple(collects), reads)


def _shown(module: Module, function: cst.FunctionDef, event: str) -> Iterator[cst.Attribute]:
    """Each `ev.metrics` as a whole in a call of a logger or `print`."""
    for node in find(function.body, cst.Attribute):
        parent = module.index.parents.get(node)
        if dotted(node) != f"{event}.metrics" or isinstance(parent, cst.Attribute):
            continue
        call = module.index.enclosing(node, cst.Call)
        name = dotted(call.func) if isinstance(call, cst.Call) else None
        if name == "print" or (name or "").rpartition(".")[2] in ("debug", "info", "warning", "error"):
            yield node


def collectors(project: Project, module: Module) -> list[Collector]:
    """Every collector that one assignment of the module makes."""
    found = []
    for line in module.index.of(Statement):
        for small in line.body:
            if type(small) not in _ASSIGNED:
                continue
            assert isinstance(small, (cst.Assign, cst.AnnAssign))
            if not isinstance(small.value, cst.Call):
                continue
            made = library_name(project, module, small.value.func) or ""
            if not (made.startswith("livekit.agents.") and made.endswith(".UsageCollector")):
                continue
            target = small.target if isinstance(small, cst.AnnAssign) else small.targets[0].target
            name = dotted(target)
            if name is not None:
                found.append(_collector(module, name, line, small.value, target))
    return found


def _collector(module: Module, name: str, line: Statement, made: cst.Call, target: cst.CSTNode) -> Collector:
    kind = cst.ClassDef if "." in name else cst.FunctionDef
    scope = module.index.enclosing(line, kind) or module.tree
    collects, summaries, others = [], [], 0
    within = module.index.numbers(scope)
    for word in module.names.get(name.rpartition(".")[2], ()):
        node = module.index.parents[word] if "." in name else word
        parent = module.index.parents.get(node)
        if module.index.number(node) not in within or dotted(node) != name or node is target:
            continue
        if isinstance(parent, cst.Attribute) and parent.attr is node:
            continue
        call = module.index.parents.get(parent) if isinstance(parent, cst.Attribute) else None
        method = parent.attr.value if isinstance(parent, cst.Attribute) else ""
        if isinstance(call, cst.Call) and call.func is parent and method == "get_summary":
            summaries.append(call)
        elif isinstance(call, cst.Call) and call.func is parent and method == "collect":
            statement = module.index.enclosing(call, Statement)
            collects.append(statement)
        elif not (isinstance(parent, cst.NameItem) or (isinstance(parent, cst.Arg) and parent.keyword is node)):
            others += 1
    return Collector(name, line, made, tuple(s for s in collects if isinstance(s, Statement)), tuple(summaries), others)

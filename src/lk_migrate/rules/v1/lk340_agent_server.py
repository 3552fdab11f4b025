"""`WorkerOptions(entrypoint_fnc=…)` becomes a module-level `AgentServer` with `@server.rtc_session()`.

`AgentServer` exists since 1.3.1; `python -m livekit.agents start` finds nothing but an `AgentServer` at module level.
The job's own options (`agent_name`, `request_fnc`, `worker_type`) go to `rtc_session`, `prewarm_fnc` is `setup_fnc`,
the rest keeps its name. `cli.run_app(server)` stays: it still runs `console`, `dev` and `start`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from lk_migrate.facts.accepts import accepted
from lk_migrate.facts.among import foreign
from lk_migrate.facts.framework import agents_name, callee, library_name
from lk_migrate.facts.importers import imported_elsewhere, importing
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import keyword, of_call, without_keywords
from lk_migrate.rewrite.changes import Change, Note, Remove, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.import_homes import goes_on_without, imports_of
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v1.server_fields import ENTRYPOINT
from lk_migrate.rules.v1.server_shapes import Worker, before_run, decorated, in_place, registered

rule = Rule("LK340", Edition.V1, __doc__, triggers=(b"WorkerOptions", b"ServerOptions", b"run_app"), since="1.3.1")

_OPTIONS = frozenset({"WorkerOptions", "ServerOptions"})


@rule.on(cst.Call, among=foreign)
def run_app(run: cst.Call, file: File) -> Iterator[Change]:
    """Judge each `cli.run_app(…)` by what it is given."""
    if not _is_run_app(run, file):
        return
    if any(keyword(a) == "hot_reload" for a in run.args):
        yield Rewrite(
            run, lambda updated: without_keywords(updated, _is_hot_reload), "`hot_reload=` is gone since 1.3.1"
        )
    given = _given(run)
    if given is None:
        return
    for arg in run.args:
        if keyword(arg) == "opts":
            yield Rewrite(arg, _positional, "`run_app(opts=…)` calls its parameter `server` since 1.3.1")
    worker = _worker(given, run, file)
    if worker is None:
        if _is_options(given, file):
            yield from _escape(given, file)
        return
    if any(a.star for a in worker.options.args):
        yield from _escape(given, file)
        return
    if worker.entrypoint is None:
        yield Todo(
            worker.options,
            "WorkerOptions needs an entrypoint: the function that `request_fnc` accepts with (`accept(entrypoint)`) "
            "is `entrypoint_fnc=` since 0.8, and `accept` takes no function any more.",
        )
        return
    if worker.invented:
        said = ", ".join(f"`{keyword(a)}={file.code(a.value)}`" for a in worker.invented)
        yield Todo(worker.run, f"WorkerOptions never had {said} (a TypeError so far): taken out; see `AgentServer`.")
    yield from _converted(worker, file)


@rule.on(cst.Call)
def never_run(call: cst.Call, file: File) -> Iterator[Change]:
    """Marked where they are made."""
    if is_never_run(call, file):
        yield Todo(
            call,
            "nothing runs these options: make a module-level `server = AgentServer(…)`, register the entrypoint with "
            "`@server.rtc_session(agent_name=…)`, and run it with `cli.run_app(server)`.",
        )


def is_never_run(call: cst.Call, file: File) -> bool:
    """Options in a function of a file that runs nothing with them, and hands them to nobody who could."""
    if not _is_options_call(call, file) or file.module.names.get("run_app"):
        return False
    parent, function = file.parent(call), file.enclosing(call, cst.FunctionDef)
    kept = _targets(parent) if isinstance(parent, (cst.Assign, cst.AnnAssign)) else []
    if function is None or not kept or any("." in (name or ".") for name in kept):
        return False
    return not any(dotted(r.value) in kept for r in find(function, cst.Return) if r.value is not None)


def _converted(worker: Worker, file: File) -> Iterator[Change]:
    name = _free_name(file)
    function = _own_entrypoint(worker, file)
    guard = file.module.index.top_level(worker.variable or worker.run)
    body: list[cst.CSTNode] = list(file.module.tree.body)
    here = body.index(guard)
    spelling = file.use("livekit.agents.AgentServer")

    def taken(updated: cst.Call) -> cst.BaseExpression:
        worker.take(updated)
        return cst.Name(name)

    if worker.variable is None:
        yield Rewrite(worker.run, _on_one_line, f"runs `{name}`")
    yield Rewrite(
        worker.options,
        taken,
        f"`WorkerOptions` is now `{name} = {spelling}(...)` with `rtc_session`",
        without=tuple(worker.invented),
    )
    if worker.variable is not None:
        yield Rewrite(worker.argument, lambda _: cst.Name(name), f"run by `{name}`")
    at = body.index(function) if function is not None else here
    prewarm = _setup_after(worker.options, file, at)
    late = _needs(worker, file)
    rest = _needs(worker, file, skip=frozenset({ENTRYPOINT, *prewarm}))
    decorate = function is not None and late is not None and rest is not None and rest < at
    if _may_be_missing(worker.options, file):
        because = "LiveKit is not sure to be there otherwise", "LiveKit may not be imported there."
        yield from _built_in_place(worker, file, name, spelling, *because)
        return
    if not decorate and (late is None or late >= here or _option_calls(file) > 1):
        because = "its options are", "its options are worked out inside this block."
        yield from _built_in_place(worker, file, name, spelling, *because)
        return
    if worker.variable is not None:
        yield Remove(worker.variable, f"`{name}` takes its place")
    if function is None or not decorate:
        yield Rewrite(
            file.module.tree,
            lambda module: before_run(module, registered(worker, name, spelling)),
            f"`{name}` and its `rtc_session` stand at module level",
        )
        return
    entry = function.name.value
    yield Rewrite(function, lambda updated: updated, f"`@{name}.rtc_session()` on `{entry}`")
    yield Rewrite(
        file.module.tree,
        lambda module: decorated(module, entry, worker, name, spelling, prewarm),
        f"`{name}` stands at module level",
    )


def _may_be_missing(options: cst.Call, file: File) -> bool:
    """Whether the file runs without LiveKit, or imports it when it is to run: nothing at module level may need it."""
    item = file.module.import_of((dotted(options.func) or "").partition(".")[0], options)
    if item is None or imports_of(file.module.tree, "livekit"):
        return False
    attempt = file.enclosing(item.statement, cst.Try)
    return item.scope is not file.module.tree or (isinstance(attempt, cst.Try) and goes_on_without(attempt))


def _built_in_place(
    worker: Worker, file: File, name: str, spelling: str, because: str, remark: str
) -> Iterator[Change]:
    """Where the options are worked out, or one of several, or LiveKit is at hand: so is the server."""
    statement = worker.variable or file.statement(worker.run)
    keep = worker.variable is None
    yield Rewrite(
        statement,
        lambda updated: in_place(updated, worker, name, spelling, keep),
        f"`{name}` is built in place, because {because}",
    )
    yield Note(
        worker.options,
        f"`{name}` is not at module level, where `python -m livekit.agents start` looks for it: {remark}",
    )


def _is_run_app(call: cst.Call, file: File) -> bool:
    name = library_name(file.project, file.module, call.func) or ""
    return name.startswith("livekit.agents.") and name.endswith("cli.run_app")


def _given(run: cst.Call) -> cst.BaseExpression | None:
    return next((a.value for a in run.args if not keyword(a) or keyword(a) == "opts"), None)


def workers(file: File) -> Iterator[Worker]:
    """Every `run_app(…)` whose options this rule takes apart, or marks."""
    for run in file.module.index.of(cst.Call):
        given = _given(run) if _is_run_app(run, file) else None
        worker = _worker(given, run, file) if given is not None else None
        if worker is not None and not any(a.star for a in worker.options.args):
            yield worker


def _option_calls(file: File) -> int:
    return sum(1 for c in file.module.index.of(cst.Call) if _is_options_call(c, file))


def _worker(given: cst.BaseExpression, run: cst.Call, file: File) -> Worker | None:
    """The options behind the argument of `run_app`: written there, or in a variable that has no other use."""
    if isinstance(given, cst.Call):
        return Worker(given, given, run, None, accepted(file.module, given)) if _is_options_call(given, file) else None
    if not isinstance(given, cst.Name):
        return None
    found = [
        (line, small.value)
        for line in file.module.index.of(cst.SimpleStatementLine)
        for small in line.body
        if isinstance(small, (cst.Assign, cst.AnnAssign)) and _targets(small) == [given.value]
    ]
    uses = sum(1 for n in file.module.index.of(cst.Name) if n.value == given.value and not _is_keyword(n, file))
    if len(found) != 1 or uses != 2 or _is_asked_for_elsewhere(given.value, file):
        return None
    line, value = found[0]
    if not isinstance(value, cst.Call) or not _is_options_call(value, file) or len(line.body) != 1:
        return None
    if not _holds(file.parent(line), run, file):
        return None
    return Worker(value, given, run, line, accepted(file.module, value))


def _is_asked_for_elsewhere(name: str, file: File) -> bool:
    """Whether another file imports the options by name, or names them by their module: `worker.options`."""
    stem = file.path.rpartition("/")[2].removesuffix(".py")
    spelled = f"{stem}.{name}".encode("utf-8", "surrogateescape")
    others = (p for p in file.project.paths_with([spelled]) if p != file.path)
    return name in imported_elsewhere(file.project, file.path) or any(
        p in importing(file.project, [file.path]) for p in others
    )


def _holds(block: cst.CSTNode | None, run: cst.Call, file: File) -> bool:
    """Whether `run` stands in `block`, however deep, but not in a function or class of its own."""
    node = file.parent(file.statement(run))
    while node is not None and node is not block and not isinstance(node, (cst.FunctionDef, cst.ClassDef)):
        node = file.parent(node)
    return node is block


def _is_keyword(node: cst.Name, file: File) -> bool:
    parent = file.parent(node)
    return (isinstance(parent, cst.Arg) and parent.keyword is node) or (
        isinstance(parent, cst.Attribute) and parent.attr is node
    )


def _targets(node: cst.Assign | cst.AnnAssign) -> list[str | None]:
    return [dotted(node.target)] if isinstance(node, cst.AnnAssign) else [dotted(t.target) for t in node.targets]


def _is_options_call(call: cst.Call, file: File) -> bool:
    return agents_name(file.project, file.module, callee(call)) in _OPTIONS


def _is_options(given: cst.BaseExpression, file: File) -> bool:
    """Whether the argument is `WorkerOptions` in a shape that cannot be taken apart here."""
    from lk_migrate.facts.instances import instance_of

    return instance_of(file.project, file.module, given) in _OPTIONS


def _escape(given: cst.BaseExpression, file: File) -> Iterator[Change]:
    spelling = file.use("livekit.agents.AgentServer")
    yield Rewrite(
        given,
        lambda updated: cst.Call(func=cst.parse_expression(f"{spelling}.from_server_options"), args=[cst.Arg(updated)]),
        "the options go through `AgentServer.from_server_options`",
    )
    yield Note(
        given,
        "`python -m livekit.agents start` looks for an `AgentServer` at module level; these options are not written "
        "out at the call, so the server is made from them in place.",
    )


def _own_entrypoint(worker: Worker, file: File) -> cst.FunctionDef | None:
    """The entrypoint, if it is a function at module level of this file and registered only here."""
    value = worker.entrypoint
    if not isinstance(value, cst.Name) or _option_calls(file) != 1:
        return None
    found = [f for f in file.module.tree.body if isinstance(f, cst.FunctionDef) and f.name.value == value.value]
    return found[0] if len(found) == 1 and not file.module.is_local(value.value, value) else None


def _needs(worker: Worker, file: File, skip: frozenset[str] = frozenset()) -> int | None:
    """The index of the last top-level statement that the options' values need, -1 if only imports.

    None when a value needs what is local to a function or to a block, or the environment of a later `load_dotenv`.
    """
    last = -1
    body = list(file.module.tree.body)
    values = worker.arguments if worker.entrypoint is None else {ENTRYPOINT: worker.entrypoint, **worker.arguments}
    for key, value in values.items():
        if key in skip:
            continue
        for node in find(value, cst.Name):
            if _is_keyword(node, file):
                continue
            at = _defined_at(node, body, file)
            if at is None:
                return None
            last = max(last, at)
        if _reads_environment(value) and _loads_environment_late(worker.options, file):
            return None
    return last


def _defined_at(node: cst.Name, body: Sequence[cst.CSTNode], file: File) -> int | None:
    name = node.value
    if file.module.is_local(name, node):
        return None
    item = file.module.import_of(name, node)
    found = file.module.definitions.get(name)
    if found is None:
        if item is None:
            return -1  # a builtin
        found = item.statement
    top = file.module.index.top_level(found)
    if isinstance(top, cst.If) and _is_guard(top):
        return None
    return -1 if item is not None and found is item.statement and not isinstance(top, cst.If) else body.index(top)


def _is_guard(node: cst.If) -> bool:
    return any(isinstance(n, cst.Name) and n.value == "__name__" for n in find(node.test, cst.Name))


def _reads_environment(value: cst.BaseExpression) -> bool:
    return any(n.value in ("getenv", "environ") for n in find(value, cst.Name))


def _loads_environment_late(options: cst.Call, file: File) -> bool:
    """Whether `load_dotenv()` runs only in the block that builds the options."""
    calls = [c for c in file.module.index.of(cst.Call) if (dotted(c.func) or "").endswith("load_dotenv")]
    return bool(calls) and not any(isinstance(file.module.index.top_level(c), cst.SimpleStatementLine) for c in calls)


def _setup_after(options: cst.Call, file: File, at: int) -> frozenset[str]:
    """`{"prewarm_fnc"}` if that function stands below the entrypoint: it is then set after its definition."""
    for arg in options.args:
        if keyword(arg) == "prewarm_fnc" and isinstance(arg.value, cst.Name):
            body = list(file.module.tree.body)
            for i, statement in enumerate(body):
                if isinstance(statement, cst.FunctionDef) and statement.name.value == arg.value.value and i > at:
                    return frozenset({"prewarm_fnc"})
    return frozenset()


def _free_name(file: File) -> str:
    module = file.module
    taken = set(module.definitions) | {i.local for i in module.imports}
    for function in module.index.of(cst.FunctionDef):
        taken |= module.bound(function)
    return next(n for n in ("server", "agent_server", "livekit_server") if n not in taken)


def _is_hot_reload(arg: cst.Arg) -> bool:
    return keyword(arg) == "hot_reload"


def _positional(arg: cst.Arg) -> cst.Arg:
    return arg.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT)


def _on_one_line(run: cst.Call) -> cst.Call:
    """`cli.run_app(server)`, once what spread it over several lines is gone."""
    brackets = of_call(run)
    if len(brackets.items) != 1 or brackets.comments(0):
        return run
    return run.with_changes(args=[brackets.items[0]], whitespace_before_args=cst.SimpleWhitespace(""))

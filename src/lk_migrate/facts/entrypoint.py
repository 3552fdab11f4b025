"""How a main module starts: its entrypoint function, prewarm, worker options or server, and the `__main__` guard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.guard_lines import lines_to_hoist
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import descendants, find

OPTIONS_TYPES = frozenset(
    f"livekit.agents.{path}{name}" for path in ("", "worker.") for name in ("WorkerOptions", "ServerOptions")
)
SERVER_TYPES = frozenset({"livekit.agents.AgentServer", "livekit.agents.worker.AgentServer"})
RUN_APP = frozenset({"livekit.agents.cli.run_app", "livekit.agents.cli.cli.run_app"})

#: Old option → keyword of `AgentServer.rtc_session`; `entrypoint_fnc` and `prewarm_fnc` have places of their own.
#: livekit-agents 1.3.1 brought both; checked against 1.8.9.
SESSION_OPTIONS = {"agent_name": "agent_name", "request_fnc": "on_request", "worker_type": "type"}


@dataclass(frozen=True)
class Entrypoint:
    """`function` runs once per job; everything else is None when the module has no such thing.

    `server`/`server_line`: an `AgentServer` the module makes at its top level; `options`: `WorkerOptions(...)`.
    `late_server`/`registration`: `server = AgentServer(...)` and `server.rtc_session(function, ...)` inside the guard,
    which can stand at the top level behind the guard's lines `hoisted`.
    """

    function: cst.FunctionDef
    prewarm: cst.FunctionDef | None
    guard: cst.If | None
    run_app: cst.Call | None
    options: cst.Call | None
    options_line: cst.SimpleStatementLine | None
    server: str | None
    server_line: cst.SimpleStatementLine | None
    late_server: cst.Call | None = None
    registration: cst.Call | None = None
    hoisted: tuple[cst.SimpleStatementLine, ...] = ()


def find_entrypoint(project: Project, module: Module) -> Entrypoint | None:
    """The entrypoint that `module` hands to the worker or registers at its server, None without one."""
    known = project.fact(_known)
    if module.path not in known:
        known[module.path] = _find_entrypoint(project, module)
    return known[module.path]


def _known(project: Project) -> dict[str, Entrypoint | None]:
    """What was found before; several rules and the generator ask: use as a fact."""
    return {}


def _find_entrypoint(project: Project, module: Module) -> Entrypoint | None:
    functions = {s.name.value: s for s in module.tree.body if isinstance(s, cst.FunctionDef)}
    guard = next((s for s in module.tree.body if isinstance(s, cst.If) and is_main_guard(s)), None)
    run_app = options = server_call = None
    may_start = _may_start(project, module)
    for call in module.index.of(cst.Call):
        name = project.full_name(module, call.func) if may_start(call.func) else None
        if name in RUN_APP:
            run_app = call
        elif name in OPTIONS_TYPES:
            options = call
        elif name in SERVER_TYPES:
            server_call = call
    server_line, server = _module_assignment(module, server_call)
    late_server, late_name, registration = _in_guard(guard, server_call) if server is None else (None, None, None)
    function = _named(functions, options, "entrypoint_fnc", 0)
    prewarm = _named(functions, options, "prewarm_fnc", None)
    if server is not None:
        function = function or _registered(module, functions, server)
        prewarm = prewarm or _named(functions, server_call, "setup_fnc", None) or _assigned(module, functions, server)
    if late_name is not None and registration is not None:
        function = function or _registered(module, functions, late_name)
        prewarm = prewarm or _named(functions, server_call, "setup_fnc", None)
    if function is None and server_call is not None and server is None and late_name is None:
        # made and registered in a function (`def main():`), which can stay as it is
        made_in = module.index.parents.get(server_call)
        name = dotted(made_in.targets[0].target) if isinstance(made_in, cst.Assign) else None
        function = _registered(module, functions, name) if name is not None else None
        prewarm = prewarm or _named(functions, server_call, "setup_fnc", None)
    if function is None:
        return None
    if options is not None and not _is_only_run(module, options, run_app):
        options = None
    options_line, _ = _module_assignment(module, options)
    hoisted: tuple[cst.SimpleStatementLine, ...] = ()
    if guard is not None and late_server is not None and registration is not None:
        lines = lines_to_hoist(guard, late_server, [*late_server.args, *registration.args[1:]])
        late_server, registration = (late_server, registration) if lines is not None else (None, None)
        hoisted = lines or ()
    return Entrypoint(
        function,
        prewarm,
        guard,
        run_app,
        options,
        options_line,
        server,
        server_line,
        late_server,
        registration,
        hoisted,
    )


def _is_only_run(module: Module, options: cst.Call, run_app: cst.Call | None) -> bool:
    """Whether the options are for `run_app(…)` alone: written there, or in a variable that nothing else reads.

    What a function returns, or something else is given, others may need: it stays where it is.
    """
    if run_app is None:
        return True
    if any(node is options for node in descendants(run_app)):
        return True
    assign = module.index.parents.get(options)
    if not isinstance(assign, (cst.Assign, cst.AnnAssign)):
        return False
    targets = [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
    if len(targets) != 1 or not isinstance(targets[0], cst.Name):
        return False
    uses = [n for n in module.index.of(cst.Name) if n.value == targets[0].value and n is not targets[0]]
    uses = [n for n in uses if not _is_word(module, n)]
    return len(uses) == 1 and any(node is uses[0] for node in descendants(run_app))


def _is_word(module: Module, name: cst.Name) -> bool:
    """`options` of `f(options=…)`, `x.options`."""
    parent = module.index.parents.get(name)
    return (isinstance(parent, cst.Arg) and parent.keyword is name) or (
        isinstance(parent, cst.Attribute) and parent.attr is name
    )


def _may_start(project: Project, module: Module) -> Callable[[cst.CSTNode], bool]:
    """Whether a callee can be one of the names that matter here: resolving the others would parse what they are from.

    It is called or imported by such a name, or another file, which may offer it by any name, says the word.
    """
    words = {name.rpartition(".")[2] for name in (*RUN_APP, *OPTIONS_TYPES, *SERVER_TYPES)}
    told = [word.encode() for word in words]
    elsewhere = any(word in data for path, data in project.files.items() if path != module.path for word in told)

    def may_start(callee: cst.CSTNode) -> bool:
        if not module.may_be_imported(callee):
            return False
        name = dotted(callee) or ""
        return elsewhere or name.rpartition(".")[2] in words or module.last_names.get(name) in words

    return may_start


def _in_guard(
    guard: cst.If | None, server_call: cst.Call | None
) -> tuple[cst.Call | None, str | None, cst.Call | None]:
    """`name = AgentServer(...)` and `name.rtc_session(function, ...)`, both directly in the guard's body."""
    if guard is None or server_call is None:
        return None, None, None
    name, registration = None, None
    for line in guard.body.body:
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
        if isinstance(small, cst.Assign) and small.value is server_call and len(small.targets) == 1:
            name = dotted(small.targets[0].target)
        elif isinstance(small, cst.Expr) and isinstance(small.value, cst.Call) and name is not None:
            registration = small.value if dotted(small.value.func) == f"{name}.rtc_session" else registration
    return (server_call, name, registration) if name is not None else (None, None, None)


def is_main_guard(node: cst.If) -> bool:
    """`if __name__ == "__main__":`"""
    test = node.test
    return (
        isinstance(test, cst.Comparison)
        and isinstance(test.left, cst.Name)
        and test.left.value == "__name__"
        and any(string_value(s) == "__main__" for s in find(test, cst.SimpleString))
    )


def keyword(call: cst.Call, name: str) -> cst.Arg | None:
    """The keyword argument `name` of a call."""
    return next((a for a in call.args if a.keyword is not None and a.keyword.value == name), None)


def _named(
    functions: dict[str, cst.FunctionDef], call: cst.Call | None, name: str, position: int | None
) -> cst.FunctionDef | None:
    if call is None:
        return None
    arg = keyword(call, name)
    if arg is None and position is not None and len(call.args) > position and call.args[position].keyword is None:
        arg = call.args[position]
    return functions.get(dotted(arg.value) or "") if arg is not None else None


def _module_assignment(module: Module, call: cst.Call | None) -> tuple[cst.SimpleStatementLine | None, str | None]:
    """The top-level line `name = call` and its name."""
    for line in module.tree.body if call is not None else ():
        if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1:
            small = line.body[0]
            if isinstance(small, (cst.Assign, cst.AnnAssign)) and small.value is call:
                target = small.targets[0].target if isinstance(small, cst.Assign) else small.target
                return line, dotted(target)
    return None, None


def _registered(module: Module, functions: dict[str, cst.FunctionDef], server: str) -> cst.FunctionDef | None:
    """The function under `@server.rtc_session(...)`, or given to `server.rtc_session(function)`."""
    wanted = f"{server}.rtc_session"
    for function in functions.values():
        for decorator in function.decorators:
            inner = decorator.decorator
            if dotted(inner.func if isinstance(inner, cst.Call) else inner) == wanted:
                return function
    for call in module.index.of(cst.Call):
        if dotted(call.func) == wanted and call.args:
            found = functions.get(dotted(call.args[0].value) or "")
            if found is not None:
                return found
    return None


def _assigned(module: Module, functions: dict[str, cst.FunctionDef], server: str) -> cst.FunctionDef | None:
    """The function in `server.setup_fnc = function`."""
    for node in module.index.of(cst.Assign):
        if any(dotted(t.target) == f"{server}.setup_fnc" for t in node.targets):
            return functions.get(dotted(node.value) or "")
    return None

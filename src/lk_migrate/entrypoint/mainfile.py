"""The statements of the new main.py: prewarm, server, the choice of models, the entrypoint, the guard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import libcst as cst

from lk_migrate.entrypoint.gates import Steps
from lk_migrate.entrypoint.layout import Layout, TopLevel
from lk_migrate.entrypoint.phases import PhaseFunction
from lk_migrate.entrypoint.render import call_text
from lk_migrate.entrypoint.spine import Guard, is_docstring, labels, walk
from lk_migrate.entrypoint.split import SplitEntrypoint
from lk_migrate.facts.entrypoint import SESSION_OPTIONS, Entrypoint
from lk_migrate.facts.module import Module

Edited = Callable[[cst.CSTNode], cst.CSTNode]
Statement = cst.BaseStatement


@dataclass
class MainFile:
    """The statements of main.py below its imports, in the order of its template."""

    constants: list[Statement] = field(default_factory=list)
    setup: list[Statement] = field(default_factory=list)
    server: list[Statement] = field(default_factory=list)
    functions: list[Statement] = field(default_factory=list)
    entrypoint: list[Statement] = field(default_factory=list)
    closing: list[Statement] = field(default_factory=list)

    def all(self) -> list[Statement]:
        parts = (self.constants, self.setup, self.server, self.functions, self.entrypoint, self.closing)
        return [s for part in parts for s in part]


def write_main(
    module: Module,
    entry: Entrypoint,
    layout: Layout,
    split: SplitEntrypoint | None,
    steps: Steps,
    edited: Edited,
    whole: Sequence[Statement],
    ending: Sequence[cst.EmptyLine],
) -> MainFile:
    """`split` None: the entrypoint does `whole`. `ending`: the comments below what it does."""
    main = MainFile()
    order = {id(item.node): i for i, item in enumerate(layout.items)}
    for item in layout.main:
        if item.node is not entry.options_line or entry.server is not None:
            _part_for(main, item, entry, order).append(cast(Statement, edited(item.node)))
    decorators = [cast(cst.Decorator, edited(d)) for d in entry.function.decorators]
    if entry.server is None and entry.options is not None:
        main.server.append(parsed(_server_text(module, entry.options)))
        decorators.append(_decorator(module, entry.options))
    if entry.late_server is not None and entry.registration is not None:
        call, registration = entry.late_server, entry.registration
        name = module.tree.code_for_node(cst.ensure_type(registration.func, cst.Attribute).value)
        main.setup.extend(entry.hoisted)
        main.server.append(
            parsed(call_text(f"{name} = {module.tree.code_for_node(call.func)}", _texts(module, call.args)))
        )
        decorators.append(_decorated(call_text(f"@{name}.rtc_session", _texts(module, registration.args[1:]))))
    if steps.constant:
        main.constants.append(parsed(steps.constant))
    context = entry.function.params.params[0].name.value if entry.function.params.params else ""
    body = list(whole) if split is None else _entry_body(split, context, steps)
    doc = _docstring(entry.function)
    block = cst.IndentedBlock([*doc, *body], footer=ending)
    main.entrypoint.append(entry.function.with_changes(decorators=decorators, body=block))
    for phase in split.phases if split is not None else ():
        if phase.label == "choose_models":
            main.functions.append(phase.node)
    return main


def parsed(text: str) -> Statement:
    """The statement that `text` is, comments above it included."""
    module = cst.parse_module(text + "\n")
    return cast(Statement, module.body[0]).with_changes(leading_lines=[*module.header, *module.body[0].leading_lines])  # type: ignore[union-attr]


def _part_for(main: MainFile, item: TopLevel, entry: Entrypoint, order: dict[int, int]) -> list[Statement]:
    """The section of main.py that a statement belongs to, from where it stood."""
    position = order[id(item.node)]
    if entry.guard is not None and position >= order[id(entry.guard)]:
        return main.closing
    if position > order[id(entry.function)] and item.node is not entry.prewarm:
        return main.closing
    if item.node is entry.server_line:
        return main.server
    if entry.server_line is not None and position > order[id(entry.server_line)] and item.node is not entry.prewarm:
        return main.functions
    return main.setup


def _docstring(function: cst.FunctionDef) -> list[Statement]:
    """The docstring stays with the entrypoint."""
    first = function.body.body[0] if function.body.body else None
    if isinstance(first, cst.SimpleStatementLine) and is_docstring(first):
        return [first]
    return []


# ---- worker options, for mains that no v1 rule has seen ------------------------------


def _server_text(module: Module, options: cst.Call) -> str:
    args = []
    for arg in options.args:
        name = arg.keyword.value if arg.keyword is not None else ""
        value = module.tree.code_for_node(arg.value)
        if name == "prewarm_fnc":
            args.append(f"setup_fnc={value}")
        elif name and name not in ("entrypoint_fnc", *SESSION_OPTIONS):
            args.append(f"{name}={value}")
    return call_text("server = AgentServer", args)


def _decorator(module: Module, options: cst.Call) -> cst.Decorator:
    args = [
        f"{SESSION_OPTIONS[a.keyword.value]}={module.tree.code_for_node(a.value)}"
        for a in options.args
        if a.keyword is not None and a.keyword.value in SESSION_OPTIONS
    ]
    return _decorated(call_text("@server.rtc_session", args))


def _texts(module: Module, args: Sequence[cst.Arg]) -> list[str]:
    return [module.tree.code_for_node(a.with_changes(comma=cst.MaybeSentinel.DEFAULT)).strip() for a in args]


def _decorated(text: str) -> cst.Decorator:
    return cst.ensure_type(cst.parse_statement(f"{text}\ndef f(): pass\n"), cst.FunctionDef).decorators[0]


# ---- the entrypoint -------------------------------------------------------------------


def _entry_body(split: SplitEntrypoint, context: str, steps: Steps) -> list[Statement]:
    """The spine: the session's construction and start, the phases between them, `try` and `with` around them."""
    phases = {p.number: p for p in split.phases}
    guards = [i for i in walk(split.items) if isinstance(i, Guard)]
    opened: list[Guard] = []
    blocks: list[list[Statement]] = [[]]
    if split.state_class is not None:
        blocks[0].append(parsed(f"{split.state} = {split.state_class.name.value}()"))
    blocks[0].extend(_phase_call(phases.get(0)))
    for number, label in enumerate(labels(split.items), 1):
        if label == "session":
            blocks[-1].extend(_construction(split, steps.argument))
        elif label == "start":
            if steps.late:
                blocks[-1].append(_apart(parsed(f"{split.session}.options.max_tool_steps = {steps.late}"), ()))
            text = call_text(f"await {split.session}.start", split.start.arguments, split.start.remarks)
            blocks[-1].append(_apart(parsed(text), split.start.comments))
        elif label == "enter":
            opened.append(guards.pop(0))
            blocks.append([])
        elif label == "exit":
            guard = cast(cst.Try, split.in_main(opened.pop().node))
            body = cst.IndentedBlock(blocks.pop(), footer=comments_below(guard.body))
            blocks[-1].append(guard.with_changes(body=body))
        blocks[-1].extend(_phase_call(phases.get(number)))
    return blocks[0]


def comments_below(body: cst.BaseSuite) -> Sequence[cst.EmptyLine]:
    """The comments below the last statement of a block, which belong to none of its statements."""
    lines = body.footer if isinstance(body, cst.IndentedBlock) else ()
    return lines if any(line.comment is not None for line in lines) else ()


def _construction(split: SplitEntrypoint, steps: str) -> list[Statement]:
    construct = split.construct
    args = list(construct.arguments)
    if steps:
        args = [a for a in args if not a.startswith("max_tool_steps=")]
        args.append(f"max_tool_steps={steps}")
    annotation = f": {construct.annotation}" if construct.annotation else ""
    awaited = "await " if construct.is_awaited else ""
    text = call_text(f"{split.session}{annotation} = {awaited}{construct.func}", args, construct.remarks)
    found = [_apart(parsed(text), construct.comments)]
    if split.session_is_attribute:
        found.append(parsed(f"{split.state}.{split.session} = {split.session}"))
    return found


def _phase_call(phase: PhaseFunction | None) -> list[Statement]:
    if phase is None:
        return []
    call = f"{'await ' if phase.is_async else ''}{phase.name}({', '.join(phase.arguments)})"
    return [parsed(f"if not {call}:\n    return" if phase.answers else call)]


def _apart(statement: Statement, comments: Sequence[str]) -> Statement:
    lines = [cst.EmptyLine(comment=cst.Comment(c)) for c in comments]
    return statement.with_changes(leading_lines=[cst.EmptyLine(indent=False), *lines])

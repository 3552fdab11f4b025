"""A program that drove WebRTC itself gets an `AgentServer` and one `AgentSession`; its old loop moves aside, whole.

Tokens, `rtc.Room()`, audio frames, an own session: the framework does that now. The old code goes word for word to a
module that nothing imports (still a program of its own), with one marker at its top and a finding per function.
Everything else stays live: helpers, the agent, the log, webhooks, the greeting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import libcst as cst

from lk_migrate.entrypoint import callevents, console
from lk_migrate.entrypoint.assemble import Linker, Part, read_part
from lk_migrate.entrypoint.editor import Editor
from lk_migrate.entrypoint.edits import Edit
from lk_migrate.entrypoint.gates import AgentForMain, limit_of
from lk_migrate.entrypoint.importblock import grouped
from lk_migrate.entrypoint.layout import BUILTINS, Layout, TopLevel, read_layout
from lk_migrate.entrypoint.mainfile import MainFile, parsed
from lk_migrate.entrypoint.naming import Naming, NewModule
from lk_migrate.entrypoint.render import call_text, code_of, needed_by, render_main
from lk_migrate.entrypoint.slicing import DEAD, slice_call
from lk_migrate.entrypoint.spine import CannotSplit, source_of
from lk_migrate.facts.agent_values import agent_classes, is_no_agent
from lk_migrate.facts.byhand import ByHand
from lk_migrate.facts.entrypoint import Entrypoint
from lk_migrate.facts.importers import imported_elsewhere
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.ownmodels import plugin_arguments
from lk_migrate.facts.project import Project
from lk_migrate.facts.scopes import occurrences
from lk_migrate.facts.walk import find, own_scope
from lk_migrate.model import Action, Fate, FileChange, Finding, LedgerEntry, MainSummary, Place
from lk_migrate.rewrite.ledger import Touch, account
from lk_migrate.rewrite.markers import marker_lines

RULE = "LK156"
_MARKER = (
    "Nothing uses this module: AgentServer and AgentSession do its work now (see main.py). Compare, take over what you "
    "miss, then delete it."
)
_SUPPORT_DOC = '"""What {0} needs besides the call itself, word for word as it was."""'
_OLD_DOC = '"""The old WebRTC loop of {0}, word for word as it was; it still starts by itself."""'


@dataclass(frozen=True)
class ByHandResult:
    changes: tuple[FileChange, ...]
    findings: tuple[Finding, ...]
    ledger: tuple[LedgerEntry, ...]
    main: MainSummary


def replace_loop(project: Project, module: Module, by_hand: ByHand, agents: Sequence[AgentForMain]) -> ByHandResult:
    """Raises `CannotSplit`, `Undefined` or `Unaccounted` when that cannot be done safely."""
    classes = (c for c in agent_classes(project, module, by_hand.agent) if c is not None)
    stray = next((c.name.value for c in classes if is_no_agent(project, c)), None)
    if stray is not None:
        raise CannotSplit(f"`{stray}`, which talks, is no `Agent`: make it one, then convert again", by_hand.run)
    return _Replacer(project, module, by_hand, agents).result()


class _Replacer:
    def __init__(self, project: Project, module: Module, by_hand: ByHand, agents: Sequence[AgentForMain]) -> None:
        self.project, self.module, self.by_hand, self.agents = project, module, by_hand, agents
        naming = Naming(project, module)
        self.naming = naming
        self.support = naming.new_module("support")
        self.old = naming.new_module("webrtc", base="legacy")
        entry = Entrypoint(by_hand.run, None, by_hand.guard, None, None, None, None, None)
        self.layout = read_layout(module, entry)
        self.body, self.closing, self.waits_for = _opened(by_hand.run)
        self.slice = slice_call(project, module, by_hand, [*self.body, *self.closing])
        self.kept = set(self.slice.kept)
        self.events = self._events()
        self.editor = Editor({}, self._edits(), module.index, [])

    # ---- the new entrypoint ------------------------------------------------------

    def _edits(self) -> dict[cst.CSTNode, Edit]:
        edits: dict[cst.CSTNode, Edit] = {}
        for occurrence in occurrences(self.by_hand.run):
            if occurrence.owner is self.by_hand.run and occurrence.name == self.by_hand.room:
                edits[occurrence.node] = lambda updated: cst.parse_expression("ctx.room")
        for call in self._event_calls():
            for arg in call.args:
                if isinstance(arg.value, cst.Name) and arg.value.value == self.by_hand.session:
                    edits[arg.value] = lambda updated: cst.parse_expression(f"CallEvents({updated.value})")
        return edits

    def _event_calls(self) -> list[cst.Call]:
        """Calls that hand the session to a function of this module that registers handlers."""
        found = []
        for call in find(self.by_hand.run.body, cst.Call):
            target = self.module.definitions.get(call.func.value) if isinstance(call.func, cst.Name) else None
            passed = any(isinstance(a.value, cst.Name) and a.value.value == self.by_hand.session for a in call.args)
            if isinstance(target, cst.FunctionDef) and passed and _registered(target):
                found.append(call)
        return found

    def _events(self) -> dict[str, str]:
        names: list[str] = []
        for call in self._event_calls():
            target = self.module.definitions[cast(cst.Name, call.func).value]
            names.extend(_registered(cast(cst.FunctionDef, target)))
        return callevents.kinds_of(dict.fromkeys(names))

    def _entry_body(self) -> list[cst.BaseStatement]:
        by_hand = self.by_hand
        found: list[cst.BaseStatement] = []
        started = False
        gone = dict(self.slice.gone)
        for statement in self.body:
            if statement in gone:
                if _calls_method(statement, by_hand.room, "connect"):
                    found.append(_spaced(parsed("await ctx.connect()")))
                continue
            if _binds(statement, by_hand.room):
                continue
            if _binds(statement, by_hand.session):
                found.append(_commented(parsed(self._session_text()), statement))
            elif _calls_method(statement, by_hand.session, "start"):
                text = call_text(f"await {by_hand.session}.start", [f"agent={by_hand.agent.value}", "room=ctx.room"])
                found.extend([*self._ending(), _commented(parsed(text), statement)])
                started = True
            else:
                found.append(cast(cst.BaseStatement, self.editor.edit(statement)))
        if not started:
            raise CannotSplit("the own session is not started by a plain `await session.start(...)`", by_hand.run)
        first = self._parameter_lines(found)
        return [*first, *found]

    def _ending(self) -> list[cst.BaseStatement]:
        """What ends the job, and the `finally` block as a shutdown callback, which the job waits for."""
        found: list[cst.BaseStatement] = []
        finish: list[cst.BaseStatement] = []
        if self.waits_for is not None and any(self.waits_for in _bound_by(s) for s in self.kept):
            ending = f'    await {self.waits_for}.wait()\n    ctx.shutdown(reason="the call is over")'
            found.append(_spaced(parsed(f"async def hang_up():\n{ending}")))
            found.append(_spaced(parsed("hanging_up = asyncio.create_task(hang_up())")))
            finish.append(parsed("hanging_up.cancel()"))
        finish.extend(cast(cst.BaseStatement, self.editor.edit(s)) for s in self.closing if s in self.kept)
        if finish:
            function = cst.ensure_type(cst.parse_statement("async def finish_call():\n    pass\n"), cst.FunctionDef)
            found.append(_spaced(function.with_changes(body=cst.IndentedBlock(finish))))
            found.append(_spaced(parsed("ctx.add_shutdown_callback(finish_call)")))
        return found

    def _parameter_lines(self, body: Sequence[cst.BaseStatement]) -> list[cst.BaseStatement]:
        """The old function's parameters: a room's name is the job's."""
        used = {o.name for s in body for o in occurrences(s)}
        found = []
        for param in self.by_hand.run.params.params:
            name = param.name.value
            if name not in used:
                continue
            if "room" not in name:
                raise CannotSplit(f"the call needs `{name}`, which the command line gave", self.by_hand.run)
            found.append(parsed(f"{name} = ctx.room.name"))
        return found

    def _limit(self) -> tuple[str, str]:
        """The turn gates' limit, and the table it needs. The agent is there: the old loop had it from its start."""
        return limit_of(self.agents, self.by_hand.agent.value, by_class=False)

    def _session_text(self) -> str:
        arguments = []
        limit, _ = self._limit()
        for model, call in self.by_hand.models:
            values = [f"{k}={self.module.tree.code_for_node(v)}" for k, v in plugin_arguments(model, call)]
            if model.role == "llm" and limit:
                values.append("parallel_tool_calls=False")
            arguments.append(f"{model.role}=openai.{model.plugin}({', '.join(values)})")
        arguments.insert(0, 'vad=ctx.proc.userdata["vad"]')
        if limit:
            arguments.append(f"max_tool_steps={limit}")
        return call_text(f"{self.by_hand.session} = AgentSession", arguments)

    def _main_file(self) -> MainFile:
        main = MainFile()
        _, table = self._limit()
        if table:
            main.constants.append(parsed(table))
        main.setup.append(
            parsed('def prewarm(proc: JobProcess) -> None:\n    proc.userdata["vad"] = silero.VAD.load()')
        )
        main.server.append(parsed("server = AgentServer(setup_fnc=prewarm)"))
        function = cst.ensure_type(
            cst.parse_statement("@server.rtc_session()\nasync def entrypoint(ctx: JobContext):\n    pass\n"),
            cst.FunctionDef,
        )
        main.entrypoint.append(function.with_changes(body=cst.IndentedBlock(self._entry_body())))
        main.closing.append(parsed('if __name__ == "__main__":\n    cli.run_app(server)'))
        return main

    # ---- what stays, what moves aside ------------------------------------------------

    def _partition(self, needed: frozenset[str]) -> tuple[list[TopLevel], list[TopLevel]]:
        """Support and old module: what the old loop needed and the new main does not goes with the loop."""
        items = [i for i in self.layout.items if i.kind in ("effect", "definition", "guarded")]
        items = [i for i in items if i not in self.layout.preamble]
        live = _reachable(items, needed)
        loop = [i for i in items if i.node in (self.by_hand.run, self.by_hand.guard)]
        old = _reachable(items, frozenset(n for i in loop for n in (*i.needs, *i.binds)))
        callers = _callers(items, loop)
        moved = [i for i in items if i not in live and (i in loop or i in old or i in callers)]
        return [i for i in items if i not in moved], moved

    def result(self) -> ByHandResult:
        main_file = self._main_file()
        main = read_part(self.module.name, "", self.layout.occurrences(main_file.all()))
        support_items, moved = self._partition(main.needs)
        layout = replace(self.layout, support=support_items, main=[])
        rebound = layout.rebound & {n for i in support_items for n in i.binds}
        if rebound & (main.needs | {n for i in moved for n in i.needs}):
            raise CannotSplit(f"module state ({', '.join(sorted(rebound))}) is shared with the loop", self.by_hand.run)
        support = self._part(self.support, support_items, callevents.helper_code(self.events) if self.events else "")
        old = self._part(self.old, moved, "")
        linker = Linker(layout, {**console.READY, **callevents.READY, **_READY}, self._undefined(), self.module.tree)
        texts = {
            self.support.path: self._text(support, linker, [], _SUPPORT_DOC, []),
            self.old.path: self._text(old, linker, [support], _OLD_DOC, self._early(layout, moved)),
        }
        main.needs |= linker.imported_of(needed_by(layout)) | linker.unused_loggers()
        others = frozenset(imported_elsewhere(self.project, self.module.path))
        imports = linker.imports(main, [support, old], others)
        texts[self.module.path] = render_main(self.module, layout, main_file, imports, (), lambda node: node)
        made = {path: source_of(self.module, path, text, self.by_hand.run) for path, text in sorted(texts.items())}
        ledger = self._account(texts)
        changes = tuple(FileChange(path, self.project.files.get(path), data) for path, data in made.items())
        before, after = len(self.module.text.splitlines()), len(texts[self.module.path].splitlines())
        summary = MainSummary(self.module.path, before, after, (self.support.path, self.old.path))
        return ByHandResult(changes, tuple(self._findings(moved, before, after)), tuple(ledger), summary)

    def _part(self, new: NewModule, items: Sequence[TopLevel], helpers: str) -> Part:
        statements = [cast(cst.BaseStatement, i.node) for i in items]
        text = code_of(self.module, statements)
        if helpers:
            statements = [*statements, *cast(list[cst.BaseStatement], cst.parse_module(helpers).body)]
            text = f"{text.rstrip()}\n\n\n{helpers.strip()}\n"
        return read_part(new.spelled, text, self.layout.occurrences(statements))

    def _early(self, layout: Layout, moved: Sequence[TopLevel]) -> list[str]:
        """Side effects that the old program needs before its imports, when it is started by itself."""
        needed = needed_by(layout)
        items = [i for i in layout.items if i in layout.preamble or (i.kind == "guarded" and i.binds & needed)]
        names = {n for i in items for n in i.needs}
        imports = [i for i in layout.of_kind("import") if i.binds & names]
        return [code_of(self.module, [i.node]).strip() for i in [*imports, *items]]

    def _text(self, part: Part, linker: Linker, may_import: Sequence[Part], doc: str, early: list[str]) -> str:
        imports = linker.imports(part, may_import)
        legacy = [text for _, text in imports.lines]
        lines = grouped([*legacy, *dict.fromkeys(imports.extra), *imports.generated], self.naming.is_ours)
        lines = [line for line in lines if line not in early]
        marker: list[str] = []
        if part.spelled == self.old.spelled:
            marker = [line.comment.value for line in marker_lines(RULE, _MARKER) if line.comment is not None]
        sections = [[doc.format(self.module.path.rpartition("/")[2])], marker, early, lines, imports.copies]
        head = "\n\n".join("\n".join(s) for s in sections if s)
        return f"{head}\n\n\n{part.code.strip()}\n".replace("\r\n", "\n")

    def _undefined(self) -> frozenset[str]:
        found = [o for item in self.layout.items for o in item.found]
        bound = {o.name for o in found if o.owner is None and o.kind != "read"} | BUILTINS
        return frozenset(o.name for o in found if o.owner is None and o.name not in bound)

    def _account(self, texts: dict[str, str]) -> list[LedgerEntry]:
        touches = [
            Touch(i.node, Fate.MOVED, RULE, "imported in the modules that need it", whole=False)
            for i in self.layout.of_kind("import")
        ]
        return account(self.module, touches, texts)

    def _findings(self, moved: Sequence[TopLevel], before: int, after: int) -> list[Finding]:
        place = self._place(self.by_hand.run)
        message = f"{before} lines became {after}; the rest is in {self.support.path}, the old loop in {self.old.path}"
        found = [Finding("LK150", Action.MOVED, place, message)]
        note = (
            f"the old WebRTC loop stands in {self.old.path}; nothing uses it: take over what you miss, then delete it"
        )
        found.append(Finding(RULE, Action.TODO, place, note, to=Place(self.old.path, 1, 1)))
        for item in moved:
            if isinstance(item.node, (cst.FunctionDef, cst.ClassDef)):
                text = f"`{item.node.name.value}` moved to {self.old.path}: AgentServer and AgentSession do this now"
                found.append(Finding(RULE, Action.MOVED, self._place(item.node), text, to=Place(self.old.path, 1, 1)))
        for statement, why in self.slice.gone:
            if why == DEAD:
                continue  # a variable of the loop
            name = (
                f"`{statement.name.value}`" if isinstance(statement, cst.FunctionDef) else self._first_line(statement)
            )
            found.append(Finding(RULE, Action.NOTE, self._place(statement), f"{name} is not in the new main: {why}"))
        unknown = [e for c in self._event_calls() for e in _registered(self._target(c)) if e not in self.events]
        for event in dict.fromkeys(unknown):
            text = f"nothing in AgentSession tells the event `{event}`: its handler is not called any more"
            found.append(Finding(RULE, Action.TODO, place, text))
        return found

    def _first_line(self, statement: cst.BaseStatement) -> str:
        text = self.module.tree.code_for_node(statement.with_changes(leading_lines=[])).strip().splitlines()[0]
        return f"`{text if len(text) < 60 else text[:57] + '…'}`"

    def _target(self, call: cst.Call) -> cst.FunctionDef:
        return cast(cst.FunctionDef, self.module.definitions[cast(cst.Name, call.func).value])

    def _place(self, node: cst.CSTNode) -> Place:
        span = self.module.span(node)
        return Place(self.module.path, span.line, span.end_line)


_READY = {
    "JobProcess": "from livekit.agents import JobProcess",
    "cli": "from livekit.agents import cli",
    "openai": "from livekit.plugins import openai, silero",
    "silero": "from livekit.plugins import openai, silero",
}


def _opened(run: cst.FunctionDef) -> tuple[list[cst.BaseStatement], list[cst.BaseStatement], str | None]:
    """The body, a closing `finally`, and the event that the function waits for before it ends."""
    body = [s for s in run.body.body if isinstance(s, cst.BaseStatement)]
    closing: list[cst.BaseStatement] = []
    event: str | None = None
    opened: list[cst.BaseStatement] = []
    for statement in body:
        if isinstance(statement, cst.SimpleStatementLine) and isinstance(statement.body[-1], cst.Return):
            continue
        waited = _waited_event(statement)
        if waited is not None:
            event = waited
            if isinstance(statement, cst.Try) and statement.finalbody is not None:
                closing = [s for s in statement.finalbody.body.body if isinstance(s, cst.BaseStatement)]
            continue
        opened.append(statement)
    return opened, closing, event


def _waited_event(statement: cst.BaseStatement) -> str | None:
    """`done` in `await done.wait()`, alone or as all that a `try` does."""
    if isinstance(statement, cst.Try) and not statement.handlers and len(statement.body.body) == 1:
        inner = statement.body.body[0]
        return _waited_event(inner) if isinstance(inner, cst.SimpleStatementLine) else None
    if not isinstance(statement, cst.SimpleStatementLine) or not isinstance(statement.body[0], cst.Expr):
        return None
    value = statement.body[0].value
    call = value.expression if isinstance(value, cst.Await) else None
    if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.func.attr.value == "wait":
        return call.func.value.value if isinstance(call.func.value, cst.Name) else None
    return None


def _registered(function: cst.FunctionDef) -> list[str]:
    """The events in `….on("event")` calls of a function."""
    calls = (c for c in find(function, cst.Call) if isinstance(c.func, cst.Attribute) and c.func.attr.value == "on")
    events = (text_of(call.args[0].value) for call in calls if call.args)
    return [event for event in events if event is not None]


def _bound_by(statement: cst.BaseStatement) -> set[str]:
    return {o.name for o in occurrences(statement) if o.owner is None and o.kind == "write"}


def _binds(statement: cst.BaseStatement, name: str) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and name in _bound_by(statement)


def _calls_method(statement: cst.CSTNode, base: str, method: str) -> bool:
    return any(
        isinstance(n, cst.Call)
        and isinstance(n.func, cst.Attribute)
        and n.func.attr.value == method
        and isinstance(n.func.value, cst.Name)
        and n.func.value.value == base
        for n in own_scope(statement)
    )


def _spaced(statement: cst.BaseStatement) -> cst.BaseStatement:
    return statement.with_changes(leading_lines=[cst.EmptyLine(indent=False)])


def _commented(new: cst.BaseStatement, legacy: cst.BaseStatement) -> cst.BaseStatement:
    return new.with_changes(leading_lines=getattr(legacy, "leading_lines", ()))


def _reachable(items: Sequence[TopLevel], names: frozenset[str]) -> list[TopLevel]:
    """The items that bind one of `names`, and whatever these need."""
    found: list[TopLevel] = []
    queue = list(names)
    seen: set[str] = set()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        for item in items:
            if name in item.binds and item not in found:
                found.append(item)
                queue.extend(item.needs)
    return found


def _callers(items: Sequence[TopLevel], loop: Sequence[TopLevel]) -> list[TopLevel]:
    """The items that need the loop, and those that need them."""
    found = list(loop)
    while True:
        names = {n for i in found for n in i.binds}
        more = [i for i in items if i not in found and i.needs & names]
        if not more:
            return found
        found.extend(more)

"""A program that drove WebRTC itself gets an `AgentServer` and one `AgentSession`; its old loop moves aside, whole.

Tokens, `rtc.Room()`, audio frames, an own session: the framework does that now. The old code goes word for word to a
module that nothing imports (still a program of its own), with one marker at its top and a finding per function.
Everything else stays live: helpers, the agent, the log, webhooks, the greeting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import libcst as cst

from lk_migrate.entrypoint import callevents, console
from lk_migrate.entrypoint.aside import RULE, Aside, told
from lk_migrate.entrypoint.assemble import Linker, Part, read_part
from lk_migrate.entrypoint.callbody import (
    binds,
    bound_by,
    callers_of,
    calls,
    calls_method,
    commented,
    events_of,
    is_nothing,
    lead,
    reachable,
    spaced,
)
from lk_migrate.entrypoint.editor import Editor
from lk_migrate.entrypoint.edits import Edit
from lk_migrate.entrypoint.gates import AgentForMain, limit_of
from lk_migrate.entrypoint.importblock import grouped
from lk_migrate.entrypoint.layout import BUILTINS, Layout, TopLevel, read_layout
from lk_migrate.entrypoint.mainfile import MainFile, parsed
from lk_migrate.entrypoint.naming import Naming, NewModule
from lk_migrate.entrypoint.render import call_text, code_of, needed_by, render_main
from lk_migrate.entrypoint.slicing import slice_call
from lk_migrate.entrypoint.spine import CannotSplit, source_of
from lk_migrate.facts.agent_values import agent_classes, is_no_agent
from lk_migrate.facts.byhand import ByHand
from lk_migrate.facts.entrypoint import Entrypoint
from lk_migrate.facts.flat_call import reads
from lk_migrate.facts.importers import imported_elsewhere
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.ownmodels import plugin_arguments
from lk_migrate.facts.project import Project
from lk_migrate.facts.scopes import occurrences
from lk_migrate.facts.walk import find
from lk_migrate.model import Fate, FileChange, Finding, LedgerEntry, MainSummary
from lk_migrate.rewrite.ledger import Touch, account
from lk_migrate.rewrite.markers import marker_lines

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
        raise CannotSplit(f"`{stray}`, which talks, is no `Agent`: make it one, then convert again", by_hand.home)
    return _Replacer(project, module, by_hand, agents).result()


class _Replacer:
    def __init__(self, project: Project, module: Module, by_hand: ByHand, agents: Sequence[AgentForMain]) -> None:
        self.project, self.module, self.by_hand, self.agents = project, module, by_hand, agents
        naming = Naming(project, module)
        self.naming = naming
        self.support = naming.new_module("support")
        self.old = naming.new_module("webrtc", base="legacy")
        entry = Entrypoint(cast(cst.FunctionDef, by_hand.home), None, by_hand.guard, None, None, None, None, None)
        self.layout = read_layout(module, entry)
        self.slice = slice_call(by_hand)
        self.kept = set(self.slice.kept)
        self.events = self._events()
        self.editor = Editor({}, self._edits(), by_hand.module.index, [])

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
        for call in self._own_events() if self.events else ():
            base = cast(cst.Attribute, call.func).value
            edits[base] = lambda updated: cst.Name("events")
        for call in find(self.by_hand.run, cst.Call):
            if isinstance(call.func, cst.Name) and call.func.value in self.slice.speakers:
                edits[call.func] = lambda updated: cst.parse_expression(f"{self.by_hand.session}.say")
        for statement, _ in self.slice.thinned:
            edits[statement] = lambda updated: updated.with_changes(body=[])
        return edits

    def _event_calls(self) -> list[cst.Call]:
        """Calls that hand the session to a function of this module that registers handlers."""
        found = []
        for call in find(self.by_hand.run.body, cst.Call):
            target = self.module.definitions.get(call.func.value) if isinstance(call.func, cst.Name) else None
            passed = any(isinstance(a.value, cst.Name) and a.value.value == self.by_hand.session for a in call.args)
            if isinstance(target, cst.FunctionDef) and passed and events_of(target):
                found.append(call)
        return found

    def _own_events(self) -> list[cst.Call]:
        """`session.on("user_said", log.user)` in the call itself, with or without `@`."""
        session = self.by_hand.session
        calls = find(self.by_hand.run.body, cst.Call) if self.by_hand.session_call is not None else ()
        return [c for c in calls if dotted(c.func) == f"{session}.on" and c.args and text_of(c.args[0].value)]

    def _events(self) -> dict[str, str]:
        names: list[str] = [text_of(c.args[0].value) or "" for c in self._own_events()]
        for call in self._event_calls():
            target = self.module.definitions[cast(cst.Name, call.func).value]
            names.extend(events_of(cast(cst.FunctionDef, target)))
        return callevents.kinds_of(dict.fromkeys(names))

    def _entry_body(self) -> list[cst.BaseStatement]:
        """The call: connected before anybody is waited for, the session started where it was, else before it speaks."""
        gone = {statement for statement, _ in self.slice.gone}
        found: list[cst.BaseStatement] = []
        joined = started = False
        for line in self.by_hand.draft.body:
            statement = line.node
            if statement in gone:
                if calls_method(statement, self.by_hand.room, "connect"):
                    found.append(spaced(parsed("await ctx.connect()")))
                    joined = True
                continue
            starts = self._starts(statement)
            if not joined and (starts or calls(statement, "wait_for_caller")):
                found.append(spaced(parsed("await ctx.connect()")))
                joined = True
            if not started and (starts or self._speaks(statement)):
                starting = commented(self._start(), statement)
                found.extend([*self._ending(), starting if lead(starting) else spaced(starting)])
                started = True
            if not starts:
                found.extend(self._lines(statement))
        if not started and self.by_hand.session_call is None:
            found.extend([*self._ending(), spaced(self._start())])
        elif not started:
            raise CannotSplit("the own session is not started by a plain `await session.start(...)`", self.by_hand.home)
        first = self._parameter_lines(found)
        return [*first, *found]

    def _lines(self, statement: cst.BaseStatement) -> Iterator[cst.BaseStatement]:
        """What a kept statement becomes."""
        by_hand = self.by_hand
        held = [p.name for p in by_hand.parts if p.name is not None]
        if self._makes_session(statement):
            session = parsed(self._session_text())
            if by_hand.session_call is None and self._makes_agent(statement):
                yield cast(cst.BaseStatement, self.editor.edit(statement))
                yield session
            else:
                yield commented(session, statement)
            if self.events and self._own_events():
                yield parsed(f"events = CallEvents({by_hand.session})")
        elif is_nothing(statement) and binds(statement, by_hand.session):
            if any(isinstance(s, cst.FunctionDef) and by_hand.session in reads(s) for s in self.kept):
                yield parsed(f"{by_hand.session} = None")  # a handler may ask before there is one
        elif is_nothing(statement) and binds(statement, by_hand.agent.value):
            return
        elif not any(binds(statement, name) for name in (by_hand.room, *held)):
            yield cast(cst.BaseStatement, self.editor.edit(statement))

    def _makes_agent(self, statement: cst.BaseStatement) -> bool:
        return binds(statement, self.by_hand.agent.value) and not is_nothing(statement)

    def _makes_session(self, statement: cst.BaseStatement) -> bool:
        """Where the own session was made; where the loop used the models itself, below these and the agent."""
        by_hand = self.by_hand
        if by_hand.session_call is not None:
            return binds(statement, by_hand.session) and not is_nothing(statement)
        calls = {p.call for p in by_hand.parts}
        lines = [x.node for x in by_hand.draft.body]
        made = [s for s in lines if any(c in calls for c in find(s, cst.Call)) or self._makes_agent(s)]
        return statement is made[-1]

    def _starts(self, statement: cst.BaseStatement) -> bool:
        return self.by_hand.session_call is not None and calls_method(statement, self.by_hand.session, "start")

    def _speaks(self, statement: cst.BaseStatement) -> bool:
        """Whether it says something by itself, where no session of the own kind is started."""
        if self.by_hand.session_call is not None or not isinstance(statement, cst.SimpleStatementLine):
            return False
        return any(calls(statement, name) for name in self.slice.speakers)

    def _start(self) -> cst.BaseStatement:
        arguments = [f"agent={self.by_hand.agent.value}", "room=ctx.room"]
        return parsed(call_text(f"await {self.by_hand.session}.start", arguments))

    def _ending(self) -> list[cst.BaseStatement]:
        """What ends the job, and the `finally` block as a shutdown callback, which the job waits for."""
        found: list[cst.BaseStatement] = []
        finish: list[cst.BaseStatement] = []
        event = self.by_hand.draft.waits_for
        if event is not None and any(event in bound_by(s) for s in self.kept):
            ending = f'    await {event}.wait()\n    ctx.shutdown(reason="the call is over")'
            found.append(spaced(parsed(f"async def hang_up():\n{ending}")))
            found.append(spaced(parsed("hanging_up = asyncio.create_task(hang_up())")))
            finish.append(parsed("hanging_up.cancel()"))
        closing = [line.node for line in self.by_hand.draft.closing]
        finish.extend(cast(cst.BaseStatement, self.editor.edit(s)) for s in closing if s in self.kept)
        if finish:
            function = cst.ensure_type(cst.parse_statement("async def finish_call():\n    pass\n"), cst.FunctionDef)
            found.append(spaced(function.with_changes(body=cst.IndentedBlock(finish))))
            found.append(spaced(parsed("ctx.add_shutdown_callback(finish_call)")))
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
                raise CannotSplit(f"the call needs `{name}`, which the command line gave", self.by_hand.home)
            found.append(parsed(f"{name} = ctx.room.name"))
        return found

    def _limit(self) -> tuple[str, str]:
        """The turn gates' limit, and the table it needs. The agent is there: the old loop had it from its start."""
        return limit_of(self.agents, self.by_hand.agent.value, by_class=False)

    def _session_text(self) -> str:
        arguments = []
        limit, _ = self._limit()
        for part in self.by_hand.parts:
            model, given = part.model, plugin_arguments(part.model, part.call)
            values = [f"{k}={self.module.tree.code_for_node(v)}" for k, v in given]
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
        live = reachable(items, needed)
        loop = [i for i in items if i.node in (self.by_hand.home, self.by_hand.guard)]
        old = reachable(items, frozenset(n for i in loop for n in (*i.needs, *i.binds)))
        callers = callers_of(items, loop)
        moved = [i for i in items if i not in live and (i in loop or i in old or i in callers)]
        return [i for i in items if i not in moved], moved

    def result(self) -> ByHandResult:
        main_file = self._main_file()
        main = read_part(self.module.name, "", self.layout.occurrences(main_file.all()))
        support_items, moved = self._partition(main.needs)
        layout = replace(self.layout, support=support_items, main=[])
        rebound = layout.rebound & {n for i in support_items for n in i.binds}
        if rebound & (main.needs | {n for i in moved for n in i.needs}):
            raise CannotSplit(f"module state ({', '.join(sorted(rebound))}) is shared with the loop", self.by_hand.home)
        helpers = [callevents.helper_code(self.events)] if self.events else []
        helpers += [console.HELPERS] if "wait_for_caller" in main.needs else []
        support = self._part(self.support, support_items, "\n\n".join(h.strip("\n") + "\n" for h in helpers))
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
        made = {path: source_of(self.module, path, text, self.by_hand.home) for path, text in sorted(texts.items())}
        ledger = self._account(texts)
        changes = tuple(FileChange(path, self.project.files.get(path), data) for path, data in made.items())
        before, after = len(self.module.text.splitlines()), len(texts[self.module.path].splitlines())
        summary = MainSummary(self.module.path, before, after, (self.support.path, self.old.path))
        aside = Aside(self.module, self.by_hand, self.slice, self.layout.items, tuple(moved), self.old.path)
        findings = told(aside, summary, self._live_names(main), self._events_for_nobody())
        return ByHandResult(changes, tuple(findings), tuple(ledger), summary)

    def _live_names(self, main: Part) -> frozenset[str]:
        """What the new main has: in the call, or of the module."""
        live = {n for s in self.kept for n in reads(s)} | {n for n in main.needs if n in self.module.definitions}
        return frozenset(live - {n for s, _ in self.slice.gone for n in bound_by(s)})

    def _events_for_nobody(self) -> list[str]:
        """The events that somebody listens to and nothing in `AgentSession` tells."""
        heard = [e for c in self._event_calls() for e in events_of(self._target(c))]
        heard += [text_of(c.args[0].value) or "" for c in self._own_events()]
        return [e for e in dict.fromkeys(heard) if e not in self.events]

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

    def _target(self, call: cst.Call) -> cst.FunctionDef:
        return cast(cst.FunctionDef, self.module.definitions[cast(cst.Name, call.func).value])


_READY = {
    "JobProcess": "from livekit.agents import JobProcess",
    "cli": "from livekit.agents import cli",
    "os": "import os",
    "openai": "from livekit.plugins import openai, silero",
    "silero": "from livekit.plugins import openai, silero",
}

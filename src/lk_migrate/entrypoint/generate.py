"""A legacy main module becomes a short main.py and the modules that hold everything else. Pure: text to text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import libcst as cst

from lk_migrate.entrypoint import console
from lk_migrate.entrypoint.assemble import Linker, Part, Undefined, read_part
from lk_migrate.entrypoint.gates import AgentForMain, tool_steps
from lk_migrate.entrypoint.importblock import grouped
from lk_migrate.entrypoint.layout import BUILTINS, Layout, TopLevel, is_environment, read_layout
from lk_migrate.entrypoint.render import call_text, code_of, render_main, with_docstring
from lk_migrate.entrypoint.spine import CannotSplit, Guard, labels, walk
from lk_migrate.entrypoint.split import PhaseFunction, SplitEntrypoint, split_entrypoint
from lk_migrate.facts.entrypoint import SESSION_OPTIONS, Entrypoint, find_entrypoint
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.models import language_model_calls
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.scopes import occurrences
from lk_migrate.facts.sessions import Sessions, find_sessions
from lk_migrate.facts.walk import descendants, find
from lk_migrate.model import Action, Fate, FileChange, Finding, LedgerEntry, MainSummary, Place
from lk_migrate.rewrite.engine import imported_elsewhere
from lk_migrate.rewrite.ledger import Touch, Unaccounted, account, text_of

Edit = Callable[[Any], Any]
SPLIT, FLOW, STEPS, CONSOLE, OPTIONS, GREETING = "LK150", "LK151", "LK152", "LK153", "LK154", "LK155"
#: A main module of at most this many lines is short enough to stay in one piece.
SHORT = 230


@dataclass(frozen=True)
class EntrypointOptions:
    """`short`: a main with at most so many lines stays in one piece."""

    short: int = SHORT


@dataclass(frozen=True)
class EntrypointResult:
    """`main` is None when there was nothing to do; `changes` then is empty."""

    changes: tuple[FileChange, ...] = ()
    findings: tuple[Finding, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    main: MainSummary | None = None


def needs_new_main(project: Project, main_path: str, options: EntrypointOptions | None = None) -> bool:
    """Whether `main_path` holds a worker's entrypoint and more than a main module should."""
    options = options or EntrypointOptions()
    module = project.module(main_path)
    if module is None:
        return False
    entry = find_entrypoint(project, module)
    if entry is None or _is_generated(module):
        return False
    return len(text_of(module).splitlines()) > options.short


def _is_generated(module: Module) -> bool:
    """A main that hands its call to a flow module is ours (or as good as ours)."""
    return any(i.target.rpartition(".")[2] in ("CallState", "run_call") and "flow" in i.target for i in module.imports)


def generate_entrypoint(
    project: Project,
    main_path: str,
    agents: Sequence[AgentForMain] = (),
    options: EntrypointOptions | None = None,
) -> EntrypointResult:
    """Split `main_path`, or give back an empty result when it needs no splitting. Never raises for what code holds."""
    if not needs_new_main(project, main_path, options):
        return EntrypointResult()
    module = project.module(main_path)
    assert module is not None
    entry = find_entrypoint(project, module)
    assert entry is not None
    sessions = find_sessions(project, module, entry.function)
    why: Exception | None = None
    for split in (True, False):
        try:
            return _Generator(project, module, entry, sessions, agents, split, why).result()
        except (CannotSplit, Undefined, Unaccounted) as error:
            why = why or error
    place = Place(main_path, module.span(entry.function).line, module.span(entry.function).end_line)
    message = f"main.py was left in one piece: {why}. Move its helpers to modules of their own by hand."
    return EntrypointResult(findings=(Finding(SPLIT, Action.TODO, place, message),))


@dataclass
class _Names:
    support: str
    flow: str


class _Generator:
    def __init__(
        self,
        project: Project,
        module: Module,
        entry: Entrypoint,
        sessions: Sessions,
        agents: Sequence[AgentForMain],
        split: bool,
        why: Exception | None,
    ) -> None:
        self.project, self.module, self.entry, self.sessions = project, module, entry, sessions
        self.agents, self.why = agents, why
        self.layout: Layout = read_layout(module, entry)
        self.folder = module.path.rpartition("/")[0]
        self.paths = self._module_paths()
        self.findings: list[Finding] = []
        self.touches: list[Touch] = []
        self.context = entry.function.params.params[0].name.value if entry.function.params.params else "ctx"
        self.edits = self._edits()
        self.split: SplitEntrypoint | None = None
        if split:
            self.split = split_entrypoint(project, module, self._bare_function(), sessions, self.edits)

    # ---- what the modules are called ---------------------------------------

    def _module_paths(self) -> _Names:
        stem = self.module.path.rpartition("/")[2].removesuffix(".py")
        base = "call" if stem in ("main", "agent", "app", "bot", "worker", "__main__") else stem
        names = []
        for kind in ("support", "flow"):
            number, name = 1, f"{base}_{kind}"
            while self._path(name) in self.project.files or self._is_taken(name):
                number += 1
                name = f"{base}_{kind}_{number}"
            names.append(name)
        return _Names(*names)

    def _is_taken(self, name: str) -> bool:
        return name in self.module.definitions or any(i.local == name for i in self.module.imports)

    def _path(self, name: str) -> str:
        return f"{self.folder}/{name}.py" if self.folder else f"{name}.py"

    def _spelled(self, name: str) -> str:
        """How main.py imports the new module `name` beside it: as it imports its other neighbours."""
        for item in self.module.imports:
            if isinstance(item.statement, cst.ImportFrom) and item.statement.relative:
                return f".{name}"
        for item in self.module.imports:
            path = self.project.path_of(item.target, self.module.path) or self.project.path_of(
                item.target.rpartition(".")[0], self.module.path
            )
            if path is None or not self.folder:
                continue
            package = self.folder.replace("/", ".")
            if item.target.startswith(f"{package}."):
                return f"{package}.{name}"
        return name

    # ---- edits that hold wherever the code goes -----------------------------

    def _edits(self) -> dict[cst.CSTNode, Edit]:
        edits: dict[cst.CSTNode, Edit] = {}
        contexts = frozenset({self.context}) | {
            p.name.value
            for p in find(self.module.tree, cst.Param)
            if p.annotation is not None and (dotted(p.annotation.annotation) or "").endswith("JobContext")
        }
        waits = console.wait_edits(self.module, contexts)
        edits.update(waits)
        for call in waits:
            self._note(CONSOLE, call, "in console mode a stand-in takes the participant's place")
        gated = [a for a in self.agents if a.gate is not None]
        if gated:
            for call in language_model_calls(self.project, self.module):
                if not any(a.keyword is not None and a.keyword.value == "parallel_tool_calls" for a in call.args):
                    edits[call] = _one_call_at_a_time
                    self._note(STEPS, call, "one tool call at a time, as the turn gate had it")
        for call in find(self.entry.function, cst.Call):
            if _is_empty_run(call):
                edits[call] = _generate_reply
                self._note(GREETING, call, '`run(user_input="")` is `generate_reply()`')
        edits.update(self._run_app_edits())
        edits.update(self._global_edits())
        return edits

    def _global_edits(self) -> dict[cst.CSTNode, Edit]:
        """Module state that functions re-bind lives in the support module: `calls += 1` → `call_support.calls += 1`.

        A plain `from call_support import calls` would see the first value for ever.
        """
        moved = self.layout.rebound & {n for i in self.layout.support for n in i.binds}
        edits: dict[cst.CSTNode, Edit] = {}
        for node in (self.entry.function, *(i.node for i in self.layout.main)):
            for occurrence in occurrences(node):
                if occurrence.name not in moved or occurrence.owner is not None:
                    continue
                if occurrence.kind in ("read", "write"):
                    edits[occurrence.node] = _reads(f"{self.paths.support}.{occurrence.name}")
                    self._touch(occurrence.node, f"`{occurrence.name}` lives in {self.paths.support} now")
                elif occurrence.kind not in ("declared", "quoted"):
                    raise CannotSplit(f"`{occurrence.name}` is a global that is re-bound in an unusual way", occurrence.node)
            for statement in find(node, cst.Global):
                if any(item.name.value in moved for item in statement.names):
                    edits[statement] = _without_names(moved)
                    self._touch(statement, "the name is an attribute of the support module")
        return edits

    def _touch(self, node: cst.CSTNode, message: str) -> None:
        self.touches.append(Touch(self._unit(node), Fate.REWRITTEN, SPLIT, message, whole=False))

    def _note(self, rule: str, node: cst.CSTNode, message: str) -> None:
        span = self.module.span(node)
        place = Place(self.module.path, span.line, span.end_line)
        self.findings.append(Finding(rule, Action.REWRITTEN, place, message, span.column))
        self.touches.append(Touch(self._unit(node), Fate.REWRITTEN, rule, message, whole=False))

    def _unit(self, node: cst.CSTNode) -> cst.CSTNode:
        kinds = (cst.SimpleStatementLine, cst.BaseCompoundStatement, cst.Else, cst.ExceptHandler, cst.Finally)
        if isinstance(node, kinds):
            return node
        return self.module.index.enclosing(node, *kinds) or node

    def _run_app_edits(self) -> dict[cst.CSTNode, Edit]:
        """`cli.run_app(WorkerOptions(…))` → `cli.run_app(server)`."""
        run_app, options = self.entry.run_app, self.entry.options
        if run_app is None or options is None or self.entry.server is not None:
            return {}
        message = "worker options are the server's and the session's arguments now"
        self._note(OPTIONS, run_app, message)
        self.touches.append(Touch(self._unit(options), Fate.REWRITTEN, OPTIONS, message, whole=True))
        edits: dict[cst.CSTNode, Edit] = {run_app: lambda u: u.with_changes(
            args=[cst.Arg(cst.Name("server"))], whitespace_before_args=cst.SimpleWhitespace("")
        )}
        line = self.module.index.enclosing(options, cst.SimpleStatementLine)
        if line is not None and not any(n is run_app for n in descendants(line)):
            edits[line] = lambda u: cst.SimpleStatementLine(body=[], leading_lines=u.leading_lines)
        return edits

    def edited(self, node: cst.CSTNode) -> cst.CSTNode:
        return cast(cst.CSTNode, node.visit(_Apply(self.edits)))

    # ---- the parts -----------------------------------------------------------

    def _bare_function(self) -> cst.FunctionDef:
        return self.entry.function

    def result(self) -> EntrypointResult:
        support_code = self._support_code()
        flow_code = self._flow_code()
        support = read_part(self._spelled(self.paths.support), support_code)
        flow = read_part(self._spelled(self.paths.flow), flow_code)
        main_blocks = self._main_blocks()
        main = read_part(self.module.name, "\n\n".join(main_blocks.all()))
        others = imported_elsewhere(self.project, self.module.path)
        linker = Linker(
            self.layout, {}, console.READY, self._legacy_undefined(), self.module.tree
        )
        support_imports = linker.imports(support, [])
        flow_imports = linker.imports(flow, [support])
        main_imports = linker.imports(main, [flow, support], frozenset(others))
        texts = {
            self._path(self.paths.support): self._module_text(support, support_imports, self._support_doc(), linker),
            self._path(self.paths.flow): self._module_text(flow, flow_imports, self._flow_doc(), linker),
            self.module.path: render_main(self.module, self.layout, main_blocks, main_imports, linker, self.edited),
        }
        if not support.defines:
            del texts[self._path(self.paths.support)]
        for path, text in texts.items():
            try:
                compile(text, path, "exec", dont_inherit=True)
            except SyntaxError as error:
                raise CannotSplit(f"the generated {path} would not parse: {error}", self.entry.function) from error
        entries = self._account(texts)
        changes = tuple(
            FileChange(path, self.project.files.get(path), self._bytes(text)) for path, text in sorted(texts.items())
        )
        support_paths = tuple(p for p in sorted(texts) if p != self.module.path)
        before = len(text_of(self.module).splitlines())
        after = len(texts[self.module.path].splitlines())
        self.findings.append(self._summary(support_paths, before, after))
        summary = MainSummary(self.module.path, before, after, support_paths)
        return EntrypointResult(changes, tuple(self.findings), tuple(entries), summary)

    def _summary(self, support: Sequence[str], before: int, after: int) -> Finding:
        span = self.module.span(self.entry.function)
        place = Place(self.module.path, span.line, span.end_line)
        if self.why is not None:
            message = f"the entrypoint moved to {self._path(self.paths.flow)} in one piece, because {self.why}"
            return Finding(FLOW, Action.TODO, place, f"{message}. Bring the session back to main.py by hand.")
        message = f"{before} lines became {after}; the rest is in {', '.join(support)}"
        return Finding(SPLIT, Action.MOVED, place, message)

    def _legacy_undefined(self) -> frozenset[str]:
        found = occurrences(self.module.tree)
        bound = {o.name for o in found if o.owner is None and o.kind in ("write", "def", "import", "walrus", "declared")}
        return frozenset(o.name for o in found if o.owner is None and o.name not in bound and o.name not in BUILTINS)

    def _support_code(self) -> str:
        statements = [cast(cst.BaseStatement, self.edited(i.node)) for i in self.layout.support]
        text = code_of(self.module, statements)
        footer = "".join(f"{line.comment.value}\n" for line in self.module.tree.footer if line.comment is not None)
        if any(e is console._helped for e in self.edits.values()):
            text = f"{text.rstrip()}\n\n{console.HELPERS}" if text.strip() else console.HELPERS.lstrip("\n")
        return text + (f"\n\n{footer}" if footer else "")

    def _flow_code(self) -> str:
        if self.split is None:
            function = cast(cst.FunctionDef, self.edited(self.entry.function))
            function = function.with_changes(name=cst.Name("run_call"), decorators=[])
            return code_of(self.module, [function])
        statements: list[cst.BaseStatement] = [self.split.state_class] if self.split.has_state else []
        statements.extend(p.node for p in self.split.phases if p.label != "choose_models")
        return code_of(self.module, statements, spaced=True)

    def _support_doc(self) -> str:
        return f'"""What {self.module.path.rpartition("/")[2]} needs besides the call itself, word for word as it was."""'

    def _flow_doc(self) -> str:
        return f'"""The steps of one call, in the order in which {self.module.path.rpartition("/")[2]} takes them."""'

    def _module_text(self, part: Part, imports: Any, doc: str, linker: Linker) -> str:
        future = [
            self.module.tree.code_for_node(i.node.with_changes(leading_lines=[])).strip()  # type: ignore[call-arg]
            for i in self.layout.of_kind("future")
        ]
        lines = [doc, "", *future, *([""] if future else [])]
        body = [text for _, text in imports.lines]
        body.extend(dict.fromkeys(imports.extra))
        lines.extend(grouped([*body, *imports.generated], self._is_local))
        if imports.copies:
            lines.extend(["", *imports.copies])
        text = "\n".join(lines).rstrip("\n")
        return f"{text}\n\n\n{part.code.strip()}\n".replace("\r\n", "\n")

    def _is_local(self, name: str) -> bool:
        return name in (self.paths.support, self.paths.flow) or any(
            self.project.path_of(n, self.module.path) for n in (name, name.split(".")[0])
        )

    # ---- main.py -------------------------------------------------------------

    def _main_blocks(self) -> MainBlocks:
        blocks = MainBlocks()
        for item in self.layout.main:
            node = self.edited(item.node)
            text = code_of(self.module, [cast(cst.BaseStatement, node)]).strip("\n")
            if item.node is self.entry.options_line:
                continue
            if item.node is self.entry.guard or (self.entry.guard is not None and self._after(item, self.entry.guard)):
                blocks.closing.append(text)
            elif item.node is self.entry.server_line:
                blocks.server = text
            elif self.entry.server_line is not None and self._after(item, self.entry.server_line):
                blocks.functions.append(text)
            else:
                blocks.setup.append(text)
        decorators = [cast(cst.Decorator, self.edited(d)) for d in self.entry.function.decorators]
        if self.entry.server is None and self.entry.options is not None:
            blocks.server = self._server_text(self.entry.options)
            decorators.append(self._decorator(self.entry.options))
        steps = tool_steps(self.agents, self.module, self.split)
        if steps.constant:
            blocks.constants = steps.constant
        body = self._entry_body(steps.argument)
        legacy = self.entry.function
        function = legacy.with_changes(
            decorators=decorators, body=cst.IndentedBlock(body), lines_after_decorators=()
        )
        function = with_docstring(function, legacy)
        blocks.entrypoint = code_of(self.module, [function]).strip("\n")
        if self.split is not None:
            for phase in self.split.phases:
                if phase.label == "choose_models":
                    blocks.functions.append(code_of(self.module, [phase.node]).strip("\n"))
        return blocks

    def _after(self, item: TopLevel, node: cst.BaseStatement) -> bool:
        order = [i.node for i in self.layout.items]
        return order.index(item.node) > order.index(node)

    def _server_text(self, options: cst.Call) -> str:
        args = []
        for arg in options.args:
            name = arg.keyword.value if arg.keyword is not None else ""
            value = self.module.tree.code_for_node(arg.value)
            if name == "prewarm_fnc":
                args.append(f"setup_fnc={value}")
            elif name and name not in ("entrypoint_fnc", *SESSION_OPTIONS):
                args.append(f"{name}={value}")
        return call_text("server = AgentServer", args)

    def _decorator(self, options: cst.Call) -> cst.Decorator:
        args = [
            f"{SESSION_OPTIONS[a.keyword.value]}={self.module.tree.code_for_node(a.value)}"
            for a in options.args
            if a.keyword is not None and a.keyword.value in SESSION_OPTIONS
        ]
        text = call_text("@server.rtc_session", args)
        function = cst.ensure_type(cst.parse_statement(f"{text}\ndef f(): pass\n"), cst.FunctionDef)
        return function.decorators[0]

    def _entry_body(self, steps: str) -> list[cst.BaseStatement]:
        if self.split is None:
            return [cast(cst.BaseStatement, cst.parse_statement(f"await run_call({self.context})\n"))]
        split = self.split
        guards = [i for i in walk(split.items) if isinstance(i, Guard)]
        stack: list[list[cst.BaseStatement]] = [[]]
        if split.has_state:
            stack[0].append(_parsed(f"{split.state} = CallState()"))
        open_guards: list[Guard] = []
        by_number = {p.number: p for p in split.phases}
        self._call_phase(stack[-1], by_number.get(0))
        for number, label in enumerate(labels(split.items), 1):
            if label == "session":
                stack[-1].append(self._session_statement(split, steps))
                if split.session_attribute:
                    stack[-1].append(_parsed(f"{split.state}.{split.construct.name} = {split.construct.name}"))
            elif label == "start":
                text = call_text(f"await {split.construct.name}.start", list(split.start.arguments))
                stack[-1].append(_with_comments(_parsed(text), split.start.comments))
            elif label == "enter":
                open_guards.append(guards.pop(0))
                stack.append([])
            elif label == "exit":
                body = stack.pop()
                guard = open_guards.pop()
                node = guard.node.with_changes(body=cst.IndentedBlock(body))
                stack[-1].append(cast(cst.BaseStatement, split.edit(node, -1)))
            self._call_phase(stack[-1], by_number.get(number))
        return stack[0]

    def _session_statement(self, split: SplitEntrypoint, steps: str) -> cst.BaseStatement:
        construct = split.construct
        args = list(construct.arguments)
        if steps and not any(a.startswith("max_tool_steps=") for a in args):
            args.append(f"max_tool_steps={steps}")
        annotation = f": {construct.annotation}" if construct.annotation else ""
        awaited = "await " if construct.is_awaited else ""
        text = call_text(f"{construct.name}{annotation} = {awaited}{construct.construct}", args)
        return _with_comments(_parsed(text), construct.comments)

    def _call_phase(self, body: list[cst.BaseStatement], phase: PhaseFunction | None) -> None:
        if phase is None:
            return
        call = f"{'await ' if phase.is_async else ''}{phase.name}({', '.join(phase.arguments)})"
        body.append(_parsed(f"if not {call}:\n    return" if phase.answers else call))

    # ---- accounts -------------------------------------------------------------

    def _account(self, texts: dict[str, str]) -> list[LedgerEntry]:
        touches = list(self.touches)
        if self.split is not None:
            for node, message in self.split.changed:
                touches.append(Touch(self._unit(node), Fate.REWRITTEN, SPLIT, message, whole=False))
            for statement in self.split.spine:
                touches.append(Touch(statement, Fate.REWRITTEN, SPLIT, "stands once in main.py", whole=False))
        touches.append(Touch(self.entry.function, Fate.REWRITTEN, SPLIT, "its phases are functions", whole=False))
        for item in self.layout.of_kind("import"):
            message = "imported in the modules that need it"
            touches.append(Touch(item.node, Fate.REWRITTEN, SPLIT, message, whole=False))
        if self.entry.server_line is not None:
            pass
        return account(self.module, touches, texts)

    def _bytes(self, text: str) -> bytes:
        text = text.replace("\r\n", "\n")
        if self.module.tree.default_newline == "\r\n":
            text = text.replace("\n", "\r\n")
        return text.encode("utf-8")


@dataclass
class MainBlocks:
    """The pieces of main.py below its imports, each as text."""

    constants: str = ""
    setup: list[str] = field(default_factory=list)
    server: str = ""
    functions: list[str] = field(default_factory=list)
    entrypoint: str = ""
    closing: list[str] = field(default_factory=list)

    def all(self) -> list[str]:
        found = [self.constants, *self.setup, self.server, *self.functions, self.entrypoint, *self.closing]
        return [f for f in found if f]


class _Apply(cst.CSTTransformer):
    def __init__(self, edits: dict[cst.CSTNode, Edit]) -> None:
        super().__init__()
        self.edits = edits

    def on_leave(self, original_node: cst.CSTNode, updated_node: Any) -> Any:
        edit = self.edits.get(original_node)
        if edit is not None:
            updated_node = edit(updated_node)
        if isinstance(updated_node, cst.IndentedBlock):
            from lk_migrate.rewrite.blocks import close_gaps

            return close_gaps(updated_node)
        return updated_node


def _parsed(text: str) -> cst.BaseStatement:
    return cast(cst.BaseStatement, cst.parse_statement(text + "\n"))


def _with_comments(statement: cst.BaseStatement, comments: Sequence[str]) -> cst.BaseStatement:
    lines = [cst.EmptyLine(comment=cst.Comment(c)) for c in comments]
    return statement.with_changes(leading_lines=[cst.EmptyLine(indent=False), *lines])


def _is_empty_run(call: cst.Call) -> bool:
    return (
        isinstance(call.func, cst.Attribute)
        and call.func.attr.value == "run"
        and len(call.args) == 1
        and call.args[0].keyword is not None
        and call.args[0].keyword.value == "user_input"
        and isinstance(call.args[0].value, cst.SimpleString)
        and call.args[0].value.evaluated_value == ""
    )


def _generate_reply(updated: cst.Call) -> cst.Call:
    assert isinstance(updated.func, cst.Attribute)
    return updated.with_changes(func=updated.func.with_changes(attr=cst.Name("generate_reply")), args=[])


def _reads(text: str) -> Edit:
    return lambda updated: cst.parse_expression(text).with_changes(lpar=updated.lpar, rpar=updated.rpar)


def _without_names(names: frozenset[str]) -> Edit:
    def edit(updated: cst.Global) -> Any:
        kept = [item for item in updated.names if item.name.value not in names]
        if not kept:
            return cst.RemoveFromParent()
        kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return updated.with_changes(names=kept)

    return edit


def _one_call_at_a_time(updated: cst.Call) -> cst.Call:
    new = cst.Arg(cst.Name("False"), keyword=cst.Name("parallel_tool_calls"), equal=cst.AssignEqual(
        cst.SimpleWhitespace(""), cst.SimpleWhitespace("")
    ))
    args = list(updated.args)
    if not args:
        return updated.with_changes(args=[new])
    last = args[-1]
    if isinstance(last.comma, cst.Comma):
        between = args[-2].comma if len(args) > 1 else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        return updated.with_changes(args=[*args[:-1], last.with_changes(comma=between), new.with_changes(comma=last.comma)])
    comma = args[-2].comma if len(args) > 1 else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    return updated.with_changes(args=[*args[:-1], last.with_changes(comma=comma), new])

"""A legacy main module becomes a short main.py and the modules that hold everything else. Pure: bytes to bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

import libcst as cst

from lk_migrate.entrypoint import SHORT, console
from lk_migrate.entrypoint.assemble import Imports, Linker, Part, Undefined, read_before_imported, read_part
from lk_migrate.entrypoint.byhand import replace_loop
from lk_migrate.entrypoint.editor import Editor
from lk_migrate.entrypoint.edits import CONSOLE, SPLIT, WHOLE, collect_edits
from lk_migrate.entrypoint.gates import AgentForMain, tool_steps
from lk_migrate.entrypoint.importblock import grouped
from lk_migrate.entrypoint.layout import BUILTINS, TopLevel, read_layout
from lk_migrate.entrypoint.mainfile import MainFile, comments_below, parsed, write_main
from lk_migrate.entrypoint.naming import Naming, NewModule
from lk_migrate.entrypoint.render import attached_comments, code_of, needed_by, render_main
from lk_migrate.entrypoint.spine import CannotSplit, is_docstring, source_of
from lk_migrate.entrypoint.split import split_entrypoint
from lk_migrate.entrypoint.statefields import STATE_TYPES
from lk_migrate.entrypoint.topics import topics
from lk_migrate.entrypoint.whole import limit_sessions
from lk_migrate.facts.byhand import find_by_hand
from lk_migrate.facts.entrypoint import Entrypoint, find_entrypoint
from lk_migrate.facts.importers import imported_elsewhere
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.sessions import find_sessions
from lk_migrate.model import Action, FileChange, Finding, LedgerEntry, MainSummary, Place
from lk_migrate.rewrite.ledger import Unaccounted, account
from lk_migrate.rewrite.markers import marker_lines

#: An entrypoint of so many lines that makes no session itself stays as it is.
_SHORT_ENTRYPOINT = 40


@dataclass(frozen=True)
class EntrypointOptions:
    """`short`: a main with at most so many lines stays in one piece."""

    short: int = SHORT


@dataclass(frozen=True)
class EntrypointResult:
    """`main` is None when there was nothing to do, or nothing that could be done safely (a finding says why)."""

    changes: tuple[FileChange, ...] = ()
    findings: tuple[Finding, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    main: MainSummary | None = None


def needs_new_main(project: Project, main_path: str, options: EntrypointOptions | None = None) -> bool:
    """Whether `main_path` holds a worker's entrypoint, and more than a main module should."""
    module = project.module(main_path)
    if module is None or _is_generated(module):
        return False
    if find_entrypoint(project, module) is not None:
        return len(module.text.splitlines()) > (options or EntrypointOptions()).short
    return find_by_hand(project, module) is not None


def _is_generated(module: Module) -> bool:
    """A main that takes its call's steps from a flow module, or its helpers from a support module, is ours already."""
    for item in module.imports:
        source, _, name = item.target.rpartition(".")
        if ("_flow" in source and name in _FLOW_NAMES) or "_support" in (source or name).rpartition(".")[2]:
            return True
    return False


_FLOW_NAMES = frozenset(
    {
        *STATE_TYPES,
        "run_call",
        "prepare_call",
        "choose_agent",
        "finish_options",
        "add_handlers",
        "before_start",
        "after_start",
    }
)


def generate_entrypoint(
    project: Project,
    main_path: str,
    agents: Sequence[AgentForMain] = (),
    options: EntrypointOptions | None = None,
) -> EntrypointResult:
    """Take `main_path` apart, or give back an empty result when it needs no splitting.

    `project` holds the bytes after the per-file rules; `agents` the assistant classes with their gates. Never raises
    for what the code holds: what has no safe split moves in one piece, what cannot even move stays, with a finding.
    """
    if not needs_new_main(project, main_path, options):
        return EntrypointResult()
    module = project.module(main_path)
    assert module is not None
    entry = find_entrypoint(project, module)
    why: Exception | None = None
    if entry is None:
        return _replaced_loop(project, module, agents)
    for in_phases in (True, False):
        try:
            return _Generator(project, module, entry, agents, in_phases, why).result()
        except (CannotSplit, Undefined, Unaccounted) as error:
            why = why or error
    span = module.span(entry.function)
    message = f"{main_path} stays in one piece: {why}. Move its helpers to modules of their own by hand."
    finding = Finding(SPLIT, Action.NOTE, Place(main_path, span.line, span.end_line), message)
    return EntrypointResult(findings=(finding,))


def _replaced_loop(project: Project, module: Module, agents: Sequence[AgentForMain]) -> EntrypointResult:
    by_hand = find_by_hand(project, module)
    assert by_hand is not None
    try:
        found = replace_loop(project, module, by_hand, agents)
    except (CannotSplit, Undefined, Unaccounted) as error:
        span = module.span(by_hand.home)
        message = f"this drives WebRTC by hand, which AgentSession does now, but it could not be replaced: {error}"
        place = Place(module.path, span.line, span.end_line)
        return EntrypointResult(findings=(Finding(SPLIT, Action.NOTE, place, message),))
    return EntrypointResult(found.changes, found.findings, found.ledger, found.main)


@dataclass(frozen=True)
class _Made:
    """A module to be; `doc` is its docstring, with a place for main.py's name."""

    module: NewModule
    part: Part
    doc: str


def _below(this: _Made, made: Sequence[_Made], flow: NewModule) -> list[_Made]:
    """What a module may import: the flow and the models take from the helpers, the models from the flow, too."""
    helpers = [m for m in made if m.doc not in (_FLOW_DOC, _MODELS_DOC) and m is not this]
    return [*(m for m in made if m.module is flow and this.doc == _MODELS_DOC), *helpers]


class _Generator:
    def __init__(
        self,
        project: Project,
        module: Module,
        entry: Entrypoint,
        agents: Sequence[AgentForMain],
        in_phases: bool,
        why: Exception | None,
    ) -> None:
        self.project, self.module, self.entry, self.why = project, module, entry, why
        self.layout = read_layout(module, entry)
        self.naming = Naming(project, module)
        self.support, self.flow = (self.naming.new_module(kind) for kind in ("support", "flow"))
        self.found = collect_edits(project, entry, module, self.layout, agents, self.support.name)
        self.split = None
        if not in_phases:
            limit_sessions(self.found, project, module, agents)
        self.editor = Editor({}, self.found.edits, module.index, [])
        if in_phases:
            sessions = find_sessions(project, module, entry.function)
            self.split = split_entrypoint(project, module, entry.function, sessions, self.found.edits)
        self.stays = self.split is None and self._hands_over()
        self.steps = tool_steps(project, module, agents, self.split)

    # ---- the parts ---------------------------------------------------------------

    def edited(self, node: cst.CSTNode) -> cst.CSTNode:
        return cast(cst.CSTNode, self.editor.edit(node))

    def result(self) -> EntrypointResult:
        flow_statements = self._flow_statements()
        guarded = self._guarded_for(flow_statements)
        flow_statements = [*(cast(cst.BaseStatement, self.edited(i.node)) for i in guarded), *flow_statements]
        names = self.layout.occurrences
        flow = read_part(self.flow.spelled, code_of(self.module, flow_statements, spaced=True), names(flow_statements))
        helpers = list(self._helper_modules([i for i in self.layout.support if i not in guarded]))
        blocks = write_main(
            self.module,
            self.entry,
            self.layout,
            self.split,
            self.steps,
            self.edited,
            self._whole_body(),
            self._ending(),
        )
        models = list(self._models_module(blocks))
        main = read_part(self.module.name, "", names(blocks.all()))
        made = [m for m in (_Made(self.flow, flow, _FLOW_DOC), *models, *helpers) if m.part.defines]
        if not made:
            return EntrypointResult()  # everything that is here belongs in a main module
        linker = Linker(self.layout, console.READY, self._undefined(), self.module.tree)
        imported = {m.module.path: linker.imports(m.part, [o.part for o in _below(m, made, self.flow)]) for m in made}
        others = frozenset(imported_elsewhere(self.project, self.module.path))
        main.needs |= linker.imported_of(needed_by(self.layout)) | linker.unused_loggers()
        main.needs |= linker.unused_imports(self._acts)
        main.needs |= linker.imported_of(read_before_imported([names([s]) for s in blocks.all()]))
        imports = linker.imports(main, [m.part for m in made], others)
        commented = {id(item) for item, _ in imports.lines}
        texts = {m.module.path: self._module_text(m, imported[m.module.path], commented) for m in made}
        texts[self.module.path] = render_main(self.module, self.layout, blocks, imports, commented, self.edited)
        made_of = {p: source_of(self.module, p, text, self.entry.function) for p, text in sorted(texts.items())}
        ledger = self._account(texts)
        changes = tuple(FileChange(p, self.project.files.get(p), data) for p, data in made_of.items())
        return EntrypointResult(changes, tuple(self._findings(texts)), tuple(ledger), self._summary(texts))

    def _models_module(self, blocks: MainFile) -> Iterator[_Made]:
        """The choice of models stands in main.py, unless it alone makes that long."""
        if len(code_of(self.module, blocks.all()).splitlines()) <= SHORT or not blocks.functions:
            return
        chosen = {
            id(p.node) for p in (self.split.phases if self.split is not None else ()) if p.label == "choose_models"
        }
        functions = [f for f in blocks.functions if id(f) in chosen]
        if functions:
            blocks.functions = [f for f in blocks.functions if id(f) not in chosen]
            module = self.naming.new_module("models")
            text = code_of(self.module, functions, spaced=True)
            yield _Made(module, read_part(module.spelled, text, self.layout.occurrences(functions)), _MODELS_DOC)

    def _helper_modules(self, items: Sequence[TopLevel]) -> Iterator[_Made]:
        """The support module, and one for each topic when it is large."""
        lines = cache(lambda item: len(code_of(self.module, [item.node]).splitlines()))  # asked for again and again
        apart = topics(self.layout, items, lines)
        gone = {id(i) for found in apart.values() for i in found}
        yield _Made(self.support, self._support_part([i for i in items if id(i) not in gone]), _SUPPORT_DOC)
        for word, found in apart.items():
            module = self.naming.new_module(word)
            statements = [cast(cst.BaseStatement, self.edited(i.node)) for i in found]
            text = code_of(self.module, statements)
            part = read_part(module.spelled, text, self.layout.occurrences(statements))
            yield _Made(module, part, _TOPIC_DOC.replace("{1}", word.replace("_", " ")))

    def _acts(self, module: str) -> bool:
        """Whether importing a module may do something: the project's own, and plugins, which register themselves."""
        return module.startswith("livekit.plugins") or self.naming.is_ours(module)

    def _support_part(self, moved: Sequence[TopLevel]) -> Part:
        statements = [cast(cst.BaseStatement, self.edited(i.node)) for i in moved]
        text = code_of(self.module, statements)
        if any(f.rule == CONSOLE for f in self.found.findings):
            helpers = cst.parse_module(console.HELPERS)
            statements.extend(cast(list[cst.BaseStatement], helpers.body))
            text = f"{text.rstrip()}\n\n\n{console.HELPERS.strip()}\n"
        footer = [line.comment.value for line in self.module.tree.footer if line.comment is not None]
        text = "\n\n".join([text.rstrip(), *(["\n".join(footer)] if footer else [])])
        return read_part(self.support.spelled, text, self.layout.occurrences(statements))

    def _hands_over(self) -> bool:
        """Whether the entrypoint is short and leaves the session to a class or function of the project."""
        found = find_sessions(self.project, self.module, self.entry.function)
        nothing = not (found.constructions or found.starts or found.odd)
        return nothing and len(code_of(self.module, [self.entry.function]).splitlines()) <= _SHORT_ENTRYPOINT

    def _whole_body(self) -> list[cst.BaseStatement]:
        """What the entrypoint in main.py does when it could not be split."""
        if not self.stays:
            params = self.entry.function.params.params
            return [parsed(f"await run_call({params[0].name.value if params else ''})")]
        body = cast(cst.FunctionDef, self.edited(self.entry.function)).body
        statements = [cast(cst.BaseStatement, s) for s in body.body]
        has_docstring = isinstance(statements[0], cst.SimpleStatementLine) and is_docstring(statements[0])
        return statements[1:] if has_docstring else statements

    def _ending(self) -> Sequence[cst.EmptyLine]:
        """The comments below the entrypoint's last statement; in one piece it keeps them in the flow module."""
        in_flow = self.split is None and not self.stays
        return () if in_flow else comments_below(self.entry.function.body)

    def _flow_statements(self) -> list[cst.BaseStatement]:
        if self.stays:
            return []
        if self.split is None:
            function = cast(cst.FunctionDef, self.edited(self.entry.function))
            lines = [*function.leading_lines, *marker_lines(WHOLE, self._in_one_piece())]
            return [function.with_changes(name=cst.Name("run_call"), decorators=[], leading_lines=lines)]
        found: list[cst.BaseStatement] = [self.split.state_class] if self.split.state_class is not None else []
        return [*found, *(p.node for p in self.split.phases if p.label != "choose_models")]

    def _guarded_for(self, statements: Sequence[cst.BaseStatement]) -> list[TopLevel]:
        """The guarded imports (`try: import x …`) that the flow module needs and the helpers don't."""
        guarded = [i for i in self.layout.support if i.kind == "guarded"]
        if not guarded:
            return []
        needed = {o.name for o in self.layout.occurrences(statements) if o.owner is None}
        found = []
        for item in guarded:
            others = (i for i in self.layout.support if i is not item)
            if item.binds & needed and not any(i.needs & item.binds for i in others):
                found.append(item)
        return found

    def _undefined(self) -> frozenset[str]:
        """Names that the legacy main uses and nothing defines: not ours to judge."""
        found = [o for item in self.layout.items for o in item.found]
        binding = ("write", "def", "import", "walrus", "declared")
        bound = {o.name for o in found if o.owner is None and o.kind in binding} | BUILTINS
        if any(i.local == "*" and isinstance(i.scope, cst.Module) for i in self.module.imports):
            return frozenset()  # whatever is not bound here may come with the star
        return frozenset(o.name for o in found if o.owner is None and o.name not in bound)

    def _module_text(self, made: _Made, imports: Imports, commented: set[int]) -> str:
        """`commented`: the imports whose comments stand in another module already; grows."""
        future = [
            self.module.tree.code_for_node(cast(cst.SimpleStatementLine, i.node).with_changes(leading_lines=[])).strip()
            for i in self.layout.of_kind("future")
        ]
        legacy = [
            text if id(item) in commented else "\n".join([*attached_comments(item), text])
            for item, text in imports.lines
        ]
        commented.update(id(item) for item, _ in imports.lines)
        lines = grouped([*legacy, *dict.fromkeys(imports.extra), *imports.generated], self.naming.is_ours)
        sections = [[made.doc.format(self.module.path.rpartition("/")[2])], future, lines, imports.copies]
        head = "\n\n".join("\n".join(section) for section in sections if section)
        return f"{head}\n\n\n{made.part.code.strip()}\n".replace("\r\n", "\n")

    # ---- accounts ------------------------------------------------------------------

    def _account(self, texts: dict[str, str]) -> list[LedgerEntry]:
        found = self.found
        if self.split is not None:
            for node, message in self.split.changed:
                found.touch(node, message)
            for statement in self.split.spine:
                found.touch(statement, "stands once in main.py")
        found.touch(self.entry.function, "its phases are functions")
        for item in self.layout.of_kind("import"):
            found.touch(item.node, "imported in the modules that need it")
        return account(self.module, found.touches, texts)

    def _findings(self, texts: dict[str, str]) -> list[Finding]:
        span = self.module.span(self.entry.function)
        place = Place(self.module.path, span.line, span.end_line)
        if self.why is not None and not self.stays:
            text = texts[self.flow.path].splitlines()
            line = next((i for i, t in enumerate(text, 1) if f"TODO(lk-migrate {WHOLE})" in t), 1)
            to = Place(self.flow.path, line, line)
            return [*self.found.findings, Finding(WHOLE, Action.TODO, place, self._in_one_piece(), to=to)]
        homes = ", ".join(p for p in sorted(texts) if p != self.module.path)
        after = len(texts[self.module.path].splitlines())
        message = f"{self._lines(self.module)} lines became {after}; the rest is in {homes}"
        return [*self.found.findings, Finding(SPLIT, Action.MOVED, place, message)]

    def _in_one_piece(self) -> str:
        return (
            f"the entrypoint moved to {self.flow.path} in one piece: {self.why}. To have it in {self.module.path}: "
            "make the session on one line (in a function that returns it, whatever it falls back on), start it on "
            "another (`await session.start(…)`), then put what comes before and after into functions called there."
        )

    @staticmethod
    def _lines(module: Module) -> int:
        return len(module.text.splitlines())

    def _summary(self, texts: dict[str, str]) -> MainSummary:
        path = self.module.path
        support = tuple(p for p in sorted(texts) if p != path)
        return MainSummary(path, self._lines(self.module), len(texts[path].splitlines()), support)


_MODELS_DOC = '"""Which models and voices a call of {0} gets."""'
_TOPIC_DOC = '"""What {0} needs around its {1}, word for word as they were."""'
_SUPPORT_DOC = '"""What {0} needs besides the call itself, word for word as it was."""'
_FLOW_DOC = '"""The steps of one call, in the order in which {0} takes them."""'


__all__ = ["AgentForMain", "EntrypointOptions", "EntrypointResult", "generate_entrypoint", "needs_new_main"]

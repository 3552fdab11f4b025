"""The entrypoint, taken apart: the phases as functions, the state they share, and what main.py calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import libcst as cst

from lk_migrate.entrypoint.models import marked_models
from lk_migrate.entrypoint.names import MAIN, Names, read_names, shared_names
from lk_migrate.entrypoint.phases import Statements, Writer, without_opening_blanks, answers, is_async, phase_body
from lk_migrate.entrypoint.spine import Branch, CannotSplit, Cut, Guard, Items, labels, phases_of, read_spine, walk
from lk_migrate.entrypoint.statefields import state_fields
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.scopes import Occurrence, occurrences
from lk_migrate.facts.walk import descendants
from lk_migrate.facts.sessions import Construction, Sessions, Start
from lk_migrate.rewrite.blocks import close_gaps

Edits = Mapping[cst.CSTNode, Callable[[Any], Any]]


@dataclass(frozen=True)
class PhaseFunction:
    """One phase as a function. `answers`: it returns False when the call is over."""

    number: int
    label: str
    name: str
    node: cst.FunctionDef
    answers: bool
    is_async: bool
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class SessionCall:
    """`name = <func>(<args>)`; an argument is its text, with the keyword."""

    name: str
    construct: str
    arguments: tuple[str, ...]
    comments: tuple[str, ...]
    annotation: str = ""
    is_awaited: bool = False


@dataclass(frozen=True)
class SplitEntrypoint:
    """What `generate` needs to write main.py and the flow module. `changed`: legacy nodes that read differently."""

    state: str
    state_class: cst.ClassDef
    phases: tuple[PhaseFunction, ...]
    items: Items
    construct: SessionCall
    start: SessionCall
    context: str
    session_attribute: bool
    has_state: bool
    agent_is_ready: bool
    changed: list[tuple[cst.CSTNode, str]]
    spine: tuple[cst.CSTNode, ...]
    edit: Callable[[cst.CSTNode, int], cst.CSTNode] = field(repr=False, compare=False, default=lambda n, _: n)


def split_entrypoint(
    project: Project, module: Module, function: cst.FunctionDef, sessions: Sessions, edits: Edits
) -> SplitEntrypoint:
    """Raises `CannotSplit` when the phases cannot be told apart safely."""
    return _Splitter(project, module, function, sessions, edits).result()


class _Splitter:
    def __init__(
        self, project: Project, module: Module, function: cst.FunctionDef, sessions: Sessions, edits: Edits
    ) -> None:
        self.project, self.module, self.function, self.edits = project, module, function, edits
        self.items = marked_models(project, module, read_spine(function, sessions))
        self.labels = labels(self.items)
        if self.labels.count("session") != 1 or self.labels.count("start") != 1:
            raise CannotSplit("one path makes or starts more than one session", function)
        self.constructions: list[Construction] = []
        self.starts: list[Start] = []
        self.cuts: dict[cst.CSTNode, Cut] = {}
        for item in walk(self.items):
            if isinstance(item, Cut) and item.site is not None:
                self.cuts[item.site.statement] = item
                if isinstance(item.site, Construction):
                    self.constructions.append(item.site)
                else:
                    self.starts.append(item.site)
        self.last = len(self.labels)
        self.parameter = self._only_parameter()
        self.differing: dict[Cut, list[tuple[str, cst.BaseExpression]]] = {}
        self.phase = phases_of(self.items)
        self.homes = self._homes()
        self.names = read_names(module, function, self.homes)
        self.session_names = {c.name for c in self.constructions}
        self.hoisted = self._hoisted()
        if {s.name for s in self.starts} - self.session_names:
            raise CannotSplit("a session is started that the entrypoint did not make", function)
        self.session = self._session_name()
        self.shared = [
            n for n in shared_names(self.names, frozenset({self.parameter})) if n not in self.session_names
        ]
        self._check_free_names()
        self.state = self._state_name()
        self.attributes = {n: f"{self.state}.{n}" for n in self.shared}
        self.flags = self._flags()
        self.replaced: list[tuple[cst.CSTNode, str]] = []

    # ---- facts -------------------------------------------------------------

    def _only_parameter(self) -> str:
        params = self.function.params
        if len(params.params) != 1 or params.star_kwarg or params.kwonly_params or params.posonly_params:
            raise CannotSplit("the entrypoint takes other parameters than the job context", self.function)
        return params.params[0].name.value

    def _homes(self) -> dict[cst.CSTNode, int]:
        """Statements and tests at their phase; cuts in main, but for arguments that paths give differently."""
        homes = dict(self.phase)
        for statement in self.cuts:
            homes[statement] = MAIN
        self.merged = {
            "session": self._merge(self.constructions, homes),
            "start": self._merge(self.starts, homes),
        }
        for guard in (i for i in walk(self.items) if isinstance(i, Guard)):
            homes[guard.node] = MAIN
        return homes

    def _merge(self, sites: Sequence[Construction | Start], homes: dict[cst.CSTNode, int]) -> list[str]:
        """The keywords in their order; those whose values differ are noted with their cut, and live in its phase."""
        if len(sites) == 1:
            return []
        keywords: list[str] = []
        for site in sites:
            if isinstance(site, Construction) and not site.is_literal:
                raise CannotSplit("the paths make their sessions in different ways", site.statement)
            for arg in site.call.args:
                if arg.keyword is None:
                    raise CannotSplit("the paths give their sessions positional or starred arguments", site.statement)
                if arg.keyword.value not in keywords:
                    keywords.append(arg.keyword.value)
        for name in keywords:
            values = [next((a for a in s.call.args if a.keyword and a.keyword.value == name), None) for s in sites]
            texts = {self._code(v.value) if v is not None else None for v in values}
            if len(texts) == 1:
                continue
            for site, value in zip(sites, values, strict=True):
                cut = self.cuts[site.statement]
                expression = value.value if value is not None else _default(name, site)
                self.differing.setdefault(cut, []).append((name, expression))
                if value is not None:
                    homes[value.value] = self.phase[site.statement]
        return keywords

    def _session_name(self) -> str:
        """One name for the session in main.py and in every phase."""
        wanted = "session" if "session" in self.session_names else min(self.session_names)
        if len(self.session_names) > 1 and wanted != "session":
            wanted = "session"
        for name in self.session_names:
            others = [o for _, o in self.names.uses[name] if o.kind == "write" and not self._is_construction(o.node)]
            if others or any(o.kind in ("declared", "def", "import", "walrus") for _, o in self.names.uses[name]):
                raise CannotSplit(f"`{name}` is a session and something else, too", self.function)
        if wanted not in self.session_names and wanted in self.names.everything:
            wanted = self.names.free("agent_session", "call_session")
        return wanted

    def _hoisted(self) -> dict[Cut, cst.BaseExpression]:
        """Session cut → the agent that its path starts, when every path has its agent before its session."""
        found: dict[Cut, cst.BaseExpression] = {}
        for cut, values in self.differing.items():
            for name, expression in values:
                if cut.label != "start" or name != "agent":
                    continue
                if not isinstance(expression, cst.Name) or not self._is_bound_early(expression):
                    return {}
                sessions = [i for level in self._levels_with(cut) for i in level if isinstance(i, Cut) and i.label == "session"]
                if len(sessions) != 1:
                    return {}
                found[sessions[0]] = expression
        return found

    def _levels_with(self, cut: Cut) -> list[Items]:
        levels = [self.items, *(a for i in walk(self.items) if isinstance(i, Branch) for a in i.arms)]
        levels.extend(i.body for i in walk(self.items) if isinstance(i, Guard))
        return [level for level in levels if cut in level]

    def _is_construction(self, node: cst.CSTNode) -> bool:
        line = self.module.index.enclosing(node, cst.SimpleStatementLine)
        return any(c.statement is line for c in self.constructions)

    def _state_name(self) -> str:
        """`call` if no scope that reads the state has a name `call` of its own."""
        for candidate in ("call", "state", "call_state", "call_state_2"):
            if all(not self._is_in_the_way(o) for o in self.names.of(candidate)):
                return candidate
        raise CannotSplit("every good name for the shared state is taken", self.function)

    def _is_in_the_way(self, occurrence: Occurrence) -> bool:
        if occurrence.owner is None or occurrence.owner is self.function:
            return True
        inside = {id(n) for n in descendants(getattr(occurrence.owner, "body", occurrence.owner))}
        moving = {*self.shared, *(self.session_names if self.session_is_attribute else ())}
        return any(id(o.node) in inside for name in moving for _, o in self.names.uses[name])

    def _check_free_names(self) -> None:
        for name in self.shared:
            for _, occurrence in self.names.uses[name]:
                if occurrence.kind == "delete":
                    raise CannotSplit(f"`{name}` is deleted and used in several phases", occurrence.node)

    @property
    def session_phase(self) -> int:
        return self.labels.index("session")

    @property
    def session_is_attribute(self) -> bool:
        """Whether code that runs before the session exists (a closure) speaks of it."""
        return any(
            home != MAIN and home <= self.session_phase for name in self.session_names for home in self.names.homes(name)
        )

    def _flags(self) -> dict[cst.If, str]:
        """The attribute that keeps the outcome of each branch."""
        flags: dict[cst.If, str] = {}
        taken = set(self.shared)
        for item in walk(self.items):
            if not isinstance(item, Branch):
                continue
            test = item.node.test
            if isinstance(test, cst.Name) and test.value in self.attributes and len(self._writes(test.value)) == 1:
                flags[item.node] = test.value
                continue
            name = self._flag_name(item, taken)
            taken.add(name)
            flags[item.node] = name
        return flags

    def _writes(self, name: str) -> list[int]:
        return [h for h, o in self.names.uses[name] if o.kind not in ("read", "quoted")]

    def _flag_name(self, item: Branch, taken: set[str]) -> str:
        """`outbound_session` in the first arm → `is_outbound`; else from the condition's words."""
        candidates = []
        for part in walk(item.arms[0]):
            if isinstance(part, Cut) and isinstance(part.site, Construction):
                stem = part.site.name.removesuffix("session").strip("_")
                if stem:
                    candidates.append(f"is_{stem}")
        words = [o.name for o in occurrences(item.node.test)]
        candidates.extend(f"{w}_path" for w in words[:1])
        candidates.append("first_path")
        for candidate in candidates:
            if candidate not in taken and candidate.isidentifier():
                return candidate
        number = 2
        while f"first_path_{number}" in taken:
            number += 1
        return f"first_path_{number}"

    # ---- rewriting ---------------------------------------------------------

    def edit(self, node: cst.CSTNode, home: int) -> cst.CSTNode:
        """`node` as it reads in `home`: shared names become attributes, the other edits are applied."""
        editor = _Editor(self, home)
        return cast(cst.CSTNode, node.visit(editor))

    def _code(self, node: cst.CSTNode) -> str:
        return self.module.tree.code_for_node(node)

    def reading(self, name: str, home: int) -> str | None:
        """How a name of the entrypoint reads in `home`; None: as it is."""
        if name in self.session_names:
            if home != MAIN and self.session_is_attribute:
                return f"{self.state}.{self.session}"
            return None if name == self.session else self.session
        if name not in self.attributes:
            return None
        if self.names.defined_in(name) == home:
            return None
        return self.attributes[name]

    def statement(self, home: int) -> Callable[[cst.BaseStatement], Statements]:
        def write(node: cst.BaseStatement) -> Statements:
            changed = self.edit(node, home)
            if isinstance(changed, cst.FlattenSentinel):
                found = [cast(cst.BaseStatement, n) for n in changed.nodes]
            else:
                found = [cast(cst.BaseStatement, changed)]
            found.extend(self._kept_definitions(node, home))
            return found

        return write

    def _kept_definitions(self, node: cst.BaseStatement, home: int) -> Statements:
        """`call.helper = helper` after a definition or import that other phases use."""
        kept: Statements = []
        for occurrence in occurrences(node):
            name = occurrence.name
            if occurrence.kind not in ("def", "import") or name not in self.attributes:
                continue
            if self.names.defined_in(name) is None:
                raise CannotSplit(f"`{name}` is defined in several phases", node)
            if any(o.node is occurrence.node for _, o in self.names.uses[name]):
                line = cast(cst.BaseStatement, cst.parse_statement(f"{self.attributes[name]} = {name}\n"))
                blank = [] if occurrence.kind == "import" else [cst.EmptyLine(indent=False)]
                kept.append(line.with_changes(leading_lines=blank))
        return kept

    def before_cut(self, cut: Cut) -> Statements:
        found: Statements = []
        home = self.phase[cut.site.statement] if cut.site is not None else 0
        values = [
            (cut.label, name, expression)
            for name, expression in self.differing.get(cut, ())
            if not (cut.label == "start" and name == "agent" and self.hoisted)
        ]
        if cut in self.hoisted:
            values.insert(0, ("start", "agent", self.hoisted[cut]))
        for label, name, expression in values:
            attribute = self.attribute_for(label, name)
            value = cast(cst.BaseExpression, self.edit(expression, home))
            value = self._outdented(expression, value)
            target = cast(cst.Attribute, cst.parse_expression(attribute))
            if value.deep_equals(target):
                continue
            found.append(cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(target)], value)]))
        return found

    def _outdented(self, legacy: cst.BaseExpression, value: cst.BaseExpression) -> cst.BaseExpression:
        """An argument's value as a statement's: the lines inside it move left with it."""
        arg = self.module.index.parents.get(legacy)
        call = self.module.index.parents.get(arg) if arg is not None else None
        if not isinstance(call, cst.Call):
            return value
        spaces = [call.whitespace_before_args, *(a.comma.whitespace_after for a in call.args if isinstance(a.comma, cst.Comma))]
        first = next((w for w in spaces if isinstance(w, cst.ParenthesizedWhitespace)), None)
        if first is None or not first.last_line.value:
            return value
        return cast(cst.BaseExpression, value.visit(_Outdent(first.last_line.value)))

    def attribute_for(self, label: str, name: str) -> str:
        """Where a keyword's value is kept that paths give differently."""
        same = [
            isinstance(e, cst.Name) and e.value == name
            for cut, values in self.differing.items()
            for n, e in values
            if n == name and cut.label == label
        ]
        if name in self.names.uses and not (any(same) and name in self.shared and self._bound_only_there(label, name)):
            return f"{self.state}.{label}_{name}"
        return f"{self.state}.{name}"

    def _bound_only_there(self, label: str, name: str) -> bool:
        """Whether `name` is only bound on paths that give it under its own keyword."""
        others = [
            cut
            for cut, values in self.differing.items()
            if cut.label == label
            and any(n == name and not (isinstance(e, cst.Name) and e.value == name) for n, e in values)
        ]
        for cut in others:
            arm = next((a for b in walk(self.items) if isinstance(b, Branch) for a in b.arms if cut in tuple(walk(a))), None)
            if arm is None:
                return False
            inside = {id(o.node) for i in walk(arm) if hasattr(i, "node") for o in occurrences(i.node)}
            if any(id(o.node) in inside for _, o in self.names.uses[name]):
                return False
            before = [i for i in self.items if not isinstance(i, (Branch, Cut, Guard))]
            common = {id(o.node) for i in before for o in occurrences(i.node)}  # type: ignore[union-attr]
            if not ends_in(arm) and any(id(o.node) in common for _, o in self.names.uses[name]):
                return False
        return True

    # ---- results -----------------------------------------------------------

    def result(self) -> SplitEntrypoint:
        self._share_same_named()
        phases: list[PhaseFunction] = []
        taken: set[str] = set()
        for number in range(self.last + 1):
            body = self._body(number)
            if not body:
                continue
            phases.append(self._function(number, body, taken))
        fields = state_fields(self.project, self.module, self.names, self._fields(), self._true_flags())
        return SplitEntrypoint(
            self.state,
            fields,
            tuple(phases),
            self.items,
            self._session_call("session", self.constructions),
            self._session_call("start", self.starts),
            self.parameter,
            self.session_is_attribute,
            bool(self._fields()),
            self._agent_is_ready(),
            self.replaced,
            (*self.cuts, *self.flags, *(i.node for i in walk(self.items) if isinstance(i, Guard))),
            self.edit,
        )

    def _agent_is_ready(self) -> bool:
        """Whether the agent that is started exists before the session does."""
        if any(name == "agent" for cut, values in self.differing.items() if cut.label == "start" for name, _ in values):
            return bool(self.hoisted)
        arg = next((a for a in self.starts[0].call.args if a.keyword is not None and a.keyword.value == "agent"), None)
        return arg is not None and isinstance(arg.value, cst.Name) and self._is_bound_early(arg.value)

    def _is_bound_early(self, name: cst.Name) -> bool:
        bound = self.names.bound_in(name.value)
        return bool(bound) and all(0 <= home <= self.session_phase for home in bound)

    def _share_same_named(self) -> None:
        """`stt=stt` on one path: the name itself becomes the attribute that main.py reads."""
        for cut, values in self.differing.items():
            for name, expression in values:
                if isinstance(expression, cst.Name) and expression.value == name and name not in self.attributes:
                    if name in self.names.uses and name != self.parameter and self._bound_only_there(cut.label, name):
                        self.shared.append(name)
                        self.attributes[name] = f"{self.state}.{name}"

    def _true_flags(self) -> frozenset[str]:
        """Flags that hold a comparison or negation, so surely a bool."""
        sure = (cst.Comparison, cst.UnaryOperation)
        return frozenset(f for node, f in self.flags.items() if isinstance(node.test, sure) and f not in self.shared)

    def _fields(self) -> list[str]:
        found = list(self.shared)
        for flag in self.flags.values():
            if flag not in found:
                found.append(flag)
        for cut, values in self.differing.items():
            for name, _ in values:
                attribute = self.attribute_for(cut.label, name).partition(".")[2]
                if attribute not in found:
                    found.append(attribute)
        if self.session_is_attribute:
            found.append(self.session)
        order = {n: i for i, n in enumerate(self.names.uses)}
        return sorted(found, key=lambda n: order.get(n, len(order)))

    def _body(self, number: int) -> Statements:
        def flag(branch: Branch) -> cst.BaseExpression:
            return cst.parse_expression(f"{self.state}.{self.flags[branch.node]}")

        def test(branch: Branch) -> cst.BaseExpression:
            return cast(cst.BaseExpression, self.edit(branch.node.test, self.phase[branch.node]))

        write = Writer(self.statement(number), self.before_cut, test, flag)
        return phase_body(self.items, number, self.last, write)

    def _function(self, number: int, body: Statements, taken: set[str]) -> PhaseFunction:
        answering = number != self.last and answers(body)
        if answering and not (isinstance(body[-1], cst.SimpleStatementLine) and isinstance(body[-1].body[-1], cst.Return)):
            body = [*body, cst.SimpleStatementLine([cst.Return(cst.Name("True"))])]
        if not answering:
            body = [_bare_returns(s) for s in body]
        label = self._label(number, body)
        name = label
        suffix = 2
        while name in taken or name in self.names.everything or name in self.module.definitions:
            name = f"{label}_{suffix}"
            suffix += 1
        taken.add(name)
        asynchronous = is_async(body)
        used = {o.name for s in body for o in occurrences(s)}
        arguments = [a for a in (self.parameter, self.state) if a in used]
        if number > self.session_phase and not self.session_is_attribute and self.session in used:
            arguments.append(self.session)
        types = {self.parameter: "JobContext", self.state: "CallState", self.session: "AgentSession"}
        params = ", ".join(f"{a}: {types[a]}" for a in arguments)
        text = f"{'async ' if asynchronous else ''}def {name}({params}) -> {'bool' if answering else 'None'}:\n    pass\n"
        node = cst.ensure_type(cst.parse_statement(text), cst.FunctionDef)
        first = without_opening_blanks(body[0])
        doc = cst.parse_statement(f'"""{_DOCS[label]}{_ANSWER if answering else ""}"""\n')
        node = node.with_changes(body=cst.IndentedBlock([doc, first, *body[1:]]))
        return PhaseFunction(number, label, name, node, answering, asynchronous, tuple(arguments))

    def _label(self, number: int, body: Statements) -> str:
        if number == self.last:
            return "after_start"
        position = self.labels[:number]
        ahead = self.labels[number:]
        if "start" in position:
            return "after_start"
        if "session" in position:
            text = cst.Module(body=body).code
            return "add_handlers" if ".on(" in text or "add_shutdown_callback" in text else "before_start"
        if position and position[-1] == "models":
            return "choose_models"
        if position and position[-1] == "agent" and ahead:
            return "choose_agent"
        return "prepare_call"

    def _session_call(self, label: str, sites: Sequence[Construction | Start]) -> SessionCall:
        first = sites[0]
        arguments: list[str] = []
        if len(sites) == 1:
            arguments = [self._argument(a) for a in first.call.args]
        else:
            differing = {n for cut, values in self.differing.items() if cut.label == label for n, _ in values}
            for name in self.merged[label]:
                if name in differing:
                    arguments.append(f"{name}={self.attribute_for(label, name)}")
                else:
                    arg = next(a for a in first.call.args if a.keyword is not None and a.keyword.value == name)
                    arguments.append(self._argument(arg))
        comments = [c for site in sites for c in _comments(site.statement)]
        small = first.statement.body[0]
        value = getattr(small, "value", None)
        annotation = self._code(small.annotation.annotation) if isinstance(small, cst.AnnAssign) else ""
        func = self._code(self.edit(first.call.func, MAIN))
        return SessionCall(
            self.session, func, tuple(arguments), tuple(comments), annotation, isinstance(value, cst.Await)
        )

    def _argument(self, arg: cst.Arg) -> str:
        value = self._code(self.edit(arg.value, MAIN)).strip()
        return f"{arg.keyword.value}={value}" if arg.keyword is not None else f"{arg.star}{value}"


#: Parameters of `AgentSession(...)` and `.start(...)` whose default is not NOT_GIVEN; signatures of livekit-agents 1.8.9.
_DEFAULTS = {
    "max_tool_steps": "3",
    "min_consecutive_speech_delay": "0.0",
    "expressive": "False",
    "ivr_detection": "False",
    "user_away_timeout": "15.0",
    "transcription_timeout": "None",
    "session_close_transcript_timeout": "2.0",
    "loop": "None",
    "capture_run": "False",
}
_NOT_GIVEN = frozenset(
    """stt vad llm tts turn_handling stt_context_options tools tool_handling use_tts_aligned_transcript
    tts_text_transforms userdata video_sampler aec_warmup_duration conn_options preemptive_generation
    min_endpointing_delay max_endpointing_delay false_interruption_timeout turn_detection
    discard_audio_if_uninterruptible min_interruption_duration min_interruption_words allow_interruptions
    resume_false_interruption agent_false_interruption_timeout mcp_servers keyterms_options
    room room_options session_host record room_input_options room_output_options""".split()
)


def _default(name: str, site: Construction | Start) -> cst.BaseExpression:
    """What a path that doesn't give `name` would get."""
    if name in _DEFAULTS:
        return cst.parse_expression(_DEFAULTS[name])
    if name in _NOT_GIVEN:
        return cst.Name("NOT_GIVEN")
    raise CannotSplit(f"only one path gives `{name}=`, whose default is unknown", site.statement)


_DOCS = {
    "prepare_call": "What is done before the models are chosen and the session is made.",
    "choose_models": "The models and voices of this call.",
    "choose_agent": "Who answers, and how the session is set up.",
    "add_handlers": "Event handlers and shutdown callbacks; the session is there, but has not started.",
    "before_start": "What is done between making the session and starting it.",
    "after_start": "What follows once the session runs.",
}
_ANSWER = " False: the call is over."


def ends_in(arm: Items) -> bool:
    from lk_migrate.entrypoint.spine import ends

    return ends(arm)


def _comments(node: cst.CSTNode) -> list[str]:
    """Every comment of a statement, those above it first."""
    from lk_migrate.facts.comments import comments_of

    return comments_of(node)


def _bare_returns(statement: cst.BaseStatement) -> cst.BaseStatement:
    """Without an answer to give, `return True` is `return`."""
    return cast(cst.BaseStatement, statement.visit(_Bare()))


class _Outdent(cst.CSTTransformer):
    def __init__(self, by: str) -> None:
        super().__init__()
        self.by = by

    def leave_ParenthesizedWhitespace(
        self, original_node: cst.ParenthesizedWhitespace, updated_node: cst.ParenthesizedWhitespace
    ) -> cst.ParenthesizedWhitespace:
        lines = [e.with_changes(whitespace=self._less(e.whitespace)) for e in updated_node.empty_lines]
        return updated_node.with_changes(last_line=self._less(updated_node.last_line), empty_lines=lines)

    def _less(self, space: cst.SimpleWhitespace) -> cst.SimpleWhitespace:
        return space.with_changes(value=space.value.removeprefix(self.by))


class _Bare(cst.CSTTransformer):
    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        return False

    def leave_Return(self, original_node: cst.Return, updated_node: cst.Return) -> cst.Return:
        value = updated_node.value
        if isinstance(value, cst.Name) and value.value == "True":
            return cst.Return()
        return updated_node


class _Editor(cst.CSTTransformer):
    """Applies the renames of one home and the edits that hold everywhere."""

    def __init__(self, splitter: _Splitter, home: int) -> None:
        super().__init__()
        self.splitter, self.home = splitter, home
        self.reads: dict[cst.CSTNode, str] = {}
        for name, uses in splitter.names.uses.items():
            reading = splitter.reading(name, home)
            if reading is None:
                continue
            for _, occurrence in uses:
                self.reads[occurrence.node] = reading

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        return True

    def on_leave(self, original_node: cst.CSTNode, updated_node: Any) -> Any:
        if isinstance(original_node, cst.Name) and original_node in self.reads:
            reading = self.reads[original_node]
            self.splitter.replaced.append((original_node, f"`{original_node.value}` reads `{reading}`"))
            updated_node = cst.parse_expression(reading).with_changes(lpar=updated_node.lpar, rpar=updated_node.rpar)
        elif isinstance(original_node, cst.Nonlocal):
            updated_node = self._nonlocal(original_node, updated_node)
        elif isinstance(original_node, cst.AnnAssign) and not isinstance(updated_node.target, cst.Name):
            if isinstance(original_node.target, cst.Name):
                updated_node = self._unannotated(original_node, updated_node)
        edit = self.splitter.edits.get(original_node)
        if edit is not None:
            updated_node = edit(updated_node)
        if isinstance(updated_node, cst.IndentedBlock):
            return _filled(close_gaps(updated_node))
        return updated_node

    def _nonlocal(self, original: cst.Nonlocal, updated: cst.Nonlocal) -> Any:
        kept = [
            item
            for item, new in zip(original.names, updated.names, strict=True)
            if item not in self.reads and isinstance(new.name, cst.Name)
        ]
        if len(kept) == len(original.names):
            return updated
        self.splitter.replaced.append((original, "the names are attributes of the shared state"))
        if not kept:
            return cst.RemoveFromParent()
        kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return updated.with_changes(names=kept)

    def _unannotated(self, original: cst.AnnAssign, updated: cst.AnnAssign) -> Any:
        self.splitter.replaced.append((original, "the annotation stands in the shared state's class"))
        if updated.value is None:
            return cst.RemoveFromParent()
        return cst.Assign([cst.AssignTarget(updated.target)], updated.value)


def _filled(block: Any) -> Any:
    if block.body:
        return block
    return block.with_changes(body=[cst.SimpleStatementLine([cst.Pass()])])


__all__ = ["PhaseFunction", "SessionCall", "SplitEntrypoint", "replace", "split_entrypoint"]

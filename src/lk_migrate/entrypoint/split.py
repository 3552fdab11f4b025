"""The entrypoint, taken apart: the phases as functions, the state they share, and what main.py calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import libcst as cst

from lk_migrate.entrypoint.editor import Changed, Editor, Edits, outdented, renames
from lk_migrate.entrypoint.merging import merge, name_attributes, place_early
from lk_migrate.entrypoint.models import marked_models
from lk_migrate.entrypoint.names import MAIN, Names, read_names, shared_names
from lk_migrate.entrypoint.phases import PhaseFunction, Statements, Writer, phase_body, phase_function
from lk_migrate.entrypoint.spine import Branch, CannotSplit, Cut, Guard, Items, labels, phases_of, read_spine, walk
from lk_migrate.entrypoint.statefields import STATE_TYPES, state_fields
from lk_migrate.facts.comments import comments_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.scopes import Occurrence, occurrences
from lk_migrate.facts.sessions import Construction, Sessions, Start
from lk_migrate.facts.walk import descendants
from lk_migrate.rewrite.arguments import keyword, of_call


@dataclass(frozen=True)
class SiteCall:
    """The one construction or start that main.py has. An argument is its text, with the keyword.

    `remarks`: the comments behind arguments; `comments`: the others, which stand above.
    """

    func: str
    is_session: bool
    arguments: tuple[str, ...]
    comments: tuple[str, ...]
    remarks: Mapping[str, str]
    annotation: str = ""
    is_awaited: bool = False


@dataclass(frozen=True)
class SplitEntrypoint:
    """What main.py and the flow module are written from.

    `state`: the name of the shared state; `state_class` is None when nothing is shared. `session`: its name in
    main.py and in every phase. `agent_is_ready`: the agent that is started exists before the session does.
    `changed`: legacy nodes that read differently, and how; `spine`: legacy statements that stand once in main.py.
    """

    state: str
    state_class: cst.ClassDef | None
    session: str
    session_is_attribute: bool
    agent_is_ready: bool
    items: Items
    phases: tuple[PhaseFunction, ...]
    construct: SiteCall
    start: SiteCall
    spine: tuple[cst.CSTNode, ...]
    changed: Changed = field(repr=False)
    in_main: Callable[[cst.CSTNode], cst.CSTNode] = field(repr=False)


def split_entrypoint(
    project: Project, module: Module, function: cst.FunctionDef, sessions: Sessions, edits: Edits
) -> SplitEntrypoint:
    """Raises `CannotSplit` when the phases cannot be told apart safely."""
    return _Splitter(project, module, function, sessions, edits).result()


class _Splitter:
    """Facts first, in `__init__`; then `result` writes."""

    def __init__(
        self, project: Project, module: Module, function: cst.FunctionDef, sessions: Sessions, edits: Edits
    ) -> None:
        self.project, self.module, self.function, self.edits = project, module, function, edits
        self.parameter = _only_parameter(function)
        self.items = marked_models(project, module, read_spine(function, sessions))
        self.labels = labels(self.items)
        if self.labels.count("session") != 1 or self.labels.count("start") != 1:
            raise CannotSplit("one path makes or starts more than one session", function)
        self.last = len(self.labels)
        self.session_phase = self.labels.index("session")
        self.phases = phases_of(self.items)
        self.cuts = [i for i in walk(self.items) if isinstance(i, Cut)]
        self.sites = [c for c in self.cuts if c.site is not None]
        self.merged = merge(self.sites, self.code)
        self.names = self._names()
        self.session_names = self._session_names()
        self.session = self._session_name()
        self.shared = self._shared()
        self.state = self._state_name()
        self.state_type = self._state_type()
        self.attributes = {n: f"{self.state}.{n}" for n in self.shared}
        self.flags = self._flags()
        self.changed: Changed = []
        self.editors: dict[int, Editor] = {}

    # ---- facts -------------------------------------------------------------

    def code(self, node: cst.CSTNode) -> str:
        return self.module.tree.code_for_node(node)

    def _cut_phase(self, cut: Cut) -> int:
        """The phase that `cut` ends."""
        return self.labels.index(cut.label)

    def _names(self) -> Names:
        """Statements and tests live in their phase, cuts in main.py, differing arguments where they are set."""
        homes = dict(self.phases)
        homes.update((c.site.statement, MAIN) for c in self.sites if c.site is not None)
        homes.update((i.node, MAIN) for i in walk(self.items) if isinstance(i, Guard))
        found = occurrences(self.function)
        homes.update(self.merged.homes(self._cut_phase))
        names = read_names(self.module, self.function, found, homes)
        place_early(self.merged, self.items, names, self._cut_phase)
        homes.update(self.merged.homes(self._cut_phase))
        return read_names(self.module, self.function, found, homes)

    def _session_names(self) -> frozenset[str]:
        constructions = [c.site for c in self.sites if isinstance(c.site, Construction)]
        names = frozenset(c.name for c in constructions)
        if {c.site.name for c in self.sites if c.site is not None} - names:
            raise CannotSplit("a session is started that the entrypoint did not make", self.function)
        lines = {c.statement for c in constructions}
        for name in names:
            for _, use in self.names.uses[name]:
                is_own = self.module.index.enclosing(use.node, cst.SimpleStatementLine) in lines
                if use.kind not in ("read", "quoted") and not (use.kind == "write" and is_own):
                    raise CannotSplit(f"`{name}` is a session and something else, too", use.node)
        return names

    def _session_name(self) -> str:
        """One name for the session in main.py and in every phase."""
        if len(self.session_names) == 1:
            return min(self.session_names)
        taken = self.names.everything - self.session_names
        return next(n for n in ("session", "agent_session", "call_session", "the_session") if n not in taken)

    @property
    def session_is_attribute(self) -> bool:
        """Whether code that runs before the session exists (a closure) speaks of it."""
        homes = {home for name in self.session_names for home in self.names.homes(name)}
        return any(home != MAIN and home <= self.session_phase for home in homes)

    def _shared(self) -> list[str]:
        parameters = frozenset({self.parameter})
        found = [n for n in shared_names(self.names, parameters) if n not in self.session_names]
        own = name_attributes(self.merged, self.items, self.names)
        found.extend(n for n in own if n not in found)
        for name in found:
            for _, occurrence in self.names.uses[name]:
                if occurrence.kind == "delete":
                    raise CannotSplit(f"`{name}` is deleted and used in several phases", occurrence.node)
        return found

    def _state_name(self) -> str:
        """`call`, if no scope that reads the state has a `call` of its own."""
        for candidate in ("call", "state", "call_state"):
            if not any(self._is_in_the_way(o) for o in self.names.of(candidate)):
                return candidate
        raise CannotSplit("every good name for the shared state is taken", self.function)

    def _state_type(self) -> str:
        """`CallState`, if the module has no `CallState` of its own."""
        taken = {*self.names.everything, *self.module.definitions, *(i.local for i in self.module.imports)}
        for name in STATE_TYPES:
            if name not in taken:
                return name
        raise CannotSplit("every good name for the class of the shared state is taken", self.function)

    def _is_in_the_way(self, occurrence: Occurrence) -> bool:
        if occurrence.owner is None or occurrence.owner is self.function:
            return True
        inside = {id(n) for n in descendants(getattr(occurrence.owner, "body", occurrence.owner))}
        moving = {*self.shared, *(self.session_names if self.session_is_attribute else ())}
        return any(id(o.node) in inside for name in moving for _, o in self.names.uses[name])

    def _flags(self) -> dict[cst.If, str]:
        """The attribute that keeps the outcome of each branch."""
        flags: dict[cst.If, str] = {}
        taken = {*self.shared, *(d.attribute for d in self.merged.differing)}
        for item in walk(self.items):
            if not isinstance(item, Branch):
                continue
            test = item.node.test
            if isinstance(test, cst.Name) and test.value in self.attributes and self.names.writes(test.value) == 1:
                flags[item.node] = test.value
            else:
                flags[item.node] = _flag_name(item, taken)
                taken.add(flags[item.node])
        return flags

    def fields(self) -> list[str]:
        """The attributes of the state, in the order in which the legacy entrypoint spoke of them."""
        found = dict.fromkeys([*self.shared, *self.flags.values(), *(d.attribute for d in self.merged.differing)])
        if self.session_is_attribute:
            found[self.session] = None
        order = {n: i for i, n in enumerate(self.names.uses)}
        return sorted(found, key=lambda n: order.get(n, len(order)))

    # ---- writing -----------------------------------------------------------

    def edit(self, node: cst.CSTNode, home: int) -> cst.CSTNode:
        """`node` as it reads in `home`."""
        if home not in self.editors:
            reads = renames(self.names, lambda name: self.reading(name, home))
            self.editors[home] = Editor(reads, self.edits, self.module.index, self.changed)
        return cast(cst.CSTNode, self.editors[home].edit(node))

    def reading(self, name: str, home: int) -> str | None:
        """How a name of the entrypoint reads in `home`; None: as it is."""
        if name in self.session_names:
            if home != MAIN and self.session_is_attribute:
                return f"{self.state}.{self.session}"
            return None if name == self.session else self.session
        if name not in self.attributes or self.names.defined_in(name) == home:
            return None
        return self.attributes[name]

    def _statement(self, home: int) -> Callable[[cst.BaseStatement], Statements]:
        def write(node: cst.BaseStatement) -> Statements:
            changed = self.edit(node, home)
            parts = changed.nodes if isinstance(changed, cst.FlattenSentinel) else [changed]
            found = [cast(cst.BaseStatement, p) for p in parts if not isinstance(p, cst.RemovalSentinel)]
            return [*found, *self._kept_definitions(node)]

        return write

    def _kept_definitions(self, node: cst.BaseStatement) -> Statements:
        """`call.helper = helper` after a definition or import that other phases use."""
        kept: Statements = []
        for name in self.attributes:
            for _, use in self.names.uses[name]:
                if use.kind not in ("def", "import") or not (use.node is node or self._holds(node, use.node)):
                    continue
                if self.names.defined_in(name) is None:
                    raise CannotSplit(f"`{name}` is defined in several places", node)
                line = cst.parse_statement(f"{self.attributes[name]} = {name}\n")
                blank = [] if use.kind == "import" else [cst.EmptyLine(indent=False)]
                kept.append(cast(cst.BaseStatement, line.with_changes(leading_lines=blank)))
        return kept

    def _holds(self, statement: cst.CSTNode, node: cst.CSTNode) -> bool:
        return any(a is statement for a in self.module.index.ancestors(node))

    def _before_cut(self, cut: Cut) -> Statements:
        found: Statements = []
        for differing, expression in self.merged.at(cut):
            value = cast(cst.BaseExpression, self.edit(expression, self._cut_phase(cut)))
            arg = self.module.index.parents.get(expression)
            call = self.module.index.parents.get(arg) if arg is not None else None
            if isinstance(call, cst.Call):
                value = outdented(call, value)
            target = cst.ensure_type(cst.parse_expression(f"{self.state}.{differing.attribute}"), cst.Attribute)
            if not value.deep_equals(target):
                found.append(cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(target)], value)]))
        return found

    def _writer(self, number: int) -> Writer:
        def flag(branch: Branch) -> cst.BaseExpression:
            return cst.parse_expression(f"{self.state}.{self.flags[branch.node]}")

        def test(branch: Branch) -> cst.BaseExpression:
            return cast(cst.BaseExpression, self.edit(branch.node.test, self.phases[branch.node]))

        return Writer(self._statement(number), self._before_cut, test, flag)

    # ---- results -----------------------------------------------------------

    def result(self) -> SplitEntrypoint:
        found: list[PhaseFunction] = []
        taken = self.names.everything | set(self.module.definitions)
        types = {self.parameter: "JobContext", self.state: self.state_type, self.session: "AgentSession"}
        for number in range(self.last + 1):
            body = phase_body(self.items, number, self.last, self._writer(number))
            if not body:
                continue
            given = dict(types)
            if number <= self.session_phase or self.session_is_attribute:
                del given[self.session]
            phase = phase_function(number, self.labels, body, taken, given)
            taken |= {phase.name}
            found.append(phase)
        fields = self.fields()
        sure = frozenset(f for n, f in self.flags.items() if f not in self.shared and _is_bool(n.test))
        state_class = None
        if fields:
            state_class = state_fields(self.project, self.module, self.names, fields, sure, self.state_type)
        guards = [i.node for i in walk(self.items) if isinstance(i, Guard)]
        return SplitEntrypoint(
            self.state,
            state_class,
            self.session,
            self.session_is_attribute,
            self._agent_is_ready(),
            self.items,
            tuple(found),
            self._site_call("session"),
            self._site_call("start"),
            (*(c.site.statement for c in self.sites if c.site is not None), *self.flags, *guards),
            self.changed,
            lambda node: self.edit(node, MAIN),
        )

    def _agent_is_ready(self) -> bool:
        differing = self.merged.find("start", "agent")
        if differing is not None:
            return all(place.label == "session" for place in differing.places.values())
        start = next(c.site for c in self.sites if c.label == "start" and c.site is not None)
        value = next((a.value for a in start.call.args if a.keyword and a.keyword.value == "agent"), None)
        if not isinstance(value, cst.Name):
            return False
        bound = self.names.bound_in(value.value)
        return bool(bound) and all(0 <= home <= self.session_phase for home in bound)

    def _site_call(self, label: str) -> SiteCall:
        sites = [c.site for c in self.sites if c.label == label and c.site is not None]
        first = sites[0]
        arguments: list[str] = []
        remarks: dict[str, str] = {}
        behind = {keyword(a): of_call(first.call).comments(i).behind for i, a in enumerate(first.call.args)}
        if len(sites) == 1:
            arguments = [self._argument(a) for a in first.call.args]
            remarks = {text: behind[keyword(a)] for text, a in zip(arguments, first.call.args, strict=True)}
        for name in self.merged.order[label]:
            differing = self.merged.find(label, name)
            if differing is not None:
                arguments.append(f"{name}={self.state}.{differing.attribute}")
            else:
                same = next(a for a in first.call.args if (keyword(a) or f"{a.star}{self.code(a.value)}") == name)
                arguments.append(self._argument(same))
                remarks[arguments[-1]] = behind[keyword(same)]
        remarks = {text: comment for text, comment in remarks.items() if comment}
        comments = [c for site in sites for c in _own_comments(site)]
        comments = [c for c in comments if c not in remarks.values()]
        small = first.statement.body[0]
        return SiteCall(
            self.code(self.edit(first.call.func, MAIN)),
            isinstance(first, Construction) and first.is_literal,
            tuple(arguments),
            tuple(comments),
            remarks,
            self.code(small.annotation.annotation) if isinstance(small, cst.AnnAssign) else "",
            isinstance(getattr(small, "value", None), cst.Await),
        )

    def _argument(self, arg: cst.Arg) -> str:
        value = self.code(self.edit(arg.value, MAIN)).strip()
        return f"{arg.keyword.value}={value}" if arg.keyword is not None else f"{arg.star}{value}"


def _own_comments(site: Construction | Start) -> list[str]:
    """The comments of a construction or start that do not go with the value of an argument."""
    found = comments_of(site.statement)
    for arg in site.call.args:
        for comment in comments_of(arg.value):
            found.remove(comment)
    return found


def _only_parameter(function: cst.FunctionDef) -> str:
    params = function.params
    if len(params.params) != 1 or params.star_kwarg or params.kwonly_params or params.posonly_params:
        raise CannotSplit("the entrypoint takes other parameters than the job context", function)
    return params.params[0].name.value


def _flag_name(item: Branch, taken: set[str]) -> str:
    """`outbound_session` in the first arm → `is_outbound`; else from the condition's words."""
    candidates = []
    for part in walk(item.arms[0]):
        if isinstance(part, Cut) and isinstance(part.site, Construction):
            stem = part.site.name.removesuffix("session").strip("_")
            candidates.extend([f"is_{stem}"] if stem else [])
    candidates.extend(f"{o.name}_path" for o in occurrences(item.node.test)[:1])
    candidates.extend(["first_path", *(f"first_path_{n}" for n in range(2, 100))])
    return next(c for c in candidates if c not in taken)


def _is_bool(test: cst.BaseExpression) -> bool:
    """Whether a condition is surely a bool, and not just true or false."""
    return isinstance(test, cst.Comparison) or (
        isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not)
    )

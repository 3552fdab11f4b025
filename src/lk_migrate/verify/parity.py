"""Stage *parity*: the old code and the new, side by side, in the same conversations.

Each side is a process of its own with the clock, randomness and network pinned (child/side.py, child/pins.py). After
each tool call, what was returned, raised and kept is compared. What a turn gate refused in the old code is expected
to differ: rule LK101 takes it away, and the session limits calls instead.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lk_migrate.model import Place
from lk_migrate.verify.context import Clock, Context
from lk_migrate.verify.conversations import Conversation, Offer, conversations, said, shortest
from lk_migrate.verify.rows import Row, Status
from lk_migrate.verify.sides import Impossible, Side, side
from lk_migrate.verify.standin.script import Script
from lk_migrate.verify.standin.server import serve
from lk_migrate.verify.workspace import copy_project, python_files

STAGE = "parity"

_GENERATED = 40  # conversations, besides the plain ones
_FAILINGS = 60  # collaborators that are made to fail, each by one kind of error
_OWN_ERRORS = 2  # of the project's exceptions, tried on a collaborator beside the general ones
#: What a collaborator raises: what only `except Exception` catches, and what networks and disks raise.
_ERRORS = ("CollaboratorFailed", "OSError")
Outcome = dict[str, Any]
Failing = tuple[str, str]  # a collaborator's name, and the name of the exception that it raises


@dataclass(frozen=True)
class Difference:
    """Where two runs of a conversation part: at which step, in what, and what each side has."""

    step: int
    what: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Gates:
    """The old code's turn gates: their functions' names, and what those keep on the instance, or are kept as.

    `allowing`: the functions whose answer is true where they let a call through, as `limiter.allow()` is.
    `classes`: those whose objects are gates; `records`: those whose objects hold a gate's `state` among other things.
    """

    names: frozenset[str]
    state: frozenset[str]
    classes: frozenset[str] = frozenset()
    records: frozenset[str] = frozenset()
    allowing: frozenset[str] = frozenset()

    def without(self, kept: Any) -> Any:
        """What is kept, less what only a gate needs, however deep in it that is."""
        if isinstance(kept, list):
            return [self.without(one) for one in kept]
        if not isinstance(kept, dict):
            return kept
        own = self.state if kept.get("(class)") in self.records else frozenset()
        return {k: self.without(v) for k, v in kept.items() if k not in own and not self._is_gate(v)}

    def _is_gate(self, kept: Any) -> bool:
        return isinstance(kept, dict) and kept.get("(class)") in self.classes


def _gates(root: Path) -> Gates:
    from lk_migrate.facts.gate_candidates import written
    from lk_migrate.facts.gate_holders import held_as
    from lk_migrate.facts.gate_records import keys_of
    from lk_migrate.facts.gates import find_gates
    from lk_migrate.facts.project import Project

    files = {file: (root / file).read_bytes() for file in python_files(root)}
    found = find_gates(Project(files)).all
    kept = {name.rpartition(".")[2] for gate in found for name in written(gate.counter)}
    kept |= {name for gate in found for name in held_as(gate)}
    kept |= {f"userdata.{key}" for gate in found for key in keys_of(gate)}
    apart = {g.owner.name.value for g in found if g.owner is not None and all(x.owner is not g.owner for x in g.guards)}
    records = {record.name.value for gate in found for record in gate.trial.records}
    allowing = {gate.name for gate in found if gate.trial.passes}
    names = frozenset(gate.name for gate in found)
    return Gates(names, frozenset(kept), frozenset(apart), frozenset(records - apart), frozenset(allowing))


@dataclass(frozen=True)
class Sides:
    """The two processes, what is known of the old code, and how a person calls that."""

    old: Side
    new: Side
    clock: Clock
    gates: Gates
    origin: str


@dataclass
class Pair:
    """Both sides with one class on them. `source`: all of the new code."""

    sides: Sides
    about: dict[str, Any]
    source: str
    refusals: set[str] = field(default_factory=set)
    lacking: set[str] = field(default_factory=set)
    offered: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    steps: int = 0
    raised: int = 0
    calls: dict[str, set[str]] = field(default_factory=dict)  # the collaborators that a conversation reaches
    errors: dict[str, list[str]] = field(default_factory=dict)  # collaborator → what it may raise of the project's own

    def play(self, talks: list[Conversation], failing: Failing | None = None) -> Iterator[Difference | None]:
        """For each conversation, its first difference."""
        methods = {tool["name"]: tool["method"] for tool in self.about["tools"]}
        gates = [[name, name in self.sides.gates.allowing] for name in sorted(self.sides.gates.names)]
        job = {"methods": methods, "gates": gates, "failing": failing}
        if gates:
            old, new = self._until_refused(talks, job)
        else:
            old, new = self._both("converse", conversations=talks, **job)
        if failing is None:
            self.lacking, self.offered = set(old["lacking"]), old["offered"]
            self.errors.update(old["errors"])
        for talk, before, after in zip(talks, old["conversations"], new["conversations"], strict=True):
            if failing is None:
                self.calls[_key(talk)] = _called(before) & _called(after)
            yield self._compare(before, after)

    def entering(self) -> tuple[Any, Any]:
        """What both say when they enter; None for one that has no hook for it."""
        old, new = self._both("enter")
        return old["speaks"], new["speaks"]

    def _both(self, do: str, **job: Any) -> tuple[Any, Any]:
        numbers = [(side, self._tell(side, do, job)) for side in (self.sides.old, self.sides.new)]
        old, new = (self._answer(side, number) for side, number in numbers)
        return old, new

    def _until_refused(self, talks: list[Conversation], job: dict[str, Any]) -> tuple[Any, Any]:
        """The new code does not do what a gate refused in the old: what they keep in their modules would differ."""
        old = self._answer(self.sides.old, self._tell(self.sides.old, "converse", {"conversations": talks, **job}))
        refused = [next((i for i, o in enumerate(told) if "refused_by" in o), None) for told in old["conversations"]]
        shorter = [talk if at is None else talk[: at - 1] for talk, at in zip(talks, refused, strict=True)]
        new = self._answer(self.sides.new, self._tell(self.sides.new, "converse", {"conversations": shorter, **job}))
        old["conversations"] = [
            o[: len(n) + 1] for o, n in zip(old["conversations"], new["conversations"], strict=True)
        ]
        new["conversations"] = [
            n if at is None else [*n, {"called": []}] for n, at in zip(new["conversations"], refused, strict=True)
        ]
        return old, new

    def _tell(self, side: Side, do: str, job: dict[str, Any]) -> int:
        return side.tell(do, **{"class": self.about, **job})

    def _answer(self, side: Side, number: int) -> Any:
        try:
            return side.answer(number, self.sides.clock)
        except Impossible as error:
            raise Impossible(self._why(error)) from error

    def _why(self, error: Impossible) -> str:
        text = str(error)
        hint = ""
        if "ModuleNotFoundError" in text or "ImportError" in text:
            hint = "; it would need the packages of its own edition, which do not go together with today's"
        return f"the old {self.about['name']} cannot be run alone: {text}{hint}"

    def _compare(self, old: list[Outcome], new: list[Outcome]) -> Difference | None:
        first = set(old[0]["state"])
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            if "refused_by" in before:
                self.refusals.add(before["refused_by"])
                return None
            self.steps += number > 0
            self.raised += "raised" in before
            for what in ("raised", "returned"):
                if before.get(what) != after.get(what):
                    return Difference(number, what, before.get(what), after.get(what))
            difference = self._state_difference(number, before["state"], after["state"], first)
            if difference is not None:
                return difference
        return None

    def _state_difference(
        self, number: int, old: dict[str, Any], new: dict[str, Any], first: set[str]
    ) -> Difference | None:
        """What both keep must be the same, and what a tool began to keep must be kept.

        What the new code does not mention any more is the ledger's concern."""
        for name in sorted(old.keys() - self.sides.gates.state):
            if name == "instructions" and old[name] is None:  # by hand, a prompt may have had any name
                continue
            if name in new and self.sides.gates.without(old[name]) != self.sides.gates.without(new[name]):
                return Difference(number, name, old[name], new[name])
            if name in new or name in self.about["members"]:
                continue
            if name in self.source or (name not in first and not name.startswith("_")):
                return Difference(number, name, old[name], None)
        return None


def _key(talk: Conversation) -> str:
    return json.dumps(talk)


def _called(outcomes: list[Outcome]) -> set[str]:
    return {name for outcome in outcomes[1:] for name in outcome["called"]}


def run(context: Context) -> Iterator[Row]:
    """One row for each agent of the new code."""
    if context.before is None:
        yield Row(STAGE, "old code", Status.SKIPPED, context.no_before)
        return
    # Both are copies of the person's trees: in `context.workspace` other stages may have left a database's rows.
    old_root, new_root = context.before.root, context.scratch / "new" / context.root.name
    copy_project(context.root, new_root)
    with (
        serve(Script()) as server,
        side(context, "new", new_root, server) as new,
        side(context, "old", old_root, server) as old,
    ):
        context.tell("the agents of the new code")
        clock = Clock(context.timeout)
        try:
            described = new.answer(new.tell("describe", files=context.app_files, main=context.main), clock)
        except Impossible as error:
            yield Row(STAGE, "new code", Status.SKIPPED, f"nothing to compare: {error}")
            return
        if not described["agents"]:
            detail = "no agent class stands at a module's level, where it could be built and called without its session"
            yield Row(STAGE, "agents", Status.SKIPPED, detail)
            return
        gates = _gates(old_root)
        for about in described["agents"]:
            yield _agent(context, Sides(old, new, clock, gates, context.before.origin), about)


def _agent(context: Context, sides: Sides, about: dict[str, Any]) -> Row:
    begun = time.monotonic()
    context.tell(f"the conversations of {about['name']}")
    place = Place(about["path"], about["line"], about["line"])

    def row(status: Status, detail: str) -> Row:
        return Row(STAGE, about["name"], status, detail, place, time.monotonic() - begun)

    if "error" in about:
        return row(Status.SKIPPED, about["error"])
    offers = [Offer(tool["name"], tool["method"], tool["schema"]) for tool in about["tools"]]
    if not offers:
        return row(Status.SKIPPED, "it has no tools to compare")
    source = "\n".join((context.workspace / file).read_text("utf-8", "replace") for file in context.files)
    pair = Pair(sides, about, source)
    try:
        return _compared(pair, offers, row)
    except Impossible as error:
        return row(Status.SKIPPED, str(error))


def _compared(pair: Pair, offers: list[Offer], row: Callable[[Status, str], Row]) -> Row:
    origin = pair.sides.origin
    list(pair.play([()]))  # which tools the old class has
    missing = _gone(pair)
    if missing:
        added = ", ".join(sorted(pair.lacking)) or "none"
        detail = f"{origin} has the tools {', '.join(missing)}, the new code does not (new there: {added})"
        return row(Status.FAILED, detail)
    for offer in offers:
        before, after = _types(pair.offered.get(offer.name)), _types(offer.schema)
        if before != after and pair.offered.get(offer.name) is not None:
            old, new = _narrowed(before, after)
            return row(Status.FAILED, f"{offer.name} takes other arguments: in {origin} {old}, in the new code {new}")
    both = [offer for offer in offers if offer.name not in pair.lacking]
    new_names = ", ".join(offer.name for offer in offers if offer.name in pair.lacking)
    if not both:
        return row(Status.SKIPPED, f"the old {pair.about['name']} has none of its tools as methods: {new_names}")
    talks = conversations(both, _GENERATED)
    found = _first_difference(pair, talks, None)
    if found is not None:
        return row(Status.FAILED, _told(*found, origin))
    if pair.raised == pair.steps:
        detail = f"all {pair.steps} calls raise, in the old code as in the new: nothing is shown by that"
        return row(Status.SKIPPED, detail)
    before, after = pair.entering()
    if before is not None and after is not None and before != after:
        old, new = _narrowed(before, after)
        return row(Status.FAILED, f"on entering, {origin} says {old}, the new code {new}")
    calls, failings = pair.steps, _failings(pair, talks)
    for failing in failings:
        reaching = [talk for talk in talks[: len(both) + 1] if failing[0] in pair.calls[_key(talk)]]
        found = _first_difference(pair, reaching, failing)
        if found is not None:
            return row(Status.FAILED, f"when {failing[0]} raises {failing[1]}: {_told(*found, origin)}")
    detail = f"the same as in {origin} in {len(talks)} conversations, {calls} tool calls: returns, errors, state"
    if failings:
        others = len({name for name, _ in failings})
        detail += (
            f"; also when any of {others} collaborators fails" if others > 1 else f"; also when {failings[0][0]} fails"
        )
    if pair.refusals:
        gates = ", ".join(f"`{name}`" for name in sorted(pair.refusals))
        detail += f"; refusals of {gates} are expected to be gone (LK101)"
    if new_names:
        detail += f"; not compared, for the old class has no such method: {new_names}"
    return row(Status.OK, detail)


def _first_difference(
    pair: Pair, talks: list[Conversation], failing: Failing | None
) -> tuple[Conversation, Difference] | None:
    """The first difference, with the shortest conversation that shows it."""
    for talk, difference in zip(talks, pair.play(talks, failing), strict=True):
        if difference is not None:
            short = shortest(talk[: difference.step], lambda one: next(pair.play([one], failing)) is not None)
            return short, next(pair.play([short], failing)) or difference
    return None


def _failings(pair: Pair, talks: list[Conversation]) -> list[Failing]:
    """Every collaborator that both sides call in a conversation, with what it is made to raise."""
    called = set().union(*(pair.calls[_key(talk)] for talk in talks))
    names = sorted(called, key=lambda name: (name.rpartition(".")[2].startswith("_"), name))  # what is public first
    return [(name, error) for name in names for error in (*_ERRORS, *pair.errors.get(name, ())[:_OWN_ERRORS])][
        :_FAILINGS
    ]


def _gone(pair: Pair) -> list[str]:
    """Tools of the old code that the new does not offer; what takes a context there may be no tool, if it is here."""
    tools = {tool[key] for tool in pair.about["tools"] for key in ("name", "method")}
    members = tools.union(pair.about["members"], pair.sides.gates.names)
    return [name for name, schema in pair.offered.items() if name not in (members if schema is None else tools)]


def _types(schema: Any) -> Any:
    """A schema without the words."""
    if isinstance(schema, dict):
        return {key: _types(value) for key, value in schema.items() if key not in ("title", "description")}
    return [_types(one) for one in schema] if isinstance(schema, list) else schema


def _told(talk: Conversation, difference: Difference, origin: str) -> str:
    calls = "; ".join(said(talk)) or "at once"
    what = {"raised": "raises", "returned": "returns"}.get(difference.what, f"has {difference.what} =")
    old, new = _narrowed(difference.old, difference.new)
    return f"after {calls}: {origin} {what} {old}, the new code {new}"


def _narrowed(old: Any, new: Any) -> tuple[str, str]:
    """Of two nested values, the parts that differ."""
    path = ""
    while isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        key = next((key for key in old if old[key] != new[key]), None)
        if key is None:
            break
        path, old, new = f"{path}.{key}", old[key], new[key]
    prefix = f"{path} = " if path else ""
    return prefix + _short(old), prefix + _short(new)


def _short(value: Any, length: int = 120) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= length else text[: length - 1] + "…"

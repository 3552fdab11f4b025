"""Stage *parity*: the old code and the new, side by side, in the same conversations.

Each side is a process of its own with the clock, randomness and network pinned (child/side.py, child/pins.py). After
each tool call, what was returned, raised and kept is compared. What a turn gate refused in the old code is expected
to differ: rule LK101 takes it away, and the session limits calls instead.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lk_migrate.model import Place, UserError
from lk_migrate.project.backup import load_backup, read_written
from lk_migrate.verify.context import Clock, Context
from lk_migrate.verify.conversations import Conversation, Offer, conversations, said, shortest
from lk_migrate.verify.observations import Observation, Observations
from lk_migrate.verify.processes import process_group
from lk_migrate.verify.rows import Row, Status
from lk_migrate.verify.standin.script import Script
from lk_migrate.verify.standin.server import serve
from lk_migrate.verify.test_bed import stood_in
from lk_migrate.verify.workspace import copy_project

STAGE = "parity"

_RANDOM = 40  # conversations, besides the plain ones
_ANSWERS_IN = 30.0  # seconds for all conversations of a class
_TICK = 0.02
Outcome = dict[str, Any]


class Impossible(Exception):
    """A side cannot be played, and why."""


@dataclass(frozen=True)
class Difference:
    """Where two runs of a conversation part: at which step, in what, and what each side has."""

    step: int
    what: str
    old: Any
    new: Any


@dataclass
class Side:
    """One process that plays conversations."""

    name: str
    process: subprocess.Popen[bytes]
    observations: Observations
    log: Path
    _asked: int = 0

    def tell(self, do: str, **arguments: Any) -> int:
        """Send a command; the number to await its answer by."""
        self._asked += 1
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # whoever awaits the answer hears that it is gone
            self.process.stdin.write(json.dumps({"do": do, "id": self._asked, **arguments}).encode() + b"\n")
            self.process.stdin.flush()
        return self._asked

    def answer(self, number: int, clock: Clock) -> Observation:
        """The answer to a command. Raises Impossible."""
        while True:
            ended = self.process.poll() is not None
            for one in self.observations.of("reply"):
                if one["id"] == number:
                    if "error" in one or "impossible" in one:
                        raise Impossible(one.get("error") or one["impossible"])
                    return one
            if ended:
                lines = self.log.read_text(errors="replace").splitlines()
                raise Impossible(f"Python ended: {lines[-1] if lines else self.process.returncode}")
            if not clock.left():
                raise Impossible("no answer in time")
            time.sleep(_TICK)


@dataclass
class Pair:
    """Both sides with one class on them."""

    old: Side
    new: Side
    about: dict[str, Any]
    clock: Clock
    refusals: set[str] = field(default_factory=set)
    lacking: set[str] = field(default_factory=set)
    steps: int = 0
    raised: int = 0

    def play(self, talks: list[Conversation]) -> Iterator[Difference | None]:
        """For each conversation, its first difference."""
        methods = {tool["name"]: tool["method"] for tool in self.about["tools"]}
        job = {"class": self.about, "methods": methods, "conversations": talks}
        numbers = [(side, side.tell("converse", **job)) for side in (self.old, self.new)]
        try:
            old, new = (side.answer(number, self.clock) for side, number in numbers)
        except Impossible as error:
            raise Impossible(self._why(error)) from error
        self.lacking = set(old["lacking"])
        for before, after in zip(old["conversations"], new["conversations"], strict=True):
            yield self._compare(before, after)

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
            difference = _state_difference(number, before["state"], after["state"], first)
            if difference is not None:
                return difference
        return None


def _state_difference(number: int, old: dict[str, Any], new: dict[str, Any], first: set[str]) -> Difference | None:
    """What both keep must be the same, and what a tool began to keep must be kept. What `__init__` no longer makes is
    the ledger's concern."""
    for name in sorted(old):
        if name in new and old[name] != new[name]:
            return Difference(number, name, old[name], new[name])
        if name not in new and name not in first:
            return Difference(number, name, old[name], None)
    return None


def run(context: Context) -> Iterator[Row]:
    """One row for each agent of the new code."""
    try:
        old_root = context.scratch / "old" / context.root.name
        origin = _old_tree(context, old_root)
    except UserError as error:
        yield Row(STAGE, "old code", Status.SKIPPED, str(error))
        return
    with serve(Script()) as server, _side(context, "new", context.workspace, server) as new:
        with _side(context, "old", old_root, server) as old:
            context.tell("the agents of the new code")
            clock = Clock(context.timeout)
            try:
                described = new.answer(new.tell("describe", files=context.files, main=context.main), clock)
            except Impossible as error:
                yield Row(STAGE, "new code", Status.SKIPPED, f"nothing to compare: {error}")
                return
            for about in described["agents"]:
                yield _agent(context, about, old, new, clock, origin)


def _old_tree(context: Context, to: Path) -> str:
    """The project as it was, in a folder; how a person would call it. Raises UserError when there is none."""
    if context.old is not None:
        if not context.old.is_dir():
            raise UserError(f"--old {context.old}: there is no such folder.")
        copy_project(context.old.resolve(), to)
        return str(context.old)
    backup = load_backup(context.root)
    copy_project(context.root, to)
    for path, signature in read_written(backup).files.items():
        if signature is not None:
            (to / path).unlink(missing_ok=True)
    for entry in backup.entries:
        target = to / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.target is None:
            shutil.copyfile(backup.object(entry), target)
    return f"backup {backup.id}"


@contextlib.contextmanager
def _side(context: Context, name: str, workspace: Path, server: str) -> Iterator[Side]:
    observations = Observations(context.scratch / f"parity-{name}.jsonl")
    log = context.scratch / f"parity-{name}.log"
    env = stood_in(replace(context, workspace=workspace), observations.file, server)
    with (
        log.open("wb") as output,
        process_group(
            [context.python.path, "-m", "lk_migrate_child.side"],
            cwd=workspace,
            env={**env, "LK_MIGRATE_MAIN": context.main or "", "PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        yield Side(name, process, observations, log)


def _agent(context: Context, about: dict[str, Any], old: Side, new: Side, clock: Clock, origin: str) -> Row:
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
    pair = Pair(old, new, about, clock)
    try:
        return _compared(pair, offers, origin, row)
    except Impossible as error:
        return row(Status.SKIPPED, str(error))


def _compared(pair: Pair, offers: list[Offer], origin: str, row: Any) -> Row:
    list(pair.play([()]))  # which tools the old class has
    both = [offer for offer in offers if offer.name not in pair.lacking]
    new_names = ", ".join(offer.name for offer in offers if offer.name in pair.lacking)
    if not both:
        return row(Status.SKIPPED, f"the old {pair.about['name']} has none of its tools as methods: {new_names}")
    talks = conversations(both, _RANDOM)
    for talk, difference in zip(talks, pair.play(talks), strict=True):
        if difference is not None:
            short = shortest(talk[: difference.step], lambda one: next(pair.play([one])) is not None)
            found = next(pair.play([short])) or difference
            return row(Status.FAILED, _told(short, found, origin))
    if pair.raised == pair.steps:
        return row(Status.SKIPPED, f"all {pair.steps} calls raise, in the old code as in the new: nothing is shown by that")
    detail = f"the same as in {origin} in {len(talks)} conversations, {pair.steps} tool calls: returns, errors, state"
    if pair.refusals:
        gates = ", ".join(f"`{name}`" for name in sorted(pair.refusals))
        detail += f"; refusals of {gates} are expected to be gone (LK101)"
    if new_names:
        detail += f"; not compared, for the old class has no such method: {new_names}"
    return row(Status.OK, detail)


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
    text = repr(value)
    return text if len(text) <= length else text[: length - 1] + "…"

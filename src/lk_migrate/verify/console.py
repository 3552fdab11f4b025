"""Stage *console*: the person's own `python main.py console --text`, talked through tool by tool."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lk_migrate.model import Place
from lk_migrate.verify import findings, hints
from lk_migrate.verify.context import Clock, Context, slowness
from lk_migrate.verify.greeting import silent
from lk_migrate.verify.observations import Observation, Observations, place_of
from lk_migrate.verify.own_words import shut_out
from lk_migrate.verify.rows import Row, Status
from lk_migrate.verify.standin.script import NOTHING_LEFT, Script, answer_text, turn_text
from lk_migrate.verify.standin.server import serve
from lk_migrate.verify.terminal import Outcome, Terminal, terminal
from lk_migrate.verify.test_bed import observed, stood_in

STAGE = "console"

#: What the console shows when it waits for a line (livekit-agents 1.8, cli/_legacy.py).
PROMPT = "Type to talk"
THINKING = "Thinking..."
_STARTS_IN = 40.0  # seconds; an app that loads a vector index needs some of them
_PARTICIPANT_IN = 3.0  # seconds; the console's own participant is there at once
_GREETS_IN = 2.5  # seconds after the prompt is there
_TAKEN_IN = 6.0  # seconds for a typed line
_ANSWERS_IN = 20.0  # seconds for one turn
_TAKES_OVER_IN = 1.0  # seconds from one agent, or the greeting, to the next; a line typed in between is lost
_LAST_ANSWER_IN = 5.0  # seconds, when a tool may have ended the conversation
_ENDS_IN = 20.0  # seconds after Ctrl-C; the framework gives an entrypoint that goes on fifteen
_FORBIDDEN = 'not called: the app forbids its model to call tools here (`tool_choice="none"`)'
_LAUNCHES = 8  # a tool that ends the call makes us start again, for the ones that are left


@dataclass
class _Run:
    """What one run of the stage carries along."""

    context: Context
    script: Script
    observations: Observations
    clock: Clock
    env: dict[str, str]
    turn: int = 0
    rows: dict[str, Row] = field(default_factory=dict)  # tool name → its row

    def patience(self, seconds: float) -> float:
        """For what an idle machine does in so many seconds: how long to wait for it here, at most until the end."""
        return self.clock.left(seconds * slowness())


def run(context: Context) -> Iterator[Row]:
    """Start, greet, call every tool once, end; then what was seen on the side."""
    if context.main is None:
        yield Row(STAGE, "console", Status.SKIPPED, context.no_main)
        return
    barred = shut_out(context.workspace, context.main, ("console", "--text"))
    if barred is not None:
        name = f"python {' '.join(context.launch)} console --text"
        yield Row(STAGE, name, Status.FAILED, *barred)
        return
    observations = Observations(context.scratch / "console.jsonl")
    script = Script()
    with serve(script) as server:
        env = observed(context, observations.file) if context.live else stood_in(context, observations.file, server)
        talk = _live if context.live else _scripted
        yield from talk(_Run(context, script, observations, Clock(context.timeout), env))
    yield from findings.on_the_side(STAGE, observations)


@contextmanager
def _console(run: _Run) -> Iterator[Terminal]:
    command = [run.context.python.path, *run.context.launch, "console", "--text"]
    with terminal(run.context.children, command, cwd=run.context.workspace, env=run.env) as console:
        yield console


def _scripted(run: _Run) -> Iterator[Row]:
    for launch in range(_LAUNCHES):
        before = len(run.rows)
        run.script.begin()
        with _console(run) as console:
            start = _started(run, console)
            if launch == 0 or start.status is Status.FAILED:
                yield start
            if start.status is Status.FAILED:
                break
            if launch == 0:
                yield _greeting(run, console)
            alive = yield from _turns(run, console)
            yield from findings.later_failure(STAGE, run.observations, run.context)
            if alive:
                yield _end(run, console)
        if not run.script.not_called() or len(run.rows) == before or run.clock.left() < 1:
            break
    forbidden = run.script.forbidden()
    for name in run.script.not_called():
        if name in forbidden:
            yield Row(STAGE, name, Status.SKIPPED, _FORBIDDEN)
            continue
        reason = "the time was up" if run.clock.left() < 1 else "the session ended before its turn came"
        yield Row(STAGE, name, Status.FAILED, f"not called: {reason}")
    if start.status is Status.OK and not run.script.offered:
        yield Row(STAGE, "tools", Status.SKIPPED, "the model was offered no tools")


def _started(run: _Run, console: Terminal) -> Row:
    """Wait for the prompt; a wait for a participant is known to last for ever in the console."""
    run.context.tell("the agent's console to start")
    begun, since = time.monotonic(), len(run.observations.refresh())
    name = f"python {' '.join(run.context.launch)} console --text"
    clock = Clock(run.clock.left(_STARTS_IN))
    outcome = Outcome.TIMED_OUT
    waits = dead = None
    while outcome is Outcome.TIMED_OUT and clock.left() > 0 and waits is None and dead is None:
        outcome = console.wait_for(PROMPT, clock.left(1.0))
        waits, dead = _waits_in_vain(run.observations), findings.start_failure(run.observations, run.context, since)
    seconds = time.monotonic() - begun
    if outcome is Outcome.SEEN:
        return Row(STAGE, name, Status.OK, "it starts and waits for a line", seconds=seconds)
    place: Place | None = None
    if dead is not None:
        detail, place = dead
        if place is None:
            detail = f"{detail}; last output: {console.last_lines()}"
    elif outcome is Outcome.ENDED:
        detail, place = findings.crash(console.text(), run.context)
        detail = f"it ended before the prompt: {detail}"
    elif waits is not None:
        place = place_of(waits)
        detail = "it waits for a participant who does not come: a console has one, `mock_user`, not a SIP one"
    else:
        detail, place = _no_prompt(run, console, seconds)
    return Row(STAGE, name, Status.FAILED, detail, place, seconds)


def _no_prompt(run: _Run, console: Terminal, seconds: float) -> tuple[str, Place | None]:
    errors = run.observations.of("error_log")
    if errors:
        return f"no prompt: {errors[-1]['error']}", place_of(errors[-1])
    waits = findings.where_it_waits(console.process, run.observations)
    if waits is not None:
        return f"no prompt within {seconds:.0f} s: {waits[0]}", waits[1]
    return f"no prompt within {seconds:.0f} s; last output: {console.last_lines()}", None


def _waits_in_vain(observations: Observations) -> Observation | None:
    """The entrypoint's wait for a participant, if it has lasted too long to end."""
    begun, ended = observations.of("waits_for_participant"), observations.of("participant_came")
    late = len(begun) > len(ended) and time.monotonic() - begun[-1]["at"] > _PARTICIPANT_IN
    return begun[-1] if late else None


def _greeting(run: _Run, console: Terminal) -> Row:
    run.context.tell("the greeting")
    begun = time.monotonic()
    clock = Clock(_GREETS_IN)
    while clock.left() > 0:
        said = [one["text"] for one in run.observations.of("item") if one["role"] == "assistant"]
        if said:
            seconds = time.monotonic() - begun
            console.read_for(_TAKES_OVER_IN)
            return Row(STAGE, "greeting", Status.OK, f"“{_short(said[0])}”", seconds=seconds)
        console.read_for(0.1)
    return silent(run.context, STAGE)


def _turns(run: _Run, console: Terminal) -> Generator[Row, None, bool]:
    """One typed line, one tool, one answer, until no tool is left. Returns whether the console still runs."""
    while run.clock.left() > 1:
        run.turn += 1
        mark, seen, begun = console.mark(), len(run.observations.refresh()), time.monotonic()
        left = run.script.not_called()
        run.context.tell(f"the tool {left[0]}" if left else "an answer")
        console.type_line(turn_text(run.turn), THINKING, run.patience(_TAKEN_IN))
        # With nothing left to call, this turn is for tools that were not offered before.
        patience = _ANSWERS_IN if left or not run.rows else _LAST_ANSWER_IN
        outcome = console.wait_for(PROMPT, run.patience(patience))
        tool = run.script.called_in(run.turn)
        if tool is not None:
            row = _tool_row(run, console, tool, outcome, mark, seen, time.monotonic() - begun)
            if tool not in run.rows:  # else it was only the way to the others
                yield row
            run.rows[tool] = row
        elif answer_text(run.turn) in console.text(mark):  # it has no tools, or keeps them to itself
            yield Row(STAGE, "answer", Status.OK, f"“{answer_text(run.turn)}”", seconds=time.monotonic() - begun)
        elif NOTHING_LEFT not in console.text(mark) and (left or not run.rows):
            errors = run.observations.of("session_error", seen) or run.observations.of("error_log", seen)
            # A session that a tool closed does not answer any more, and need not: it is started again.
            if errors or not run.observations.of("session_closed"):
                why = errors[-1]["error"] if errors else f"last output: {console.last_lines()}"
                yield Row(STAGE, "answer", Status.FAILED, f"the agent does not reach its model: {why}")
        if outcome is not Outcome.SEEN:
            return False
        if tool is None:
            return True
        if any(one["handoff"] or not one["output"] for one in run.observations.of("tool_ran", seen)):
            console.read_for(_TAKES_OVER_IN)
    return True


def _tool_row(run: _Run, console: Terminal, tool: str, outcome: Outcome, mark: int, seen: int, seconds: float) -> Row:
    def row(status: Status, detail: str, place: Place | None = None) -> Row:
        return Row(STAGE, tool, status, detail, place, seconds)

    errors = [one for one in run.observations.of("tool_error", seen) if one["tool"] == tool]
    if errors and errors[-1]["unreachable"]:
        detail = f"what it calls is out of reach here, and that it lets through: {errors[-1]['error']}"
        return row(Status.SKIPPED, detail, place_of(errors[-1]))
    if errors:
        return row(Status.FAILED, f"it raised {errors[-1]['error']}", place_of(errors[-1]))
    ran = [one for one in run.observations.of("tool_ran", seen) if one["tool"] == tool]
    if not ran:
        if outcome is Outcome.TIMED_OUT:
            return row(
                Status.FAILED,
                f"it did not come back within {seconds:.0f} s; last output: {console.last_lines()}",
            )
        detail, place = findings.crash(console.text(mark), run.context)
        return row(Status.FAILED, f"it ended the program, exit code {console.exit_code()}: {detail}", place)
    output, is_error = str(ran[-1]["output"]), bool(ran[-1]["is_error"])
    if is_error and output.startswith(("Error parsing arguments", "the tool returned an invalid output")):
        return row(Status.FAILED, output)
    if is_error and output.startswith("Unknown function: "):
        return row(Status.FAILED, f"the model is offered `{tool}`, and no tool has that name: {_short(output)}")
    answer = f"the model is told “{_short(output)}”" if output else "it gives the model nothing"
    if outcome is Outcome.ENDED:
        return row(Status.OK, f"{answer}, and it ends the session")
    if ran[-1]["handoff"]:
        return row(Status.OK, f"{answer}, and another agent takes over")
    if ran[-1]["reply"] and answer_text(run.turn) not in console.text(mark):
        said = [one["text"] for one in run.observations.of("item", seen) if one["role"] == "assistant"]
        if not said:
            return row(Status.FAILED, f"{answer}, but the agent does not answer; {console.last_lines()}")
    return row(Status.OK, answer)


def _end(run: _Run, console: Terminal) -> Row:
    run.context.tell("the console to end")
    begun = time.monotonic()
    console.press_control_c()
    outcome = console.read_for(run.patience(_ENDS_IN))
    seconds = time.monotonic() - begun
    if outcome is Outcome.ENDED:
        return Row(STAGE, "Ctrl-C", Status.OK, "it ends, shutdown callbacks included", seconds=seconds)
    return Row(
        STAGE,
        "Ctrl-C",
        Status.FAILED,
        f"still there after {seconds:.0f} s; {console.last_lines()}",
        None,
        seconds,
    )


def _live(run: _Run) -> Iterator[Row]:
    """With the person's own models: it starts, greets, and answers a question.

    Which tools it calls is its choice.
    """
    with _console(run) as console:
        start = _started(run, console)
        yield start
        if start.status is Status.FAILED:
            return
        yield _greeting(run, console)
        begun, seen = time.monotonic(), len(run.observations.refresh())
        run.context.tell("the model's answer")
        console.type_line("Hello! What can you do for me?", THINKING, run.patience(_TAKEN_IN))
        console.wait_for(PROMPT, run.clock.left())
        said = [one["text"] for one in run.observations.of("item", seen) if one["role"] == "assistant"]
        errors = run.observations.of("session_error", seen)
        seconds = time.monotonic() - begun
        if said:
            yield Row(STAGE, "answer", Status.OK, f"“{_short(said[-1])}”", seconds=seconds)
        else:
            why = errors[-1]["error"] if errors else console.last_lines()
            yield Row(STAGE, "answer", Status.FAILED, f"no answer: {why}", seconds=seconds)
        yield _end(run, console)


def _short(text: str, length: int = 60) -> str:
    line = hints.unmocked(" ".join(text.split()))
    return line if len(line) <= length else line[: length - 1] + "…"

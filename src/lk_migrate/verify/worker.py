"""Stage *worker*: `main.py start` and `dev` register, prewarm, accept a job, and end when they are told to.

They are given a local endpoint that speaks the worker's side of LiveKit's protocol (child/dispatcher.py). It has no
rooms: what is shown is all up to the moment when the entrypoint asks to join one.

With --live the server is the person's own, and callers may be waiting there: `start` registers under a name that
nobody dispatches to, says that it is full, declines every job, and is ended.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lk_migrate.model import Place
from lk_migrate.verify import findings, real_server
from lk_migrate.verify.context import Clock, Context
from lk_migrate.verify.observations import Observations, place_of
from lk_migrate.verify.own_words import shut_out
from lk_migrate.verify.rows import Row, Status
from lk_migrate.verify.standin.script import Script
from lk_migrate.verify.standin.server import serve
from lk_migrate.verify.test_bed import observed, stood_in

STAGE = "worker"
MODES = ("start", "dev")
#: The agent name under which a person's own server knows the worker while it is verified.
NAME_ON_REAL_SERVER = "lk-migrate-verify"

_TICK = 0.05  # seconds between two looks
_REGISTERS_IN = 40.0  # seconds; imports, and the idle processes that `start` keeps warm
_ANSWERS_IN = 15.0  # seconds to accept a job, and for its process to start
_JOINS_IN = 20.0  # seconds from the entrypoint's start to its wish to join the room; models are loaded in between
_JOB_ENDS_IN = 10.0  # seconds for the job to give up on a room that it may not join
_ENDS_IN = 15.0  # seconds after SIGTERM; the framework gives a job ten


@dataclass
class _Worker:
    context: Context
    mode: str
    process: subprocess.Popen[bytes]
    observations: Observations
    since: int
    log: Path

    @property
    def command(self) -> str:
        return f"python {' '.join(self.context.launch)} {self.mode}"

    def wait(self, found: Callable[[], Any], seconds: float) -> Any:
        """What `found` returns as soon as it is true, or at the end of time or of the process."""
        clock = Clock(seconds)
        while True:
            ended = self.process.poll() is not None
            value = found()
            if value or ended or not clock.left():
                return value
            time.sleep(_TICK)

    def seen(self, event: str, seconds: float = 0.0) -> dict[str, Any] | None:
        """The last observation of a kind since this worker was started, waited for."""
        found: list[dict[str, Any]] = self.wait(lambda: self.observations.of(event, self.since), seconds)
        return found[-1] if found else None

    def row(self, name: str, status: Status, detail: str, place: Place | None = None, begun: float = 0.0) -> Row:
        seconds = time.monotonic() - begun if begun else 0.0
        return Row(STAGE, f"{self.mode}: {name}", status, detail, place, seconds)

    def failure(self) -> tuple[str, Place | None] | None:
        """What kept it from taking its first call, if that is known."""
        return findings.start_failure(self.observations, self.context, self.since)


def run(context: Context) -> Iterator[Row]:
    """Each way of running it as a worker; then what was seen on the side."""
    if context.main is None:
        yield Row(STAGE, "worker", Status.SKIPPED, context.no_main)
        return
    observations = Observations(context.scratch / "worker.jsonl")
    yield from (_live if context.live else _stood_in)(context, observations)
    yield from findings.on_the_side(STAGE, observations)


def _live(context: Context, observations: Observations) -> Iterator[Row]:
    """`start` registers with the person's own server, takes no job, and ends."""
    context.tell("LIVEKIT_URL to answer")
    known = real_server.settings(context.root)
    reason = real_server.why_not(known)
    if reason:
        yield Row(STAGE, "worker", Status.SKIPPED, reason)
        return
    env = observed(context, observations.file)
    # The framework itself lets this go before the name in the code; with a name, rooms do not get it unasked.
    env.update(LIVEKIT_AGENT_NAME_OVERRIDE=NAME_ON_REAL_SERVER, LK_MIGRATE_NO_JOBS="1")
    with _started(context, "start", observations, env) as worker:
        for row in _at_real_server(worker):
            yield replace(row, detail=_without(known, row.detail))


def _at_real_server(worker: _Worker) -> Iterator[Row]:
    registered = _registered_there(worker)
    yield registered
    if registered.status is Status.OK:
        yield _prewarmed(worker)
        yield _ended(worker)


def _without(known: dict[str, str], text: str) -> str:
    """The text without the key and the secret, should the app or the framework repeat one."""
    for name in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
        text = text.replace(known[name], f"‹{name}›")
    return text


def _registered_there(worker: _Worker) -> Row:
    begun = time.monotonic()
    worker.wait(lambda: worker.seen("registered_with") or _refused(worker) or worker.failure(), _REGISTERS_IN)
    one, attempt = worker.seen("registered_with"), worker.seen("connect_failed")
    seconds = time.monotonic() - begun
    if one is not None:
        detail = f"registered with {one['host']}, as “{one['agent']}” and as full: it takes no job there"
        return Row(STAGE, worker.command, Status.OK, detail, seconds=seconds)
    if attempt is not None:
        detail = f"it does not register: {attempt['error']}"
        return Row(STAGE, worker.command, Status.FAILED, detail, seconds=seconds)
    return _not_registered(worker, seconds)


def _refused(worker: _Worker) -> bool:
    """Whether the server answered that it will not have it; the framework would try another sixteen times."""
    attempt = worker.seen("connect_failed")
    return attempt is not None and 400 <= (attempt["status"] or 0) < 500


def _stood_in(context: Context, observations: Observations) -> Iterator[Row]:
    with serve(Script()) as server:
        env = stood_in(context, observations.file, server)
        with _dispatcher(context, observations, env) as dispatcher:
            listening = observations.of("listening")
            if not listening:
                yield Row(STAGE, "worker", Status.FAILED, f"the endpoint does not start: {_tail(context)}")
                return
            env["LIVEKIT_URL"] = f"ws://127.0.0.1:{listening[0]['port']}"
            for mode in MODES:
                barred = shut_out(context.workspace, context.main or "", (mode,))
                if barred is not None:
                    yield Row(STAGE, f"python {' '.join(context.launch)} {mode}", Status.FAILED, *barred)
                else:
                    yield from _mode(context, mode, observations, env, dispatcher)


@contextlib.contextmanager
def _dispatcher(context: Context, observations: Observations, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [context.python.path, "-m", "lk_migrate_child.dispatcher"]
    with (
        (context.scratch / "dispatcher.log").open("wb") as output,
        context.children.group(
            command, cwd=context.scratch, env=env, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT
        ) as dispatcher,
    ):
        context.tell("the local endpoint for workers")
        clock = Clock(20.0)
        while not observations.of("listening") and dispatcher.poll() is None and clock.left():
            time.sleep(_TICK)
        yield dispatcher


def _tail(context: Context) -> str:
    lines = (context.scratch / "dispatcher.log").read_text(errors="replace").splitlines()
    return lines[-1] if lines else "it says nothing"


@contextlib.contextmanager
def _started(context: Context, mode: str, observations: Observations, env: dict[str, str]) -> Iterator[_Worker]:
    log = context.scratch / f"worker-{mode}.log"
    since = len(observations.refresh())
    context.tell(f"python {' '.join(context.launch)} {mode} to register")
    with (
        log.open("wb") as output,
        context.children.group(
            [context.python.path, *context.launch, mode],
            cwd=context.workspace,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        yield _Worker(context, mode, process, observations, since, log)


def _mode(
    context: Context,
    mode: str,
    observations: Observations,
    env: dict[str, str],
    dispatcher: subprocess.Popen[bytes],
) -> Iterator[Row]:
    with _started(context, mode, observations, env) as worker:
        registered = _registered(worker)
        yield registered
        if registered.status is not Status.OK:
            return
        if mode == "start":
            yield _prewarmed(worker)
        yield _job(worker)
        assert dispatcher.stdin is not None
        dispatcher.stdin.write(json.dumps({"do": "terminate"}).encode() + b"\n")
        dispatcher.stdin.flush()
        worker.wait(lambda: _job_over(worker), _JOB_ENDS_IN)
        yield _ended(worker)


def _registered(worker: _Worker) -> Row:
    begun = time.monotonic()
    worker.wait(lambda: worker.seen("registered") or worker.failure(), _REGISTERS_IN)
    one = worker.seen("registered")
    seconds = time.monotonic() - begun
    if one is None:
        return _not_registered(worker, seconds)
    agent = f"as “{one['agent']}”" if one["agent"] else "without an agent name: it is sent to every room"
    return Row(STAGE, worker.command, Status.OK, f"it registers {agent}", seconds=seconds)


def _not_registered(worker: _Worker, seconds: float) -> Row:
    failure = worker.failure()
    if failure is not None:
        return Row(STAGE, worker.command, Status.FAILED, *failure, seconds)
    detail, place = findings.crash(worker.log.read_text(errors="replace"), worker.context)
    code = worker.process.poll()
    what = "it does not register" if code is None else f"it ended, exit code {code}"
    return Row(STAGE, worker.command, Status.FAILED, f"{what}: {detail}", place, seconds)


def _prewarmed(worker: _Worker) -> Row:
    worker.context.tell("a process to be prewarmed")
    begun = time.monotonic()
    worker.wait(lambda: worker.seen("process_ready") or worker.failure(), _REGISTERS_IN)
    failure = worker.failure()
    if worker.seen("process_ready"):
        return worker.row("prewarm", Status.OK, "a process is kept warm for the next call", begun=begun)
    if failure is not None:
        return worker.row("prewarm", Status.FAILED, *failure, begun)
    errors = worker.observations.of("error_log", worker.since)
    if errors:
        return worker.row("prewarm", Status.FAILED, errors[-1]["error"], place_of(errors[-1]), begun)
    return worker.row("prewarm", Status.FAILED, "no process becomes ready for a call", begun=begun)


def _job(worker: _Worker) -> Row:
    worker.context.tell("a job to be accepted")
    begun = time.monotonic()
    answer = worker.seen("availability", _ANSWERS_IN)
    if answer is None:
        return worker.row("job", Status.FAILED, "it does not answer when it is offered a job", begun=begun)
    if not answer["available"]:
        detail = "it declines a job in a room that it does not know (its own request function decides)"
        return worker.row("job", Status.SKIPPED, detail, begun=begun)
    worker.wait(lambda: worker.seen("job_begun") or worker.failure(), _ANSWERS_IN + _REGISTERS_IN)
    if worker.seen("job_begun"):
        worker.wait(lambda: worker.seen("room_asked") or worker.failure(), _JOINS_IN)
    failure = worker.failure()
    if worker.seen("room_asked"):  # that it may not join fails the entrypoint then, and is no fault of its own
        detail = "accepted, assigned, and the entrypoint asks to join its room; no LiveKit server here has one"
        return worker.row("job", Status.OK, detail, begun=begun)
    if failure is not None:
        return worker.row("job", Status.FAILED, *failure, begun)
    if worker.seen("job_begun"):
        detail = "accepted and begun, but the entrypoint does not ask to join the room"
        return worker.row("job", Status.FAILED, detail, begun=begun)
    errors = worker.observations.of("error_log", worker.since)
    why = errors[-1]["error"] if errors else "its process does not come up"
    return worker.row("job", Status.FAILED, f"it accepts a job and does not run it: {why}", begun=begun)


def _job_over(worker: _Worker) -> bool:
    """Whether the worker has told the server that its job is done, well or badly, or there is none."""
    told = [one["status"] for one in worker.observations.of("job_status", worker.since)]
    return told[-1] not in ("JS_PENDING", "JS_RUNNING") if told else not worker.seen("job_begun")


def _ended(worker: _Worker) -> Row:
    worker.context.tell(f"{worker.mode} to end")
    begun = time.monotonic()
    worker.process.terminate()
    worker.wait(lambda: False, _ENDS_IN)
    seconds = time.monotonic() - begun
    code = worker.process.poll()
    if code is None:
        return worker.row("SIGTERM", Status.FAILED, f"still there {seconds:.0f} s after SIGTERM", begun=begun)
    if code != 0:
        detail, place = findings.crash(worker.log.read_text(errors="replace"), worker.context)
        return worker.row("SIGTERM", Status.FAILED, f"exit code {code}: {detail}", place, begun)
    return worker.row("SIGTERM", Status.OK, "it ends, exit code 0", begun=begun)

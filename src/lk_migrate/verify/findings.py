"""Rows from what was seen on the side: deprecated API, refused connections, exchanged models."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from lk_migrate.model import Place
from lk_migrate.verify import hints
from lk_migrate.verify.context import Context, slowness
from lk_migrate.verify.observations import Observation, Observations, place_of
from lk_migrate.verify.rows import Row, Status
from lk_migrate.verify.terminal import telling_lines

#: Where `sounddevice` needs the system's PortAudio. (Its wheels for macOS and Windows bring their own.)
PORTAUDIO_HINT = (
    "to talk to it aloud, install PortAudio: `apt install libportaudio2` (Debian, Ubuntu), "
    "`dnf install portaudio` (Fedora), `brew install portaudio` (macOS); typing works without"
)
#: The names of rows made here.
SIDE_NAMES = frozenset({"deprecated API", "exchanged", "network", "files", "PortAudio", "event loop", "port in use"})
#: What ends the start of a session → how it is called.
_ENDS_THE_START = {
    "prewarm_failed": "prewarming fails, so no call is answered",
    "job_failed": "the entrypoint fails",
}
_STARTS_AFTERWARDS_IN = 5.0  # seconds for a task that the entrypoint leaves behind to start the session
_TELLS_IN = 20  # tenths of a second for a process to say where it is
_BLOCKS = 0.3  # seconds of a blocked event loop that people hear, on a machine that does nothing else
_ERROR_LINE = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?([A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning|Found)): (.*)$")
_FRAME = re.compile(r"""(?:File "([^"]+)", line (\d+)|^([^\s:"]+\.py):(\d+) in )""")


def on_the_side(stage: str, observations: Observations) -> Iterator[Row]:
    """One row for each different thing observed."""
    for one in _different(observations.of("deprecated"), "message", "path", "line"):
        yield Row(stage, "deprecated API", Status.FAILED, one["message"], place_of(one))
    for one in _different(observations.of("exchanged"), "role", "model"):
        detail = f"{one['model']} was exchanged for the stand-in {one['role']}"
        yield Row(stage, "exchanged", Status.OK, detail)
    for one in _different(observations.of("refused"), "host", "port"):
        detail = f"the app tried to reach {one['host']}:{one['port']}; only this machine is allowed"
        yield Row(stage, "network", Status.SKIPPED, detail, place_of(one))
    for one in _different(observations.of("wrote_outside"), "path_written"):
        detail = f"the app writes {one['path_written']}, outside its folder: that is yours, and was written"
        yield Row(stage, "files", Status.SKIPPED, detail, place_of(one))
    for one in _different(observations.of("blocked"), "path", "line"):
        if one["seconds"] >= _BLOCKS * slowness():
            detail = (
                f"nothing else ran for {one['seconds']:.1f} s, sound included: make it asynchronous, or give it a "
                f"thread with `await asyncio.to_thread(…)`"
            )
            yield Row(stage, "event loop", Status.SKIPPED, detail, place_of(one))
    for one in _different(observations.of("port_in_use"), "port"):
        yield Row(stage, "port in use", Status.SKIPPED, _port_hint(one["port"]), place_of(one))
    if observations.of("portaudio_missing"):
        yield Row(stage, "PortAudio", Status.SKIPPED, PORTAUDIO_HINT)


def _port_hint(port: int) -> str:
    return (
        f"port {port}, where `start` answers health checks, is taken on this machine: end what has it "
        f"(`lsof -i :{port}`), or give AgentServer(port=…) another; verified on a free one"
    )


def _different(observations: list[Observation], *keys: str) -> list[Observation]:
    return list({tuple(one.get(key) for key in keys): one for one in observations}.values())


def crash(output: str, context: Context) -> tuple[str, Place | None]:
    """An exception's last line in a program's output, and the innermost place in the project."""
    lines = telling_lines(output)
    error = next((line for line in reversed(lines) if _ERROR_LINE.match(line)), None)
    detail = error or (lines[-1] if lines else "it said nothing")
    place: Place | None = None
    for line in lines:
        found = _FRAME.search(line)
        if found:
            inside = _inside(found.group(1) or found.group(3), context.workspace)
            if inside is not None:
                number = int(found.group(2) or found.group(4))
                place = Place(inside, number, number)
    return detail + hints.for_import(detail, context), place


def start_failure(observations: Observations, context: Context, since: int = 0) -> tuple[str, Place | None] | None:
    """What kept the first session from coming, and where in the project, if the framework has told."""
    for one in observations.refresh()[since:]:
        what = _ENDS_THE_START.get(one["event"])
        if what is not None:
            return f"{what}: {one['error']}{hints.for_start(one, observations, context)}", place_of(one)
    returned = observations.of("entrypoint_returned", since)
    if returned and not observations.of("session_started", since) and _is_past(returned[0], _STARTS_AFTERWARDS_IN):
        return f"the entrypoint returns, and no session was started{hints.for_network(observations)}", None
    return None


def later_failure(stage: str, observations: Observations, context: Context) -> Iterator[Row]:
    """The row for an entrypoint that has started its session, and fails then: the session goes on for a while."""
    for one in observations.of("job_failed")[:1]:
        detail = f"it fails after the session has started: {one['error']}{hints.for_start(one, observations, context)}"
        yield Row(stage, "entrypoint", Status.FAILED, detail, place_of(one))


def _is_past(one: Observation, seconds: float) -> bool:
    return time.monotonic() - float(one["at"]) > seconds * slowness()


def where_it_waits(process: subprocess.Popen[bytes], observations: Observations) -> tuple[str, Place] | None:
    """What a process that does not go on waits for: the line of the project that its entrypoint has come to."""
    since = len(observations.refresh())
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGUSR2)
    for _ in range(_TELLS_IN):
        time.sleep(0.1)
        for one in observations.of("waits_at", since):
            place = place_of(one)
            if place is not None:
                return f"it waits in `{one['code']}`{hints.for_network(observations)}", place
    return None


def _inside(path: str, workspace: Path) -> str | None:
    try:
        inside = (workspace / path).resolve().relative_to(workspace)
    except ValueError:
        return None
    return inside.as_posix()

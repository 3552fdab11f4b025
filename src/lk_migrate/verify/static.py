"""Stage *static*: the project parses, imports and builds, in a child process of the person's Python."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator

from lk_migrate import TARGET
from lk_migrate.model import Place
from lk_migrate.verify import doctor, findings, hints, names
from lk_migrate.verify.context import Clock, Context
from lk_migrate.verify.observations import Observations, place_of
from lk_migrate.verify.rows import Row, Status
from lk_migrate.verify.standin.script import Script
from lk_migrate.verify.standin.server import serve
from lk_migrate.verify.test_bed import observed, stood_in

STAGE = "static"
MARKER = "TODO(lk-migrate"


def run(context: Context) -> Iterator[Row]:
    """The interpreter, the child's rows, deprecated API, and markers that are left."""
    yield _python_row(context)
    yield from doctor.examine(context)
    observations = Observations(context.scratch / "static.jsonl")
    with serve(Script()) as server:
        env = observed(context, observations.file) if context.live else stood_in(context, observations.file, server)
        yield from _child(context, observations, env)
    yield from names.undefined(context, _reached(context, observations))
    yield from findings.on_the_side(STAGE, observations)
    yield _markers_row(context)


def _python_row(context: Context) -> Row:
    python = context.python
    detail = f"Python {python.version}, livekit-agents {python.agents or 'not installed'} ({python.origin})"
    fits = python.agents.startswith(f"{TARGET}.")
    if not fits:
        detail += f"; install it with: {python.path} -m pip install 'livekit-agents~={TARGET}.0'"
    return Row(STAGE, "python", Status.OK if fits else Status.FAILED, detail)


def _child(context: Context, observations: Observations, env: dict[str, str]) -> Iterator[Row]:
    job = json.dumps({"files": context.files, "app": context.app_files, "main": context.main}).encode()
    log = context.scratch / "static.log"
    shown, clock = 0, Clock(context.timeout)
    with (
        log.open("wb") as output,
        context.children.group(
            [context.python.path, "-m", "lk_migrate_child.static"],
            cwd=context.workspace,
            env=env,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as child,
    ):
        assert child.stdin is not None
        child.stdin.write(job)
        child.stdin.close()
        while True:
            ended = child.poll() is not None
            for one in observations.refresh()[shown:]:
                shown += 1
                if one["event"] == "begin":
                    context.tell(one["what"])
                elif one["event"] == "row":
                    detail = one["detail"] + hints.for_import(one["detail"], context)
                    yield Row(STAGE, one["name"], Status(one["status"]), detail, place_of(one), one["seconds"])
            if ended or not clock.left():
                break
            time.sleep(0.03)
    begun = [one["what"] for one in observations.of("begin")]
    during = begun[-1] if begun else "the start"
    if not ended:
        yield Row(STAGE, "time-out", Status.FAILED, f"waited {context.timeout:.0f} s for {during}")
    elif not observations.of("done"):
        detail, place = findings.crash(log.read_text(errors="replace"), context)
        yield Row(STAGE, "crash", Status.FAILED, f"Python ended during {during}: {detail}", place)


def _reached(context: Context, observations: Observations) -> set[str]:
    """The files that are imported when the main file is run; all, where that is not known."""
    told = observations.of("reached")
    return set(told[-1]["files"] if told else context.app_files)


def _markers_row(context: Context) -> Row:
    places = [
        Place(file, number, number)
        for file in context.files
        for number, line in enumerate(
            (context.workspace / file).read_bytes().decode("utf-8", "replace").splitlines(), 1
        )
        if MARKER in line
    ]
    if not places:
        return Row(STAGE, "markers", Status.OK, "nothing is left for you to decide")
    listed = ", ".join(str(place) for place in places[:5]) + (", …" if len(places) > 5 else "")
    status = Status.FAILED if context.strict else Status.SKIPPED
    return Row(STAGE, "markers", status, f"{len(places)} left for you to decide: {listed}", places[0])

"""A process that imports the person's agents and plays tool calls on them, without a session (child/side.py)."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lk_migrate.verify.context import Clock, Context
from lk_migrate.verify.observations import Observation, Observations
from lk_migrate.verify.test_bed import stood_in

_TICK = 0.02  # seconds between two looks


class Impossible(Exception):
    """A side cannot be played, and why."""


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


@contextlib.contextmanager
def side(context: Context, name: str, workspace: Path, server: str) -> Iterator[Side]:
    """Start one on a copy of the project; models, where a module makes one, are at `server`."""
    observations = Observations(context.scratch / f"side-{name}.jsonl")
    log = context.scratch / f"side-{name}.log"
    env = stood_in(replace(context, workspace=workspace), observations.file, server)
    with (
        log.open("wb") as output,
        context.children.group(
            [context.python.path, "-m", "lk_migrate_child.side"],
            cwd=workspace,
            env={**env, "LK_MIGRATE_MAIN": context.main or "", "PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        yield Side(name, process, observations, log)

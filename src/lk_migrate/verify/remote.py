"""A call to the agent over the protocol of `lk agent console`: a caller on one end, the person's agent on the other.

Both are child processes in the person's Python: the caller uses the framework's own `RemoteSession`
(child/lk_migrate_child/caller.py), the agent is `python -m livekit.agents console main.py --connect-addr …`.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lk_migrate.verify.context import Clock, Context
from lk_migrate.verify.observations import Observation, Observations

RATE = 48_000  # Hz, as the protocol's audio frames have it
_TICK = 0.02  # seconds between two looks
_LISTENS_IN = 20.0  # seconds for a Python to start


class NoAnswer(Exception):
    """The other end said that something went wrong, is gone, or says nothing."""


@dataclass
class Call:
    """Both ends of a call, and what is observed of them."""

    caller: subprocess.Popen[bytes]
    agent: subprocess.Popen[bytes]
    observations: Observations
    log: Path
    scratch: Path
    _asked: int = 0

    def output(self) -> str:
        """What the agent's process has written."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def ended(self) -> bool:
        """Whether an end of the call is gone."""
        return self.agent.poll() is not None or self.caller.poll() is not None

    def wait(self, found: Callable[[], Any], clock: Clock) -> Any:
        """What `found` returns as soon as it is true; else, at the end of time or of a process, its last value."""
        while True:
            ended = self.ended()
            value = found()
            if value or ended or not clock.left():
                return value
            time.sleep(_TICK)

    def observed(self, event: str, since: int = 0) -> Observation | None:
        """The first observation of a kind from the `since`-th of all on."""
        return next(iter(self.observations.of(event, since)), None)

    def ask(self, do: str, clock: Clock, **arguments: Any) -> Observation:
        """Have the caller do something; its answer. Raises NoAnswer."""
        self._asked += 1
        identity, since = self._asked, len(self.observations.refresh())
        line = json.dumps({"do": do, "id": identity, "seconds": clock.left(3600.0), **arguments}) + "\n"
        assert self.caller.stdin is not None
        try:
            self.caller.stdin.write(line.encode())
            self.caller.stdin.flush()
        except OSError as error:
            raise NoAnswer("the caller is gone") from error
        answer: Observation | None = self.wait(lambda: self._reply(identity, since), clock)
        if answer is None:
            raise NoAnswer("the agent's process ended" if self.ended() else f"no answer to {do!r} in time")
        if "error" in answer:
            raise NoAnswer(answer["error"])
        return answer

    def _reply(self, identity: int, since: int) -> Observation | None:
        return next((one for one in self.observations.of("reply", since) if one["id"] == identity), None)

    def speak(self, samples: bytes) -> None:
        """Say something into the microphone; it is heard at the speed of sound."""
        file = self.scratch / f"speech-{self._asked}.pcm"
        file.write_bytes(samples)
        self.ask("speak", Clock(10.0), samples=str(file))

    def hang_up(self) -> None:
        """End the agent as `lk agent console` does on Ctrl-C."""
        self.agent.terminate()


@contextlib.contextmanager
def call(context: Context, name: str, env: Mapping[str, str], observations: Observations) -> Iterator[Call]:
    """Start both ends. Raises NoAnswer if the caller does not start; that the agent connects is not waited for."""
    assert context.main is not None
    log = context.scratch / f"{name}.log"
    python = context.python.path
    with (
        log.open("wb") as output,
        (context.scratch / f"{name}-caller.log").open("wb") as caller_output,
        context.children.group(
            [python, "-m", "lk_migrate_child.caller"],
            cwd=context.scratch,
            env=env,
            stdin=subprocess.PIPE,
            stdout=caller_output,
            stderr=subprocess.STDOUT,
        ) as caller,
    ):
        clock = Clock(_LISTENS_IN)
        while not observations.of("listening") and caller.poll() is None and clock.left():
            time.sleep(_TICK)
        listening = observations.of("listening")
        if not listening:
            raise NoAnswer(f"the caller's end does not start: {Path(caller_output.name).read_text()[-300:]}")
        command = [python, "-m", "livekit.agents", "console", context.main]
        with context.children.group(
            [*command, "--connect-addr", f"127.0.0.1:{listening[-1]['port']}"],
            cwd=context.workspace,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as agent:
            yield Call(caller, agent, observations, log, context.scratch)

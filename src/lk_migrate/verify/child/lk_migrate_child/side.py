"""`python -m lk_migrate_child.side`: one side of the comparison, the old code or the new, in its own process.

Reads commands from standard input, one JSON object a line with `do` and `id`; each is answered by an observation
`reply`. `describe` lists the agents and their tools; `converse` plays conversations (lists of tool calls, one for
each turn of the user, on a fresh instance each) and answers what was returned, raised and kept after each step, and
which collaborators were called; one of these may be made to fail. `enter` says what an agent says on entering.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import itertools
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lk_migrate_child import pins
from lk_migrate_child.anything import Kept, Session, turn_class
from lk_migrate_child.calling import call, remember_models
from lk_migrate_child.describing import built, describe, offered, tools_of
from lk_migrate_child.events import emit
from lk_migrate_child.failing import Collaborators
from lk_migrate_child.gates import REFUSED, listen_to
from lk_migrate_child.plain import plain

_STEP_IN = 5.0  # seconds; sleeps are no time here
Outcome = dict[str, Any]
_SESSION = Session()
#: The turns of all conversations: what a module counts by utterance knows those of the last one, too.
_TURNS = itertools.count()


def _find(about: dict[str, Any]) -> type:
    found: Any = importlib.import_module(about["module"])
    for part in about["name"].split("."):
        found = getattr(found, part)
    if not isinstance(found, type):
        raise TypeError(f"{about['name']} is no class")
    return found


@functools.lru_cache
def _collaborators(cls: type) -> Collaborators:
    return Collaborators(cls)


async def _converse(job: dict[str, Any]) -> dict[str, Any]:
    try:
        cls = _find(job["class"])
        first = built(cls)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return {"impossible": plain(error)}
    methods: dict[str, str] = job["methods"]
    lacking = [name for name, method in methods.items() if _callable(first, name, method) is None]
    others = _collaborators(cls)
    player = Player(cls, methods, job["gates"], others, job.get("later", 0.0))
    with others.watched(tuple(job["failing"]) if job.get("failing") else None):
        played = [await player.conversation(steps) for steps in job["conversations"]]
    called = {name for outcomes in played for outcome in outcomes[1:] for name in outcome["called"]}
    errors = {name: others.errors(name) for name in sorted(called)}
    tools = {} if job.get("failing") else offered(first)
    return {"lacking": lacking, "offered": tools, "conversations": played, "errors": errors}


@dataclass(frozen=True)
class Player:
    """Plays conversations, each on a fresh instance of an agent's class."""

    cls: type
    methods: dict[str, str]
    gates: list[tuple[str, bool]]  # a gate's name, and whether its answer is true where it lets a call through
    others: Collaborators
    later: float  # seconds by which the clock is set forward

    async def conversation(self, steps: list[Any]) -> list[Outcome]:
        """The state at once, and the outcome of every step."""
        pins.again(self.later)
        agent = built(self.cls)
        userdata = Kept()
        refused: dict[str, Any] = {}
        for name, allows in self.gates:
            for holder in (agent, *_held_by(agent)):
                listen_to(holder, name, allows, refused)
        outcomes: list[Outcome] = [{"state": _state(agent, userdata)}]
        for tool, arguments in steps:
            refused.clear()
            function = _callable(agent, tool, self.methods[tool])
            with self.others.during_a_step() as called:
                outcome = await _step(function, arguments, turn_class()(next(_TURNS), userdata))
            answer = outcome.get("returned")
            refusals = (name for name, said in refused.items() if said is REFUSED or (said and said == answer))
            refusal = next(refusals, None)
            outcome |= {"called": sorted(called), "state": _state(agent, userdata)}
            outcomes.append({**outcome, **({"refused_by": refusal} if refusal else {})})
        return outcomes


async def _enter(job: dict[str, Any]) -> dict[str, Any]:
    """What an agent says on entering, if its class has a hook for it."""
    from livekit.agents import Agent

    try:
        agent = built(_find(job["class"]))
    except Exception as error:
        return {"impossible": plain(error)}
    if not isinstance(agent, Agent) or type(agent).on_enter is Agent.on_enter:
        return {"speaks": None}
    _SESSION.heard.clear()
    outcome = await _step(agent.on_enter, {}, None)
    return {"speaks": [*_SESSION.heard, *(["raises", outcome["raised"]] if "raised" in outcome else [])]}


def _held_by(agent: Any) -> list[Any]:
    """The objects that it keeps, and those that they keep: a gate may be one of them."""
    kept = [one for one in vars(agent).values() if hasattr(one, "__dict__")]
    return [*kept, *(inner for one in kept for inner in vars(one).values() if hasattr(inner, "__dict__"))]


def _callable(instance: Any, tool: str, method: str) -> Any:
    from livekit.agents import Agent

    if isinstance(instance, Agent):
        found = tools_of(instance).get(tool)
        if found is not None:
            return found
    return getattr(instance, method, None) or getattr(instance, tool, None)


async def _step(function: Any, arguments: dict[str, Any], turn: Any) -> Outcome:
    try:
        result = call(function, arguments, turn)
        if inspect.isawaitable(result):
            result = await asyncio.wait_for(result, _STEP_IN)
        return {"returned": plain(result)}
    except asyncio.TimeoutError:
        return {"raised": f"no end within {_STEP_IN:.0f} s"}
    except Exception as error:
        return {"raised": plain(error)}


@functools.lru_cache
def _of_the_framework() -> frozenset[str]:
    """Attributes of every Agent; by hand, one of these names may have been the person's: it is not compared."""
    from livekit.agents import Agent

    return frozenset(vars(Agent(instructions="")))


def _state(instance: Any, userdata: Kept) -> dict[str, Any]:
    """The instance's own attributes, without the framework's, and what tools put into the session's userdata."""
    own = {name: value for name, value in vars(instance).items() if name not in _of_the_framework()}
    mine = {name: plain(value) for name, value in own.items() if not inspect.isroutine(value)}
    kept = {f"userdata.{name}": plain(value) for name, value in vars(userdata).items()}
    return {**mine, **kept, "instructions": plain(getattr(instance, "instructions", None))}


async def _describe(job: dict[str, Any]) -> dict[str, Any]:
    return describe(job)


_COMMANDS = {"describe": _describe, "converse": _converse, "enter": _enter}


async def _serve() -> None:
    from livekit.agents import Agent

    remember_models()
    Agent.session = property(lambda self: _SESSION)  # type: ignore[assignment,method-assign]
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        job = json.loads(line)
        try:
            answer = await _COMMANDS[job["do"]](job)
        except Exception as error:
            answer = {"error": plain(error)}
        emit("reply", id=job["id"], **answer)


def main() -> None:
    """Serve until standard input ends."""
    root = str(Path.cwd())
    entry = os.environ.get("LK_MIGRATE_MAIN", "")
    sys.path[:] = [path for path in sys.path if path not in ("", root)]
    sys.path.insert(0, root)
    if entry:
        sys.path.insert(0, str((Path(root) / entry).parent))
        sys.argv = [entry]
    pins.install()
    asyncio.run(_serve())
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

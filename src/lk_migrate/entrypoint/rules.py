"""What the generator of main.py says about itself: the ids that its findings carry. It runs after the rules."""

from __future__ import annotations

from lk_migrate.model import Edition, Safety
from lk_migrate.rules.registry import Rule


def _rule(identity: str, doc: str, safety: Safety = Safety.REVIEW) -> Rule:
    return Rule(identity, Edition.HANDROLLED, doc, safety=safety)


#: In the order of their ids.
rules = (
    _rule(
        "LK150",
        """A long main module becomes a short main.py and the modules that hold everything else.

main.py keeps what a reader looks for: prewarm, the models, one `AgentSession`, `session.start`. The phases of a call go
to `call_flow.py`, helpers and constants word for word to `call_support.py`; locals that phases shared are attributes of
one `CallState`. `--no-main` leaves main.py where and as it is.
""",
    ),
    _rule(
        "LK151",
        """Control flow around the session that cannot be split stays in the flow module, and is reported.

A session that is made or started inside a loop, started in an `except`, or run by a nested function cannot be brought
back to main.py without changing when it happens. The code runs as it did, under a marker that says what to do.
""",
    ),
    _rule(
        "LK152",
        """A model that serves an agent which had a turn gate makes one tool call at a time.

The gate counted calls; `max_tool_steps` counts rounds. With `parallel_tool_calls=False` a round has one call, so that
both count the same.
""",
    ),
    _rule(
        "LK154",
        """`WorkerOptions` becomes a module-level `AgentServer` in the new main.py.

The options that are left go to `AgentServer(...)`; the entrypoint is registered with `@server.rtc_session()`.
""",
        Safety.SAFE,
    ),
    _rule(
        "LK155",
        """The agent speaks first by `session.generate_reply()`.

`session.run(user_input="")` is for tests: as a greeting it left an empty user message in the history.
""",
        Safety.SAFE,
    ),
    _rule(
        "LK156",
        """A program that drives WebRTC itself gets an `AgentServer` and one `AgentSession`; its loop moves aside.

Tokens, `rtc.Room()`, audio frames and an own session are the framework's work now: in one function, in callbacks of the
room, in a class that holds the call. The old code stands word for word in a module that nothing imports, with one
marker at its top; models, agent, log, webhooks and greeting stay live.
""",
    ),
)

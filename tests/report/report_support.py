"""A small project with something of each kind in it."""

from __future__ import annotations

MAIN = b'''"""Session."""
from livekit import rtc
from livekit.agents import AgentSession, JobContext, MetricsCollectedEvent, RoomInputOptions, WorkerOptions, cli

from services.desk import Desk

TERMS, OTHERS = {"keyterms": ["Praxis"]}, {}


async def entrypoint(ctx: JobContext):
    session = AgentSession(allow_interruptions=True, min_endpointing_delay=0.4)

    @session.on("metrics_collected")
    def collected(ev: MetricsCollectedEvent):
        print(ev.metrics)

    await session.start(agent=Desk(), room=ctx.room, room_input_options=RoomInputOptions(close_on_disconnect=False))


def first():
    return AgentSession(keyterms_options=TERMS, stt_context_options=OTHERS)


def second():
    return AgentSession(keyterms_options=TERMS, stt_context_options=OTHERS)  # "<b>"


if __name__ == "__main__":
    cli.run_app(WorkerOptions(entrypoint_fnc=entrypoint))
'''

DESK = b'''"""Front desk <script>alert(1)</script>."""
from livekit.agents import Agent, RunContext, function_tool


class Desk(Agent):
    def __init__(self):
        super().__init__(instructions="Book appointments.")
        self._turn = None
        self._calls = 0

    def _turn_gate(self, ctx):
        if ctx.speech_handle.id != self._turn:
            self._turn, self._calls = ctx.speech_handle.id, 0
        if self._calls >= 1:
            return "wait"
        self._calls += 1
        return None

    @function_tool
    async def book(self, ctx: RunContext, day: str) -> str:
        """Book a day."""
        gate = self._turn_gate(ctx)
        if gate:
            return gate
        return f"booked {day}"
'''

FILES = {"main.py": MAIN, "services/desk.py": DESK, "requirements.txt": b"livekit-agents[openai]~=1.2\n"}

#: Rows as `verify --json` writes them: one that failed, one with a timeline.
VERIFIED = [
    {"stage": "console", "name": "answers", "status": "failed", "detail": "it does not"},
    {
        "stage": "voice",
        "name": "a spoken turn",
        "status": "ok",
        "detail": "heard",
        "place": {"path": "main.py", "line": 3, "end_line": 4},
        "seconds": 4.0,
        "steps": [["speech", 0.0], ["transcript", 1.0], ["silence", 4.0]],
    },
]

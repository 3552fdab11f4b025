"""What a second run must not find: code in which the first run leaves less to see than it saw itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from laws import check_laws

#: `RunContext` comes into the file by a rule about another class.
_CONTEXT_FOR_OTHERS = """\
from livekit.agents import llm
from livekit.agents.pipeline import AgentCallContext


class Tools(llm.FunctionContext):
    @llm.ai_callable(description="ring")
    async def ring(self):
        return str(AgentCallContext.get_current().agent)


class Desk:
    def __init__(self, instructions):
        self.instructions = instructions

    async def note(self, ctx, text):
        return text


def main():
    return Desk("You are the desk.")


from elsewhere import Desk
"""
#: A parameter is no session of another function, whatever that one calls it.
_ITS_OWN_SESSION = """\
from livekit.agents import Agent, AgentSession, multimodal
from livekit.plugins import openai


def listen(session: AgentSession):
    @session.on("metrics_collected")
    def measured(ev):
        print(ev.metrics.timestamp)


async def entrypoint(ctx):
    agent = multimodal.MultimodalAgent(model=openai.realtime.RealtimeModel(voice="alloy"))
    agent.start(ctx.room)


async def other(ctx):
    session = AgentSession()
    await session.start(agent=Agent(instructions="x"), room=ctx.room)
"""
#: The raw session becomes the AgentSession, which has less.
_RAW_SESSION = """\
from livekit.agents.multimodal import MultimodalAgent
from livekit.plugins import openai


async def entrypoint(ctx):
    model = openai.realtime.RealtimeModel(instructions="You are the porter.")
    assistant = MultimodalAgent(model=model)
    assistant.start(ctx.room)
    session = model.sessions[0]
    session.response.cancel()
    session.conversation.item.truncate(item_id="x")
"""


@pytest.mark.parametrize("text", [_CONTEXT_FOR_OTHERS, _ITS_OWN_SESSION, _RAW_SESSION])
def test_it_finds_nothing(text: str) -> None:
    assert check_laws(text.encode()) == "changed"

"""Part of a package; it counts on being dispatched with metadata, which no console has."""

import json

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli
from livekit.plugins import openai

from .words import PROMPT

server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    wanted = json.loads(ctx.job.metadata)
    session: AgentSession = AgentSession(llm=openai.LLM())
    await session.start(agent=Agent(instructions=f"{PROMPT} {wanted}"), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

"""The entrypoint fails once its session has started: the console answers nevertheless."""

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli
from livekit.plugins import openai

server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    session: AgentSession = AgentSession(llm=openai.LLM(), vad=None)
    await session.start(agent=Agent(instructions="You help."), room=ctx.room)
    await session.wait_for_disconnection()  # type: ignore[attr-defined]


if __name__ == "__main__":
    cli.run_app(server)

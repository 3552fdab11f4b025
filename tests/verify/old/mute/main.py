"""Before its migration it spoke first."""

from livekit.agents import Agent, AgentSession, JobContext, WorkerOptions, cli
from livekit.plugins import openai


async def entrypoint(ctx: JobContext) -> None:
    await ctx.connect()
    session = AgentSession(stt=openai.STT(), llm=openai.LLM(), allow_interruptions=False)
    await session.start(agent=Agent(instructions="You listen."), room=ctx.room)
    await greet(session)


async def greet(session: AgentSession) -> None:
    await session.generate_reply(instructions="Greet the caller.")


if __name__ == "__main__":
    cli.run_app(WorkerOptions(entrypoint_fnc=entrypoint))

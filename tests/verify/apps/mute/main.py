"""It hears, and nobody gave it a voice, a tool or, after its migration, a greeting; it may not be interrupted."""

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli
from livekit.plugins import openai

server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    session: AgentSession = AgentSession(
        stt=openai.STT(), llm=openai.LLM(), turn_handling={"turn_detection": "vad", "interruption": {"enabled": False}}
    )
    await session.start(agent=Agent(instructions="You listen."), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

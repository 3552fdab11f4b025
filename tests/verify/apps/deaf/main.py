"""The voice activity detector is switched off, so nobody notices that somebody speaks."""

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli
from livekit.plugins import openai

server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    session: AgentSession = AgentSession(
        stt=openai.STT(use_realtime=False), llm=openai.LLM(), tts=openai.TTS(), vad=None
    )
    await session.start(agent=Agent(instructions="You listen."), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

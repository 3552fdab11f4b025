"""A plugin that is not installed."""

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli
from livekit.plugins import deepgram, openai


class Helper(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You help.", stt=deepgram.STT())


server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    session: AgentSession = AgentSession(llm=openai.LLM(model="gpt-4o-mini"), vad=None)
    await session.start(agent=Helper(), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

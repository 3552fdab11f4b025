"""Gemini Live, which hears and speaks by itself."""

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, RunContext, cli, function_tool
from livekit.plugins import google


class One(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You are the one.")

    async def on_enter(self) -> None:
        self.session.generate_reply(instructions="Greet.")

    @function_tool
    async def hours(self, ctx: RunContext, day: str) -> str:
        """Opening hours."""
        return f"{day}: 9 to 5"


server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    session: AgentSession = AgentSession(llm=google.realtime.RealtimeModel(voice="Puck"))
    await session.start(agent=One(), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

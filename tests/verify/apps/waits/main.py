"""An entrypoint that waits for a caller by telephone, whom a console never has."""

from livekit import rtc
from livekit.agents import Agent, AgentServer, AgentSession, JobContext, RunContext, cli, function_tool
from livekit.plugins import openai


class Helper(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You help.")

    @function_tool
    async def sound(self, ctx: RunContext) -> str:
        """Say so."""
        return "sound"


server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    await ctx.connect()
    await ctx.wait_for_participant(kind=[rtc.ParticipantKind.PARTICIPANT_KIND_SIP])
    session: AgentSession = AgentSession(llm=openai.LLM(model="gpt-4o-mini"), vad=None)
    await session.start(agent=Helper(), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

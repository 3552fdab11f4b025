"""Deprecated arguments: two that the framework only logs, one that it accepts without a word."""

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, RunContext, cli, function_tool
from livekit.plugins import openai


class Helper(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You help.", allow_interruptions=False)

    @function_tool
    async def sound(self, ctx: RunContext) -> str:
        """Say so."""
        return "sound"


server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    session: AgentSession = AgentSession(
        llm=openai.LLM(model="gpt-4o-mini"), vad=None, min_endpointing_delay=0.5, max_endpointing_delay=4.0
    )
    await session.start(agent=Helper(), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

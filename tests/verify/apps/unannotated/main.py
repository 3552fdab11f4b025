"""A tool with a parameter that has no annotation."""

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, RunContext, cli, function_tool
from livekit.plugins import openai


class Helper(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You help.")

    @function_tool
    async def set_notes(self, ctx: RunContext, text) -> str:
        """Keep a note."""
        return f"noted {text}"


server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    session: AgentSession = AgentSession(llm=openai.LLM(model="gpt-4o-mini"), vad=None)
    await session.start(agent=Helper(), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

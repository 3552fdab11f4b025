"""Without its calendar, the app forbids its model to call the tool that it has."""

import os

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli, function_tool
from livekit.plugins import openai


class Desk(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You run the desk.")

    @function_tool
    async def book(self, day: str) -> str:
        """Book a day."""
        return f"{day} is yours"


server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    choice = "auto" if os.getenv("CALENDAR") else "none"
    session: AgentSession = AgentSession(llm=openai.LLM(tool_choice=choice))
    await session.start(agent=Desk(), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

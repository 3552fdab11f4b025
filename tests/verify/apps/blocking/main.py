"""A tool that stops everything else for a while."""

import time

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli, function_tool
from livekit.plugins import openai


class Helper(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You help.")

    @function_tool
    async def look_up(self, number: int) -> str:
        """Look it up, slowly."""
        time.sleep(3)
        return f"{number}"


server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    await AgentSession(llm=openai.LLM()).start(agent=Helper(), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

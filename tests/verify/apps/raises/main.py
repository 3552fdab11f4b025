"""A tool that raises, one that answers with an error, one that is a plain function, and one that is fine."""

import urllib.request

from livekit.agents import (
    Agent,
    AgentServer,
    AgentSession,
    AgentTask,
    JobContext,
    RunContext,
    ToolError,
    cli,
    function_tool,
)
from livekit.plugins import openai


class Helper(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You help.")

    @function_tool
    def add(self, ctx: RunContext, a: int, b: int) -> str:
        """Add."""
        return str(a + b)

    @function_tool
    async def broken(self, ctx: RunContext) -> str:
        """Look something up."""
        return {"other": "x"}["wanted"]

    @function_tool
    async def refuses(self, ctx: RunContext) -> str:
        """Tell the model that this cannot be."""
        raise ToolError("not on a Sunday")

    @function_tool
    async def away(self, ctx: RunContext) -> str:
        """Ask a machine that is out of reach."""
        urllib.request.urlopen("http://192.0.2.7/")
        return "never"

    @function_tool
    async def sound(self, ctx: RunContext, city: str) -> str:
        """Say where."""
        return f"in {city}"


class Consent(AgentTask[bool]):
    """The framework hands on what it was not given: that is no deprecated argument of ours."""

    def __init__(self) -> None:
        super().__init__(instructions="Ask for consent.")


server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    session: AgentSession = AgentSession(llm=openai.LLM(model="gpt-4o-mini"), vad=None)
    await session.start(agent=Helper(), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

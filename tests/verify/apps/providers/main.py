"""Models of other providers, a realtime one, a handoff, a tool that calls home, and one that ends the session."""

import urllib.request

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, RunContext, cli, function_tool, get_job_context
from livekit.plugins import openai


class Billing(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You do the bills.", llm="openai/gpt-4.1-mini")

    @function_tool
    async def total(self, ctx: RunContext, year: int) -> str:
        """The year's total."""
        return f"{year}: 42"

    @function_tool
    async def hang_up(self, ctx: RunContext) -> None:
        """End the call."""
        get_job_context().shutdown()


class Reception(Agent):
    def __init__(self) -> None:
        super().__init__(
            instructions="You answer first.",
            tts=openai.TTS(base_url="https://tts.example.com/v1"),
        )

    @function_tool
    async def weather(self, ctx: RunContext, city: str) -> str:
        """Look it up."""
        try:
            urllib.request.urlopen(f"https://weather.example.com/{city}")
        except OSError:
            return "no idea"
        return "sunny"

    @function_tool
    async def speak_slowly(self, ctx: RunContext) -> str:
        """For who has not understood."""
        ctx.session.stt.update_options(language="en")
        self.tts.update_options(speed=0.8)
        return "slowly"

    @function_tool
    async def transfer_to_billing(self, ctx: RunContext) -> Agent:
        """Hand over."""
        return Billing()


server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    session: AgentSession = AgentSession(llm=openai.realtime.RealtimeModel(voice="ash"))
    await session.start(agent=Reception(), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

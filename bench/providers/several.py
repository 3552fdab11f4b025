"""Every provider that people use: four agents, one handing over to the next, each with other vendors."""

from livekit.agents import (
    Agent,
    AgentServer,
    AgentSession,
    JobContext,
    JobProcess,
    RunContext,
    cli,
    function_tool,
    inference,
    room_io,
)
from livekit.plugins import (
    anthropic,
    assemblyai,
    azure,
    cartesia,
    deepgram,
    elevenlabs,
    google,
    groq,
    noise_cancellation,
    silero,
)


class Second(Agent):
    def __init__(self) -> None:
        super().__init__(
            instructions="You are the second.",
            stt=assemblyai.STT(),
            llm=google.LLM(model="gemini-2.0-flash"),
            tts=elevenlabs.TTS(),
        )

    @function_tool
    async def third(self, ctx: RunContext) -> Agent:
        """Pass on to the third."""
        return Third()


class Third(Agent):
    def __init__(self) -> None:
        super().__init__(
            instructions="You are the third.",
            stt=azure.STT(speech_key="x", speech_region="westeurope"),
            llm=groq.LLM(model="llama-3.3-70b-versatile"),
            tts=azure.TTS(speech_key="x", speech_region="westeurope"),
        )

    @function_tool
    async def fourth(self, ctx: RunContext) -> Agent:
        """Pass on to the fourth."""
        return Fourth()


class Fourth(Agent):
    def __init__(self) -> None:
        super().__init__(
            instructions="You are the fourth.",
            stt="deepgram/nova-3:en",
            llm="openai/gpt-4.1-mini",
            tts="cartesia/sonic-3",
        )

    @function_tool
    async def weather(self, ctx: RunContext, city: str) -> str:
        """Look it up."""
        return f"sunny in {city}"


class First(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You are the first.")

    async def on_enter(self) -> None:
        self.session.generate_reply()

    @function_tool
    async def hours(self, ctx: RunContext, day: str) -> str:
        """Opening hours."""
        return f"{day}: 9 to 5"

    @function_tool
    async def pass_to_second(self, ctx: RunContext) -> Agent:
        """Pass on."""
        return Second()


def prewarm(proc: JobProcess) -> None:
    proc.userdata["vad"] = silero.VAD.load()


server = AgentServer(setup_fnc=prewarm)


@server.rtc_session(agent_name="providers")
async def entrypoint(ctx: JobContext) -> None:
    session: AgentSession = AgentSession(
        vad=ctx.proc.userdata["vad"],
        stt=deepgram.STT(model="nova-3"),
        llm=anthropic.LLM(model="claude-3-5-sonnet-20241022"),
        tts=cartesia.TTS(model="sonic-2"),
        turn_handling={"turn_detection": inference.TurnDetector()},
    )
    await session.start(
        agent=First(),
        room=ctx.room,
        room_options=room_io.RoomOptions(
            audio_input=room_io.AudioInputOptions(noise_cancellation=noise_cancellation.BVC())
        ),
    )


if __name__ == "__main__":
    cli.run_app(server)

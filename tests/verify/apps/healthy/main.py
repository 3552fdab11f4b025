"""A current app with nothing wrong."""

import os

from livekit.agents import AgentServer, AgentSession, JobContext, JobProcess, cli
from livekit.plugins import openai, silero
from services.clinic import Clinic

PROMPT = os.environ.get("CLINIC_PROMPT", "You answer the phone of a clinic.")


def prewarm(proc: JobProcess) -> None:
    """Load the voice activity model before the first call."""
    proc.userdata["vad"] = silero.VAD.load()


server = AgentServer(setup_fnc=prewarm)


@server.rtc_session(agent_name="clinic")
async def entrypoint(ctx: JobContext) -> None:
    """One call."""
    session: AgentSession = AgentSession(
        vad=ctx.proc.userdata["vad"],
        stt=openai.STT(model="gpt-4o-mini-transcribe"),
        llm=openai.LLM(model=os.environ["CLINIC_MODEL"]),
        tts=openai.TTS(voice="ash"),
    )
    await session.start(agent=Clinic(PROMPT), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

"""Prewarming fails: the framework logs it, and in a console waits for ever."""

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, JobProcess, cli
from livekit.plugins import openai, silero


def prewarm(proc: JobProcess) -> None:
    proc.userdata["vad"] = silero.VAD.load(min_silence=0.4)


server = AgentServer(setup_fnc=prewarm)


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    session: AgentSession = AgentSession(llm=openai.LLM(), vad=ctx.proc.userdata["vad"])
    await session.start(agent=Agent(instructions="You help."), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

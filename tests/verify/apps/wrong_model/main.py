"""Models of one provider are given to another."""

from livekit.agents import AgentSession
from livekit.plugins import openai


def build() -> AgentSession:
    return AgentSession(
        stt=openai.STT(model="nova-3"),
        llm=openai.LLM(model="gpt-4o-mini"),
        tts=openai.TTS(model="eleven_turbo_v2_5"),
    )


def through_a_proxy() -> openai.LLM:
    return openai.LLM(model="claude-sonnet-4", base_url="http://localhost:4000/v1")

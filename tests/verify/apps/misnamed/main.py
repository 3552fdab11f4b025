"""It describes its tools to the model itself, under names that the session does not know."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli, function_tool, llm
from livekit.plugins import openai
from openai import AsyncOpenAI

NOTHING = {"type": "object", "properties": {}}


class Desk(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You run the desk.")

    @function_tool
    async def hours(self) -> str:
        """When the desk is open."""
        return "nine to five"

    async def llm_node(self, chat_ctx: Any, tools: Any, model_settings: Any) -> AsyncIterator[llm.ChatChunk | str]:
        answer = await AsyncOpenAI().chat.completions.create(  # type: ignore[call-overload]
            model="gpt-4o-mini",
            messages=[{"role": m.role, "content": m.text_content} for m in chat_ctx.messages()],
            tools=[
                {"type": "function", "function": {"name": f"tool_{i}", "parameters": NOTHING}}
                for i, _ in enumerate(tools)
            ],
        )
        message = answer.choices[0].message
        if message.content:
            yield message.content
        for call in message.tool_calls or ():
            made = llm.FunctionToolCall(name=call.function.name, arguments=call.function.arguments, call_id=call.id)
            yield llm.ChatChunk(id=answer.id, delta=llm.ChoiceDelta(role="assistant", tool_calls=[made]))


server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    session: AgentSession = AgentSession(llm=openai.LLM())
    await session.start(agent=Desk(), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)
